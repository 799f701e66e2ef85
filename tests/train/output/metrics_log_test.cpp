#include "train/output/metrics_log.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

void add_step(MetricsLog& log, std::int64_t step, double loss) {
  log.add(step, 0.5 * static_cast<double>(step), static_cast<double>(step) * 2, "train",
          std::array{Metric{"loss", loss}});
}

std::vector<std::int64_t> steps_in(const std::filesystem::path& file) {
  std::vector<std::int64_t> steps;
  for (const MetricRecord& record : read_metrics(file)) steps.push_back(record.step);
  return steps;
}

}  // namespace

TEST_CASE("a record is a line of JSON; what is not finite is null with a text", "[output]") {
  const TestFolder folder;
  const auto file = folder.path / "metrics.jsonl";
  MetricsLog log(file);
  log.add(500, 0.5, 12.25, "valid", std::array{Metric{"loss", 1.843}, Metric{"accuracy", 0.1}});
  log.add(501, 0.75, 13, "train", std::array{Metric{"loss", kNan}, Metric{"up", kInf}, Metric{"down", -kInf}});
  CHECK(
      contents_of(file) ==
      "{\"step\":500,\"epoch\":0.5,\"time\":12.25,\"split\":\"valid\",\"loss\":1.843,\"accuracy\":0.1}\n"
      "{\"step\":501,\"epoch\":0.75,\"time\":13.0,\"split\":\"train\",\"loss\":null,\"loss_text\":\"nan\",\"up\":null,"
      "\"up_text\":\"inf\",\"down\":null,\"down_text\":\"-inf\"}\n");
  const std::vector<MetricRecord> records = read_metrics(file);
  REQUIRE(records.size() == 2);
  CHECK(records[0].split == "valid");
  CHECK(records[0].time == 12.25);
  CHECK(records[0].values == std::vector<std::pair<std::string, double>>{{"loss", 1.843}, {"accuracy", 0.1}});
  REQUIRE(records[1].values.size() == 3);
  CHECK(std::isnan(records[1].values[0].second));
  CHECK(records[1].values[1].second == kInf);
  CHECK(records[1].values[2].second == -kInf);
}

TEST_CASE("numbers come back bit for bit", "[output]") {
  const TestFolder folder;
  const auto file = folder.path / "metrics.jsonl";
  const std::array values = {0.1, 1.0 / 3, 1e-310, 1.7976931348623157e308, -0.0};
  {
    MetricsLog log(file);
    for (const double value : values) add_step(log, 1, value);
  }
  const std::vector<MetricRecord> records = read_metrics(file);
  REQUIRE(records.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(records[i].values[0].second == values[i]);
    CHECK(std::signbit(records[i].values[0].second) == std::signbit(values[i]));
  }
}

TEST_CASE("a resumed run cuts off what lies beyond its step and counts its time on", "[output]") {
  const TestFolder folder;
  const auto file = folder.path / "metrics.jsonl";
  {
    MetricsLog log(file);
    for (std::int64_t step = 1; step <= 5; ++step) add_step(log, step, 1);
  }
  const std::string whole = contents_of(file);
  {
    MetricsLog log(file, 3);
    CHECK(log.time() == 6);
    add_step(log, 4, 2);
  }
  CHECK(steps_in(file) == std::vector<std::int64_t>{1, 2, 3, 4});
  {
    MetricsLog log(file, 0);  // nothing was saved yet
    CHECK(log.time() == 0);
  }
  CHECK(steps_in(file).empty());
  {
    MetricsLog log(file, 100);  // no file's worth of records: fine
    add_step(log, 101, 1);
  }
  CHECK(steps_in(file) == std::vector<std::int64_t>{101});
  MetricsLog fresh(file);
  CHECK(contents_of(file).empty());
}

TEST_CASE("a file cut at any byte reads as its whole lines and can be resumed", "[output]") {
  const TestFolder folder;
  const auto file = folder.path / "metrics.jsonl";
  {
    MetricsLog log(file);
    for (std::int64_t step = 1; step <= 3; ++step) add_step(log, step, 1.5);
  }
  const std::string whole = contents_of(file);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    const auto lines = static_cast<std::size_t>(std::count(cut.begin(), cut.end(), '\n'));
    folder.write("metrics.jsonl", cut);
    CHECK(steps_in(file).size() == lines);
    MetricsLog log(file, 2);
    add_step(log, 3, 2);
    CHECK(steps_in(file).size() == std::min<std::size_t>(lines, 2) + 1);
  }
}

TEST_CASE("zeros at the end are dropped, damage before it is told", "[output]") {
  const TestFolder folder;
  const std::string line = "{\"step\":1,\"split\":\"train\",\"loss\":2}\n";
  const auto zeros = folder.write("zeros.jsonl", line + std::string(20, '\0') + "\n");
  CHECK(steps_in(zeros) == std::vector<std::int64_t>{1});
  const auto hole = folder.write("hole.jsonl", line + std::string(20, '\0') + line + line);
  CHECK(steps_in(hole) == std::vector<std::int64_t>{1});
  const auto damaged = folder.write("damaged.jsonl", line + "{\"step\":\n" + line);
  CHECK(folder.error_of([&] { read_metrics(damaged); }) ==
        "metrics: damaged.jsonl:2: this line is not a record; remove it");
  CHECK(folder.error_of([&] { read_metrics(folder.path / "none"); }) ==
        "read: none: open failed: No such file or directory");
}

TEST_CASE("names that the record itself uses are refused", "[output]") {
  const TestFolder folder;
  MetricsLog log(folder.path / "metrics.jsonl");
  for (const char* name : {"step", "epoch", "time", "split", "loss_text"})
    CHECK(folder.error_of([&] {
      log.add(1, 0, 0, "train", std::array{Metric{name, 1}});
    }) == fmt::format("metrics: a metric cannot be named '{}': the name is taken; choose another", name));
  CHECK(contents_of(folder.path / "metrics.jsonl").empty());
  CHECK(folder.error_of([&] { MetricsLog(folder.path / "no" / "metrics.jsonl"); }) ==
        "metrics: no/metrics.jsonl: open failed: No such file or directory");
}
