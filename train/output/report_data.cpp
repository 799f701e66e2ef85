#include "train/output/report_data.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <yaml-cpp/yaml.h>

#include "core/error.h"
#include "train/output/numbers.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using Config = std::vector<std::pair<std::string, std::string>>;

// Keys that do not make another experiment.
const std::set<std::string, std::less<>> kSame = {"train.seed", "train.threads", "name", "folder"};

void flatten(const YAML::Node& node, const std::string& key, Config& out) {
  if (node.IsMap() && node.size() > 0) {
    for (const auto& entry : node) {
      const std::string name = entry.first.as<std::string>();
      flatten(entry.second, key.empty() ? name : fmt::format("{}.{}", key, name), out);
    }
    return;
  }
  YAML::Emitter text;
  text << YAML::Flow << node;
  if (!key.empty()) out.emplace_back(key, node.IsNull() ? "null" : node.IsScalar() ? node.Scalar() : text.c_str());
}

Config identity_of(const Config& config) {
  Config rest;
  for (const auto& entry : config)
    if (!kSame.contains(entry.first)) rest.push_back(entry);
  std::sort(rest.begin(), rest.end());
  return rest;
}

// What the names of several runs share: "mqar-softmax" of "mqar-softmax-seed1" and "mqar-softmax-seed2".
std::string shared_name(std::span<const ReportRun> runs, const std::vector<std::size_t>& members) {
  std::string name = runs[members.front()].identity.name;
  if (members.size() == 1) return name;
  for (const std::size_t i : members) {
    const std::string& other = runs[i].identity.name;
    name.resize(static_cast<std::size_t>(std::mismatch(name.begin(), name.end(), other.begin(), other.end()).first -
                                         name.begin()));
  }
  const auto cut = [&](std::string_view end) {
    if (name.size() < end.size() || name.compare(name.size() - end.size(), end.size(), end) != 0) return false;
    name.resize(name.size() - end.size());
    return true;
  };
  while (cut("-") || cut("_") || cut(".") || cut("/") || cut(" ") || cut("seed")) continue;
  return name.empty() ? runs[members.front()].identity.name + " and others" : name;
}

struct Points {
  std::vector<double> step, value;
};

// The finite values of a metric, steps strictly rising: of several records of one step the last counts.
Points points_of(const ReportRun& run, std::string_view metric, std::string_view split) {
  std::map<double, double> points;
  for (const MetricRecord& record : run.records)
    if (record.split == split)
      for (const auto& [name, value] : record.values)
        if (name == metric && std::isfinite(value)) points[static_cast<double>(record.step)] = value;
  Points result;
  for (const auto& [step, value] : points) {
    result.step.push_back(step);
    result.value.push_back(value);
  }
  return result;
}

std::optional<double> value_at(const Points& points, double step) {
  const auto above = std::lower_bound(points.step.begin(), points.step.end(), step);
  if (above == points.step.end()) return std::nullopt;
  const auto i = static_cast<std::size_t>(above - points.step.begin());
  if (points.step[i] == step) return points.value[i];
  if (i == 0) return std::nullopt;
  const double part = (step - points.step[i - 1]) / (points.step[i] - points.step[i - 1]);
  return points.value[i - 1] + part * (points.value[i] - points.value[i - 1]);
}

std::string read_text(const fs::path& path) {
  std::ostringstream text;
  std::ifstream file(path, std::ios::binary);
  if (file) text << file.rdbuf();
  return text.str();
}

}  // namespace

Config flat_config(std::string_view yaml, std::string_view source) {
  Config config;
  try {
    flatten(YAML::Load(std::string(yaml)), "", config);
  } catch (const YAML::Exception& e) {
    fail("report", "{}:{}:{}: {}", source, e.mark.line + 1, e.mark.column + 1, e.msg);
  }
  return config;
}

ReportRun read_run(const fs::path& folder) {
  ReportRun run;
  run.folder = folder;
  run.identity.name = fs::absolute(folder).lexically_normal().filename().string();
  if (fs::exists(folder / "run.json")) run.identity = read_identity(folder);
  run.config_text = read_text(folder / "config.yaml");
  run.config = flat_config(run.config_text, (folder / "config.yaml").string());
  if (fs::exists(folder / "metrics.jsonl")) run.records = read_metrics(folder / "metrics.jsonl");
  return run;
}

std::vector<fs::path> find_runs(std::span<const fs::path> given) {
  std::vector<fs::path> found;
  const auto is_run = [](const fs::path& path) { return fs::exists(path / "metrics.jsonl"); };
  for (const fs::path& path : given) {
    require(fs::is_directory(path), "report", "{} is no folder; give the folder of a run, as runs/quickstart",
            path.string());
    if (is_run(path)) {
      found.push_back(path);
      continue;
    }
    std::vector<fs::path> below;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
      if (entry.is_directory() && is_run(entry.path())) below.push_back(entry.path());
    require(!below.empty(), "report", "there is no run in {}: no metrics.jsonl in it or below", path.string());
    std::sort(below.begin(), below.end());
    found.insert(found.end(), below.begin(), below.end());
  }
  require(!found.empty(), "report", "no run was given");
  return found;
}

