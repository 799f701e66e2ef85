#include "train/output/metrics_log.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/files.h"
#include "data/json_number.h"

namespace tempera {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kText = "_text";

bool ends_with(std::string_view name, std::string_view end) {
  return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
}

double not_finite(std::string_view text) {
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

// Nothing when the line is no record.
std::optional<MetricRecord> parse(std::string_view line) {
  constexpr std::size_t kLongest =
      1 << 16;  // of some hundred bytes each; keys of an object are compared with each other
  if (line.size() > kLongest) return std::nullopt;
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step")) return std::nullopt;
  const auto step = whole_number<std::int64_t>(json["step"]);
  if (!step) return std::nullopt;
  MetricRecord record;
  record.step = *step;
  for (const auto& [name, value] : json.items()) {
    if (name == "step" || ends_with(name, kText)) continue;
    if (name == "split" && value.is_string()) record.split = value.get<std::string>();
    else if (name == "epoch" && value.is_number()) record.epoch = value.get<double>();
    else if (name == "time" && value.is_number()) record.time = value.get<double>();
    else if (value.is_number()) record.values.emplace_back(name, value.get<double>());
    else if (value.is_null()) {
      const auto text = json.find(name + std::string(kText));
      const bool told = text != json.end() && text->is_string();
      record.values.emplace_back(name, not_finite(told ? text->get<std::string>() : "nan"));
    }
  }
  return record;
}

// Visits the records of complete lines with the offset behind each, until `visit` returns false. Returns the offset
// behind the last line that was visited with true.
template <class F>
std::size_t each_record(const std::filesystem::path& path, std::string_view text, F visit) {
  std::size_t at = 0;
  for (std::int64_t number = 1; at < text.size(); ++number) {
    const std::size_t end = text.find('\n', at);
    if (end == text.npos) break;  // torn
    const std::optional<MetricRecord> record = parse(text.substr(at, end - at));
    // After a power cut a stretch may be there in length and zero in content; what follows is newer than it.
    if (!record && (end + 1 == text.size() || text.substr(at, end - at).find('\0') != text.npos)) break;
    require(record.has_value(), "metrics", "{}:{}: this line is not a record; remove it", path.string(), number);
    if (!visit(*record)) break;
    at = end + 1;
  }
  return at;
}

}  // namespace

MetricsLog::Kept MetricsLog::kept(const std::filesystem::path& file, std::optional<std::int64_t> resume_after) {
  Kept kept;
  if (resume_after && std::filesystem::exists(file))
    kept.bytes = each_record(file, read_text(file), [&](const MetricRecord& record) {
      if (record.step > *resume_after || record.split.starts_with("test")) return false;
      if (std::isfinite(record.time)) kept.time = record.time;
      return true;
    });
  return kept;
}

MetricsLog::MetricsLog(const std::filesystem::path& file, std::optional<std::int64_t> resume_after)
    : MetricsLog(file, kept(file, resume_after)) {}

MetricsLog::MetricsLog(const std::filesystem::path& file, const Kept& kept)
    : file_("metrics", file, kept.bytes), time_(kept.time) {}

void MetricsLog::add(std::int64_t step, double epoch, double time, std::string_view split,
                     std::span<const Metric> metrics) {
  Json json = {{"step", step}, {"epoch", epoch}, {"time", time}, {"split", split}};
  for (const Metric& metric : metrics) {
    const std::string name(metric.name);
    require(!json.contains(name) && !ends_with(name, kText), "metrics",
            "a metric cannot be named '{}': the name is taken; choose another", name);
    if (std::isfinite(metric.value)) {
      json[name] = metric.value;
    } else {
      json[name] = nullptr;
      json[name + std::string(kText)] = std::isnan(metric.value) ? "nan" : metric.value > 0 ? "inf" : "-inf";
    }
  }
  file_.append(json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
  time_ = time;
}

std::vector<MetricRecord> read_metrics(const std::filesystem::path& file) {
  std::vector<MetricRecord> records;
  each_record(file, read_text(file), [&](const MetricRecord& record) {
    records.push_back(record);
    return true;
  });
  return records;
}

}  // namespace tempera
