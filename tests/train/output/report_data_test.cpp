#include "train/output/report_data.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

ReportRun run(const std::string& name, const std::string& yaml, const std::vector<std::pair<int, double>>& losses) {
  ReportRun made;
  made.identity.name = name;
  made.config = flat_config(yaml, "test");
  for (const auto& [step, loss] : losses) {
    MetricRecord record;
    record.step = step;
    record.split = "valid";
    record.values = {{"loss", loss}};
    made.records.push_back(record);
  }
  return made;
}

using Doubles = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a configuration is flattened to dotted keys", "[output]") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(flat_config("a: 1\nb: {c: x, d: [1, 2]}\ne: null\nf: {}\ng: 'two words'\n", "c") ==
        Pairs{{"a", "1"}, {"b.c", "x"}, {"b.d", "[1, 2]"}, {"e", "null"}, {"f", "{}"}, {"g", "two words"}});
  CHECK(flat_config("", "c").empty());
  CHECK_THROWS_WITH(flat_config("a: [1\nb: 2\n", "c.yaml"), Catch::Contains("report: c.yaml:2:"));
}

TEST_CASE("runs that differ only by seed and name are one group", "[output]") {
  const std::vector<ReportRun> runs = {
      run("mqar-soft-seed1", "name: mqar-soft-seed1\ntrain: {seed: 1}\nlr: 0.1\n", {}),
      run("mqar-lin-seed1", "train: {seed: 1}\nlr: 0.2\n", {}),
      run("mqar-soft-seed2", "name: mqar-soft-seed2\nlr: 0.1\ntrain: {seed: 2}\n", {}),
      run("bare", "", {}),
      run("bare", "", {}),
  };
  const std::vector<ReportGroup> groups = group_runs(runs);
  REQUIRE(groups.size() == 4);
  CHECK(groups[0].name == "mqar-soft");
  CHECK(groups[0].runs == std::vector<std::size_t>{0, 2});
  CHECK(groups[1].name == "mqar-lin-seed1");
  CHECK(groups[2].name == "bare");
  CHECK(groups[3].name == "bare (2)");
  const std::vector<Difference> found = differences(runs, std::span(groups).first(2));
  REQUIRE(found.size() == 1);
  CHECK(found[0].key == "lr");
  CHECK(found[0].values == std::vector<std::string>{"0.1", "0.2"});
}

TEST_CASE("a group's curve is the mean of its runs, interpolated, with an interval", "[output]") {
  const std::vector<ReportRun> runs = {run("a", "", {{0, 4}, {10, 2}, {20, 1}}), run("b", "", {{5, 5}, {15, 3}})};
  const Curve curve = group_curve(runs, {"", {0, 1}}, "loss", "valid");
  CHECK(curve.step == Doubles{0, 5, 10, 15, 20});
  // b begins at 5 and ends at 15; a is 3 at 5 and 1.5 at 15, b is 4 at 10.
  CHECK(curve.mean == Doubles{4, 4, 3, 2.25, 1});
  CHECK(std::isnan(curve.half[0]));
  CHECK(curve.half[1] == Approx(12.706).epsilon(1e-4));  // 3 and 5: s = sqrt 2, over sqrt 2, times t of one degree
  CHECK(curve.half[3] == Approx(12.706 * 0.75).epsilon(1e-4));
  CHECK(std::isnan(curve.half[4]));
  CHECK(group_curve(runs, {"", {0}}, "loss", "train").step.empty());
}

TEST_CASE("what is not finite is left out of curves and told", "[output]") {
  const std::vector<ReportRun> runs = {run("a", "", {{1, 2}, {2, kNan}, {3, kNan}, {4, 1}})};
  CHECK(group_curve(runs, {"", {0}}, "loss", "valid").step == Doubles{1, 4});
  CHECK(not_finite(runs) == std::vector<std::string>{"valid loss of a became nan at step 2"});
}

TEST_CASE("a thinned curve keeps its ends and its peaks", "[output]") {
  Curve curve;
  for (int i = 0; i < 10000; ++i) {
    curve.step.push_back(i);
    curve.mean.push_back(i == 4321 ? 100 : i == 8765 ? -100 : std::sin(i));
    curve.half.push_back(i);
  }
  const Curve thin = thinned(curve, 100);
  CHECK(thin.step.size() <= 100);
  CHECK(thin.step.size() > 90);
  CHECK(thin.step.front() == 0);
  CHECK(thin.step.back() == 9999);
  CHECK(std::is_sorted(thin.step.begin(), thin.step.end()));
  CHECK(std::count(thin.mean.begin(), thin.mean.end(), 100) == 1);
  CHECK(std::count(thin.mean.begin(), thin.mean.end(), -100) == 1);
  CHECK(thin.half == thin.step);
  CHECK(thinned(curve, 10000).step.size() == 10000);
}

TEST_CASE("the best is the lowest loss and the highest accuracy", "[output]") {
  CHECK(better("loss") == Better::lower);
  CHECK(better("bits_per_character") == Better::lower);
  CHECK(better("accuracy") == Better::higher);
  CHECK(better("top_5") == Better::higher);
  CHECK(better("learning_rate") == Better::unknown);
  const std::vector<ReportRun> runs = {run("a", "", {{1, 2}, {2, 1}, {3, 1.5}}), run("b", "", {{1, 3}, {4, 2}})};
  const Reached result = reached(runs, {"", {0, 1}}, "loss", "valid");
  CHECK(result.best.mean == 1.5);
  CHECK(result.last.mean == 1.75);
  CHECK(result.best_step == 3);
  CHECK(result.best.n == 2);
  CHECK(reached(runs, {"", {0}}, "accuracy", "valid").best.n == 0);
}

TEST_CASE("folders of runs are found", "[output]") {
  const TestFolder folder;
  folder.write("sweep/b/metrics.jsonl", "");
  folder.write("sweep/a/deep/metrics.jsonl", "");
  folder.write("sweep/a/deep/checkpoints/x", "");
  folder.write("empty/file", "");
  using Paths = std::vector<std::filesystem::path>;
  CHECK(find_runs(Paths{folder.path / "sweep"}) == Paths{folder.path / "sweep/a/deep", folder.path / "sweep/b"});
  CHECK(find_runs(Paths{folder.path / "sweep/b"}) == Paths{folder.path / "sweep/b"});
  CHECK(folder.error_of([&] { find_runs(Paths{folder.path / "empty"}); }) ==
        "report: there is no run in empty: no metrics.jsonl in it or below");
  CHECK(folder.error_of([&] { find_runs(Paths{folder.path / "none"}); }) ==
        "report: none is no folder; give the folder of a run, as runs/quickstart");
  CHECK(folder.error_of([&] { find_runs({}); }) == "report: no run was given");
}