std::vector<ReportGroup> group_runs(std::span<const ReportRun> runs) {
  std::vector<Config> identities;
  std::vector<ReportGroup> groups;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Config identity = identity_of(runs[i].config);
    const auto same = std::find(identities.begin(), identities.end(), identity);
    // Without a configuration nothing says that two runs are alike.
    if (same == identities.end() || runs[i].config.empty()) {
      identities.push_back(identity);
      groups.push_back({"", {i}});
    } else {
      groups[static_cast<std::size_t>(same - identities.begin())].runs.push_back(i);
    }
  }
  std::map<std::string, int> used;
  for (ReportGroup& group : groups) {
    group.name = shared_name(runs, group.runs);
    if (const int count = ++used[group.name]; count > 1) group.name += fmt::format(" ({})", count);
  }
  return groups;
}

std::vector<Difference> differences(std::span<const ReportRun> runs, std::span<const ReportGroup> groups) {
  std::vector<std::string> keys;
  for (const ReportGroup& group : groups)
    for (const auto& [key, value] : runs[group.runs.front()].config)
      if (!kSame.contains(key) && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  std::vector<Difference> found;
  for (const std::string& key : keys) {
    Difference difference{key, {}};
    for (const ReportGroup& group : groups) {
      std::string text;
      for (const auto& [name, value] : runs[group.runs.front()].config)
        if (name == key) text = value;
      difference.values.push_back(std::move(text));
    }
    if (std::set(difference.values.begin(), difference.values.end()).size() > 1) found.push_back(std::move(difference));
  }
  return found;
}

Curve group_curve(std::span<const ReportRun> runs, const ReportGroup& group, std::string_view metric,
                  std::string_view split) {
  Curve curve{0, std::string(metric), std::string(split), {}, {}, {}};
  std::vector<Points> members;
  std::set<double> steps;
  for (const std::size_t i : group.runs) {
    members.push_back(points_of(runs[i], metric, split));
    steps.insert(members.back().step.begin(), members.back().step.end());
  }
  std::vector<double> values;
  for (const double step : steps) {
    values.clear();
    for (const Points& member : members)
      if (const auto value = value_at(member, step)) values.push_back(*value);
    const MeanInterval interval = mean_interval(values);
    curve.step.push_back(step);
    curve.mean.push_back(interval.mean);
    curve.half.push_back(interval.half);
  }
  return curve;
}

Curve thinned(const Curve& curve, std::size_t points) {
  const std::size_t n = curve.step.size();
  if (n <= points || points < 4) return curve;
  Curve thin{curve.group, curve.metric, curve.split, {}, {}, {}};
  const auto keep = [&](std::size_t i) {
    thin.step.push_back(curve.step[i]);
    thin.mean.push_back(curve.mean[i]);
    thin.half.push_back(curve.half[i]);
  };
  keep(0);
  const std::size_t stretches = (points - 2) / 2;
  for (std::size_t s = 0; s < stretches; ++s) {
    const auto first = curve.mean.begin() + static_cast<std::ptrdiff_t>(1 + s * (n - 2) / stretches);
    const auto last = curve.mean.begin() + static_cast<std::ptrdiff_t>(1 + (s + 1) * (n - 2) / stretches);
    const auto [low, high] = std::minmax_element(first, last);
    const auto a = static_cast<std::size_t>(std::min(low, high) - curve.mean.begin());
    const auto b = static_cast<std::size_t>(std::max(low, high) - curve.mean.begin());
    keep(a);
    if (b != a) keep(b);
  }
  keep(n - 1);
  return thin;
}

Reached reached(std::span<const ReportRun> runs, const ReportGroup& group, std::string_view metric,
                std::string_view split) {
  std::vector<double> best, last, step;
  for (const std::size_t i : group.runs) {
    const Points points = points_of(runs[i], metric, split);
    if (points.value.empty()) continue;
    auto at = points.value.end() - 1;
    if (better(metric) == Better::lower) at = std::min_element(points.value.begin(), points.value.end());
    if (better(metric) == Better::higher) at = std::max_element(points.value.begin(), points.value.end());
    best.push_back(*at);
    last.push_back(points.value.back());
    step.push_back(points.step[static_cast<std::size_t>(at - points.value.begin())]);
  }
  return {mean_interval(best), mean_interval(last), mean_interval(step).mean};
}

std::vector<std::string> metric_names(std::span<const ReportRun> runs) {
  std::vector<std::string> names;
  for (const ReportRun& run : runs)
    for (const MetricRecord& record : run.records)
      for (const auto& [name, value] : record.values)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  const auto rank = [](const std::string& name) {
    return name == "loss" ? 0 : better(name) == Better::unknown ? 2 : 1;
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return names;
}

std::vector<std::string> splits_of(std::span<const ReportRun> runs, std::string_view metric) {
  std::set<std::string> found;
  for (const ReportRun& run : runs)
    for (const MetricRecord& record : run.records)
      if (!found.contains(record.split))
        for (const auto& [name, value] : record.values)
          if (name == metric) found.insert(record.split);
  std::vector<std::string> splits;
  for (const char* usual : {"train", "valid", "test"})
    if (found.erase(usual) > 0) splits.emplace_back(usual);
  splits.insert(splits.end(), found.begin(), found.end());
  return splits;
}

std::vector<std::string> not_finite(std::span<const ReportRun> runs) {
  std::vector<std::string> found;
  for (const ReportRun& run : runs) {
    std::set<std::string> told;
    for (const MetricRecord& record : run.records)
      for (const auto& [name, value] : record.values)
        if (!std::isfinite(value) && told.insert(record.split + ' ' + name).second)
          found.push_back(fmt::format("{} {} of {} became {} at step {}", record.split, name, run.identity.name, value,
                                      grouped(record.step)));
  }
  return found;
}

}  // namespace tempera
