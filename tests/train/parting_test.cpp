#include "train/parting.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "train/errors.h"
#include "train/run.h"

using namespace tempera;

namespace {

const std::string kDigits = "data: {type: digits, file: \"" + source_file("data/files/digits.csv").string() +
                            "\"}\nmodel: {type: mlp, hidden: [4], dropout: 0.1}\ntrain: {steps: 8, batch: 8}\n"
                            "evaluate: {every: 4}\ncheckpoint: {every: 2, keep: 9}\n";

void run(TestExperiment& test) {
  std::FILE* screen = std::tmpfile();
  {
    Console console(screen);
    run_experiment(*test.experiment, console, {}, RunStart::overwrite);
  }
  std::fclose(screen);
}

MetricRecord record(std::int64_t step, const std::string& split, double loss) {
  return {step, 0, 0, split, {{"loss", loss}, {"other", 1}}};
}

const auto kNever = [](std::int64_t) { return false; };

}  // namespace

TEST_CASE("records part at the first step both have", "[parting]") {
  const double nan = std::nan("");
  const std::vector<MetricRecord> a{record(1, "train", 3), record(2, "train", nan), record(3, "train", 1),
                                    record(3, "valid", 5), record(3, "valid", 4)};
  std::vector<MetricRecord> b = a;
  CHECK_FALSE(part_in_records(a, b));
  b.erase(b.begin());  // recorded less often
  CHECK_FALSE(part_in_records(a, b));
  b[3].values[0].second = 4.5;  // the second evaluation of step 3
  CHECK(part_in_records(a, b)->text() == "step 3: valid loss is 4 and 4.5");
  b[0].values[0].second = 2;
  CHECK(part_in_records(a, b)->text() == "step 2: train loss is nan and 2");
}

TEST_CASE("a replay has the bits of its run, and shows where another parts", "[parting]") {
  const TestFolder folder;
  TestExperiment one(kDigits, {"folder=" + folder.path.string(), "name=one"});
  run(one);
  const std::vector<MetricRecord> recorded = read_metrics(folder.path / "one/metrics.jsonl");
  TestExperiment again(kDigits, {"train.threads=2"});
  CHECK_FALSE(replay(*again.experiment, recorded));
  CHECK(again.trainer().weights_hash() == one.trainer().weights_hash());

  // A loss that was tampered with in its last bit.
  std::vector<MetricRecord> tampered = recorded;
  for (MetricRecord& r : tampered)
    if (r.step == 3 && r.split == "train") r.values[0].second = std::nextafter(r.values[0].second, 100);
  TestExperiment other(kDigits);
  const std::optional<Parting> parting = replay(*other.experiment, tampered);
  REQUIRE(parting);
  CHECK(parting->step == 3);
  CHECK(parting->what == "train loss");
  CHECK(other.trainer().steps_done() == 3);
}

TEST_CASE("side by side, runs part at the step and parameter where a setting begins to matter", "[parting]") {
  TestExperiment a(kDigits), same(kDigits);
  CHECK_FALSE(part_in_replay(*a.experiment, *same.experiment, 8, kNever));
  // Warm-up of one step or two: the first update differs already, the initial weights do not.
  TestExperiment b(kDigits), c(kDigits, {"lr=1.1e-3"});
  const std::optional<Parting> parting = part_in_replay(*b.experiment, *c.experiment, 8, kNever);
  REQUIRE(parting);
  CHECK(parting->step == 1);
  TestExperiment d(kDigits), e(kDigits, {"train.seed=2"});
  CHECK(part_in_replay(*d.experiment, *e.experiment, 8, kNever)->step == 0);
  TestExperiment f(kDigits), g(kDigits, {"model.hidden=[5]"});
  CHECK_THROWS_AS(part_in_replay(*f.experiment, *g.experiment, 8, kNever), SetupError);
}

TEST_CASE("checkpoints of the same step are compared", "[parting]") {
  const TestFolder folder;
  const auto trained = [&](const std::string& name, const std::string& setting) {
    TestExperiment test(kDigits, {"folder=" + folder.path.string(), "name=" + name, setting});
    run(test);
    return folder.path / name;
  };
  const auto one = trained("one", "lr=1e-3"), same = trained("same", "lr=1e-3");
  int compared = 0;
  CHECK_FALSE(part_in_checkpoints(one, same, compared));
  CHECK(compared == 4);
  const auto other = trained("other", "train.steps=6");  // the schedule ends sooner
  const std::optional<Parting> parting = part_in_checkpoints(one, other, compared = 0);
  REQUIRE(parting);
  CHECK(parting->step == 2);
  CHECK(compared == 1);
  const auto wide = trained("wide", "model.hidden=[5]");
  CHECK_THROWS_AS(part_in_checkpoints(one, wide, compared), CheckpointError);
}
