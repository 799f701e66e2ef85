// The measurements of a run, a line each, appended to metrics.jsonl:
//
//   {"step":500,"epoch":0.5,"time":12.25,"split":"valid","loss":1.843,"accuracy":0.41}
//
// JSON has no nan and no infinity: such a value is null, and "<name>_text" beside it says which ("nan", "inf", "-inf").
// A line is written in one call and never changed, so a killed run leaves at worst a torn last line, which the reader
// and a resumed run drop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/named_value.h"
#include "train/output/append_file.h"

namespace tempera {

using Metric = NamedValue;

class MetricsLog {
 public:
  // Starts the file anew; or, resuming after step `resume_after`, first cuts off what was logged beyond it, and the end
  // results, which begin with a test: so that nothing stands there twice.
  explicit MetricsLog(const std::filesystem::path& file, std::optional<std::int64_t> resume_after = std::nullopt);

  // Seconds on the clock of the last line that was kept; a resumed run counts on from there.
  double time() const { return time_; }
  // `split` is "train", "valid", "test", or "test.NAME" of a further test set. Names must not be "step", "epoch",
  // "time", "split" nor end in "_text".
  void add(std::int64_t step, double epoch, double time, std::string_view split, std::span<const Metric> metrics);
  // What was added outlasts a power cut.
  void sync() { file_.sync(); }

 private:
  struct Kept {
    std::uint64_t bytes = 0;
    double time = 0;
  };
  static Kept kept(const std::filesystem::path& file, std::optional<std::int64_t> resume_after);
  MetricsLog(const std::filesystem::path& file, const Kept& kept);
  AppendFile file_;
  double time_;
};

struct MetricRecord {
  std::int64_t step = 0;
  double epoch = std::numeric_limits<double>::quiet_NaN(), time = epoch;
  std::string split;
  std::vector<std::pair<std::string, double>> values;
};

// All records. A last line that is not whole is left out; a damaged line before it is an Error with its number.
std::vector<MetricRecord> read_metrics(const std::filesystem::path& file);

}  // namespace tempera
