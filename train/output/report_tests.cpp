#include "train/output/report_tests.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "train/output/html.h"
#include "train/output/numbers.h"
#include "train/output/report_text.h"

namespace tempera {
namespace {

using Json = nlohmann::ordered_json;
using Runs = std::span<const ReportRun>;
using Groups = std::span<const ReportGroup>;

constexpr std::string_view kLength = "length";

// The newest record of each test set: that of the last weights.
std::map<std::string, const MetricRecord*> last_tests(const ReportRun& run) {
  std::map<std::string, const MetricRecord*> last;
  for (const MetricRecord& record : run.records)
    if (record.split.starts_with("test")) last[record.split] = &record;
  return last;
}

std::optional<double> value_of(const MetricRecord& record, std::string_view metric) {
  for (const auto& [name, value] : record.values)
    if (name == metric && std::isfinite(value)) return value;
  return {};
}

// Whether every further test of a run changes the same options.
bool same_options(const ReportRun& run) {
  constexpr std::string_view kTests = "evaluate.tests.";
  std::map<std::string, std::set<std::string>> changed;
  for (const auto& [key, value] : run.config) {
    if (!key.starts_with(kTests)) continue;
    const std::string rest = key.substr(kTests.size());
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    changed[rest.substr(0, dot)].insert(rest.substr(dot));
  }
  return std::all_of(changed.begin(), changed.end(),
                     [&](const auto& options) { return options.second == changed.begin()->second; });
}

bool distinct_lengths(const std::vector<TestResult>& tests) {
  std::set<double> lengths;
  for (const TestResult& test : tests)
    if (!std::isfinite(test.length) || !lengths.insert(test.length).second) return false;
  return lengths.size() > 1;
}

std::vector<TestResult> results_of(Runs runs, const ReportGroup& group, const std::vector<std::string>& metrics) {
  std::set<std::string> splits;
  std::vector<std::map<std::string, const MetricRecord*>> members;
  for (const std::size_t i : group.runs) {
    members.push_back(last_tests(runs[i]));
    for (const auto& [split, record] : members.back()) splits.insert(split);
  }
  const auto mean_of = [&](const std::string& split, std::string_view metric) {
    std::vector<double> values;
    for (const auto& member : members)
      if (const auto found = member.find(split); found != member.end())
        if (const auto value = value_of(*found->second, metric)) values.push_back(*value);
    return mean_interval(values);
  };
  std::vector<TestResult> tests;
  for (const std::string& split : splits) {
    const MeanInterval length = mean_of(split, kLength);
    TestResult& test = tests.emplace_back(TestResult{split, length.n > 0 ? length.mean : std::nan(""), {}});
    for (const std::string& metric : metrics) test.values.push_back(mean_of(split, metric));
  }
  const auto place = [](const TestResult& test) { return std::isfinite(test.length) ? test.length : 0; };
  std::stable_sort(tests.begin(), tests.end(),
                   [&](const TestResult& a, const TestResult& b) { return place(a) < place(b); });
  return tests;
}

std::string cell(const MeanInterval& value) {
  if (value.n == 0) return "<td></td>";
  const MeanText text = mean_text(value.mean, value.half);
  return "<td>" + text.mean + (text.half.empty() ? "" : " ± " + text.half) + "</td>";
}

std::string table(const TestResults& results, Groups groups) {
  const bool lengths = std::any_of(results.groups.begin(), results.groups.end(), [](const auto& tests) {
    return std::any_of(tests.begin(), tests.end(), [](const TestResult& t) { return std::isfinite(t.length); });
  });
  std::string out = "<div class=\"card scroll\"><table><thead><tr><th></th>";
  if (lengths) out += "<th>length</th>";
  for (const std::string& metric : results.metrics) out += "<th>" + words(metric) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const TestResult& test : results.groups[g]) {
      out +=
          "<tr><th>" + (groups.size() > 1 ? swatch(g) + html(groups[g].name) + " " : "") + html(test.split) + "</th>";
      if (lengths)
        out += "<td>" + (std::isfinite(test.length) ? grouped(std::llround(test.length)) : std::string()) + "</td>";
      for (const MeanInterval& value : test.values) out += cell(value);
      out += "</tr>\n";
    }
  return out + "</tbody></table></div>\n";
}

// One metric against the length, a curve for each group.
std::optional<Json> chart(const TestResults& results, std::size_t metric) {
  Json curves = Json::array();
  bool positive = true;
  for (std::size_t g = 0; g < results.groups.size(); ++g) {
    std::vector<double> x, y, half;
    for (const TestResult& test : results.groups[g]) {
      const MeanInterval& value = test.values[metric];
      if (value.n == 0) continue;
      x.push_back(test.length);
      y.push_back(value.mean);
      half.push_back(value.half);
      positive &= value.mean > 0;
    }
    if (x.size() < 2) continue;
    Json curve = {{"group", g}, {"split", "length"}, {"x", short_numbers(x)}, {"y", short_numbers(y)}};
    if (std::any_of(half.begin(), half.end(), [](double h) { return std::isfinite(h); }))
      curve["half"] = short_numbers(half);
    curves.push_back(std::move(curve));
  }
  if (curves.empty()) return {};
  return Json{
      {"metric", results.metrics[metric]}, {"x", "length"}, {"positive", positive}, {"curves", std::move(curves)}};
}

}  // namespace

bool is_further_test(std::string_view split) {
  return split.starts_with("test.");
}

TestResults test_results(Runs runs, Groups groups) {
  TestResults results;
  std::set<std::string> metrics;
  bool further = false;
  for (const ReportRun& run : runs)
    for (const auto& [split, record] : last_tests(run)) {
      further |= is_further_test(split);
      if (is_further_test(split))
        for (const auto& [name, value] : record->values) metrics.insert(name);
    }
  if (!further) return results;
  for (const std::string& metric : metric_names(runs))
    if (metrics.contains(metric) && metric != kLength) results.metrics.push_back(metric);
  for (const ReportGroup& group : groups) results.groups.push_back(results_of(runs, group, results.metrics));
  results.by_length = std::all_of(runs.begin(), runs.end(), same_options) &&
                      std::all_of(results.groups.begin(), results.groups.end(), distinct_lengths);
  return results;
}

TestSection test_section(Runs runs, Groups groups, std::size_t first) {
  const TestResults results = test_results(runs, groups);
  if (results.groups.empty()) return {};
  TestSection section{"<section><h2>Test sets</h2>\n" + table(results, groups), {}};
  std::string charts;
  for (std::size_t m = 0; results.by_length && m < results.metrics.size(); ++m) {
    const std::optional<Json> drawn = chart(results, m);
    if (!drawn) continue;
    charts += fmt::format(
        "<div class=\"card\"><h3>{0}</h3><div class=\"plot\"><canvas data-chart=\"{1}\" role=\"img\" "
        "aria-label=\"{0} over lengths\"></canvas></div></div>\n",
        words(results.metrics[m]), first + section.charts.size());
    section.charts.push_back(drawn->dump());
  }
  if (!charts.empty()) section.html += "<div class=\"charts\">\n" + charts + "</div>\n";
  section.html += "</section>\n";
  return section;
}

}  // namespace tempera
