#include "train/output/report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/output/html.h"
#include "train/output/numbers.h"
#include "train/output/page.h"
#include "train/output/report_artifacts.h"
#include "train/output/report_data.h"
#include "train/output/report_tests.h"
#include "train/output/report_text.h"

namespace tempera {
namespace {

using Json = nlohmann::ordered_json;
using Runs = std::span<const ReportRun>;
using Groups = std::span<const ReportGroup>;

std::string plural(std::size_t n, std::string_view thing) {
  return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s");
}

// Seconds between two UTC times, nan when one is missing.
double seconds_between(const std::string& from, const std::string& to) {
  const auto seconds = [](const std::string& text) {
    std::tm utc{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return end != nullptr && *end == '\0' ? static_cast<double>(::timegm(&utc)) : std::nan("");
  };
  return seconds(to) - seconds(from);
}

std::string readable_time(std::string text) {  // 2026-01-31T12:00:00Z -> 2026-01-31 12:00:00 UTC
  if (text.size() == 20 && text[10] == 'T' && text.back() == 'Z') {
    text[10] = ' ';
    text.replace(19, 1, " UTC");
  }
  return html(text);
}

double run_seconds(const ReportRun& run) {
  return run.records.empty() ? std::nan("") : run.records.back().time;
}

std::string status(const ReportRun& run) {
  return run.identity.finished.empty() ? "not finished" : "finished " + readable_time(run.identity.finished);
}

std::string hash(const std::string& text) {
  return text.empty() ? "" : fmt::format("<span class=\"mono\" title=\"{0}\">{0}</span>", html(text));
}

std::string identity_list(const ReportRun& run) {
  const RunIdentity& who = run.identity;
  std::string out = "<dl>";
  const auto entry = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, value);
  };
  entry("Seed", std::to_string(who.seed));
  entry("Started", readable_time(who.started));
  entry("State", status(run));
  if (std::isfinite(run_seconds(run))) entry("Time", duration(run_seconds(run)));
  entry("Machine", html(who.machine));
  entry("Threads",
        who.ranks == 1 ? std::to_string(who.threads) : fmt::format("{} ranks of {}", who.ranks, who.threads));
  entry("Code", html(who.code_version));
  entry("Configuration", hash(who.config_hash));
  entry("Weights, SHA-256", hash(who.weights_sha256));
  entry("Folder", "<span class=\"mono\">" + html(run.folder.string()) + "</span>");
  return out + "</dl>";
}

std::string run_table(Runs runs, Groups groups) {
  std::string out =
      "<div class=\"scroll\"><table><thead><tr><th>Run</th><th>Seed</th><th>Steps</th><th>Time</th><th>State</th>"
      "<th>Code</th><th>Weights, SHA-256</th></tr></thead><tbody>\n";
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const std::size_t i : groups[g].runs) {
      const ReportRun& run = runs[i];
      const std::int64_t steps = run.records.empty() ? 0 : run.records.back().step;
      out += fmt::format(
          "<tr><th>{}{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"mono\">{}</td></tr>\n",
          swatch(g), html(run.identity.name), run.identity.seed, grouped(steps), duration(run_seconds(run)),
          status(run), html(run.identity.code_version), html(run.identity.weights_sha256.substr(0, 16)));
    }
  return out + "</tbody></table></div>";
}

struct Figure {
  std::string metric, split;
};

// What the summary tells: metrics with a direction; of training only the loss, which tests and validation judge.
std::vector<Figure> figures(Runs runs) {
  std::vector<Figure> found;
  for (const std::string& metric : metric_names(runs)) {
    if (better(metric) == Better::unknown) continue;
    std::vector<std::string> splits = splits_of(runs, metric);
    std::erase_if(splits, is_further_test);
    if (splits.size() > 1 && metric != "loss") std::erase(splits, "train");
    for (const std::string& split : splits) found.push_back({metric, split});
  }
  return found;
}

// Of training and tests the last value is told, of validation the best.
const MeanInterval& told(const Reached& result, std::string_view split) {
  return split == "valid" ? result.best : result.last;
}

std::string remark(const Reached& result, std::string_view split) {
  if (split == "train") return "last step";
  if (split != "valid") return "";
  const std::string best = brief(result.best.mean), last = brief(result.last.mean);
  if (best == last) return "best and last";
  if (result.best.n > 1) return "best; last " + last;
  return fmt::format("best, at step {}; last {}", grouped(std::llround(result.best_step)), last);
}

std::string tiles(Runs runs, const ReportGroup& group) {
  std::string out = "<div class=\"tiles\">";
  for (const Figure& figure : figures(runs)) {
    const Reached result = reached(runs, group, figure.metric, figure.split);
    if (result.best.n == 0) continue;
    const MeanInterval& main = told(result, figure.split);
    const MeanText text = mean_text(main.mean, main.half);
    out += fmt::format(
        "<div class=\"tile\"><div class=\"what\">{} {}</div><div class=\"figure\">{}{}</div>"
        "<div class=\"more\">{}</div></div>\n",
        html(figure.split), words(figure.metric), text.mean,
        text.half.empty() ? "" : " <span class=\"pm\">± " + text.half + "</span>", remark(result, figure.split));
  }
  return out + "</div>\n";
}

std::string summary_table(Runs runs, Groups groups) {
  const std::vector<Figure> all = figures(runs);
  std::string out = "<div class=\"card scroll\"><table><thead><tr><th></th>";
  for (const Figure& figure : all) out += "<th>" + html(figure.split) + ' ' + words(figure.metric) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t g = 0; g < groups.size(); ++g) {
    out += "<tr><th>" + swatch(g) + html(groups[g].name) + "<small>" + plural(groups[g].runs.size(), "run") +
           "</small></th>";
    for (const Figure& figure : all) {
      const Reached result = reached(runs, groups[g], figure.metric, figure.split);
      if (result.best.n == 0) {
        out += "<td></td>";
        continue;
      }
      const MeanInterval& main = told(result, figure.split);
      const MeanText text = mean_text(main.mean, main.half);
      out += "<td><b>" + text.mean + "</b>" + (text.half.empty() ? "" : " ± " + text.half) + "<small>" +
             remark(result, figure.split) + "</small></td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

// Baselines of all runs, each name once.
std::vector<std::pair<std::string, double>> baselines(Runs runs) {
  std::vector<std::pair<std::string, double>> found;
  for (const ReportRun& run : runs)
    for (const auto& baseline : run.identity.baselines)
      if (std::find(found.begin(), found.end(), baseline) == found.end()) found.push_back(baseline);
  return found;
}

struct Charts {
  std::string html;
  Json data = Json::array();
  bool thinned = false;
};

Charts charts(Runs runs, Groups groups, std::size_t points) {
  Charts result;
  for (const std::string& metric : metric_names(runs)) {
    Json curves = Json::array();
    bool positive = true;
    std::size_t longest = 0;
    for (const std::string& split : splits_of(runs, metric))
      for (std::size_t g = 0; g < groups.size() && !is_further_test(split); ++g) {
        const Curve whole = group_curve(runs, groups[g], metric, split);
        const Curve curve = thinned(whole, points);
        if (curve.step.empty()) continue;
        result.thinned |= curve.step.size() < whole.step.size();
        longest = std::max(longest, curve.step.size());
        positive &= *std::min_element(curve.mean.begin(), curve.mean.end()) > 0;
        Json entry = {
            {"group", g}, {"split", split}, {"x", short_numbers(curve.step)}, {"y", short_numbers(curve.mean)}};
        if (std::any_of(curve.half.begin(), curve.half.end(), [](double half) { return std::isfinite(half); }))
          entry["half"] = short_numbers(curve.half);
        curves.push_back(std::move(entry));
      }
    // A figure measured once is in the summary; a point is no curve.
    if (longest < 2) continue;
    Json chart = {{"metric", metric}, {"positive", positive}, {"curves", std::move(curves)}};
    if (metric == "loss") {
      chart["baselines"] = Json::array();
      for (const auto& [name, loss] : baselines(runs)) chart["baselines"].push_back(Json::array({name, loss}));
    }
    result.html += fmt::format(
        "<div class=\"card{}\"><h3>{}</h3><div class=\"plot\"><canvas data-chart=\"{}\" role=\"img\" "
        "aria-label=\"{} over steps\"></canvas></div></div>\n",
        result.data.empty() ? " wide" : "", words(metric), result.data.size(), words(metric));
    result.data.push_back(std::move(chart));
  }
  return result;
}

std::string controls(Runs runs, Groups groups, bool intervals) {
  std::string out =
      "<div class=\"heading\"><h2>Curves</h2><div class=\"switches\">"
      "<label><input type=\"checkbox\" data-set=\"logX\">log steps</label>"
      "<label><input type=\"checkbox\" data-set=\"logY\">log values</label></div></div>\n<div class=\"controls\">";
  if (groups.size() > 1)
    for (std::size_t g = 0; g < groups.size(); ++g)
      out += fmt::format("<label><input type=\"checkbox\" checked data-show=\"{}\">{}{}</label>", g, swatch(g),
                         html(groups[g].name));
  out += "<span class=\"styles\">";
  const std::vector<std::string> splits = [&] {
    std::vector<std::string> found;
    for (const std::string& metric : metric_names(runs))
      for (const std::string& split : splits_of(runs, metric))
        if (!is_further_test(split) && std::find(found.begin(), found.end(), split) == found.end())
          found.push_back(split);
    return found;
  }();
  const auto style = [](std::string_view split) {
    return split == "train"   ? "stroke-width=\"1.3\" opacity=\".55\""
           : split == "valid" ? "stroke-width=\"2.4\""
           : split == "test"  ? "stroke-width=\"2\" stroke-dasharray=\"2 4\""
                              : "stroke-width=\"1.6\" stroke-dasharray=\"8 3\"";
  };
  for (const std::string& split : splits)
    out += fmt::format(
        "<span><svg width=\"26\" height=\"4\"><path d=\"M0 2H26\" stroke=\"currentColor\" {}/></svg>{}</span>",
        style(split), html(split));
  if (intervals) out += "<span>band: 95 % interval of the mean</span>";
  return out + "</span></div>\n";
}

std::string difference_table(Runs runs, Groups groups) {
  const std::vector<Difference> found = differences(runs, groups);
  if (groups.size() < 2 || found.empty()) return "";
  std::string out =
      "<section><h2>Differences of configuration</h2><div class=\"card scroll\"><table><thead><tr><th>Key</th>";
  for (std::size_t g = 0; g < groups.size(); ++g) out += "<th>" + swatch(g) + html(groups[g].name) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const Difference& difference : found) {
    out += "<tr><th class=\"mono\">" + html(difference.key) + "</th>";
    for (const std::string& value : difference.values) out += "<td class=\"mono\">" + html(value) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div></section>\n";
}

std::string configurations(Runs runs, Groups groups) {
  std::string out;
  for (const ReportGroup& group : groups) {
    const ReportRun& run = runs[group.runs.front()];
    if (run.config_text.empty()) continue;
    out += "<details><summary>Configuration of " + html(run.identity.name) + "</summary><pre>" + html(run.config_text) +
           "</pre></details>\n";
  }
  return out.empty() ? "" : "<section><h2>Configuration</h2>\n" + out + "</section>\n";
}

std::string title_of(Runs runs, Groups groups, const ReportOptions& options) {
  if (!options.title.empty()) return options.title;
  if (runs.size() == 1) return runs.front().identity.name;
  std::string title = groups.front().name;
  for (std::size_t g = 1; g < groups.size() && g < 3; ++g)
    title += (g + 1 == groups.size() ? " and " : ", ") + groups[g].name;
  if (groups.size() > 3) title += fmt::format(" and {} more", groups.size() - 3);
  return title;
}

std::string lead(Runs runs, Groups groups) {
  if (runs.size() > 1) {
    std::string text = plural(runs.size(), "run");
    if (groups.size() < runs.size())
      text += groups.size() == 1 ? " that differ only by the seed"
                                 : " of " + plural(groups.size(), "configuration") +
                                       "; runs that differ only by the "
                                       "seed are averaged";
    return text;
  }
  const ReportRun& run = runs.front();
  std::string text = fmt::format("Seed {}", run.identity.seed);
  if (!run.records.empty()) text += fmt::format(", {} steps", grouped(run.records.back().step));
  if (std::isfinite(run_seconds(run))) text += " in " + duration(run_seconds(run));
  const double wall = seconds_between(run.identity.started, run.identity.finished);
  if (std::isfinite(wall) && wall > run_seconds(run) + 60) text += " (" + duration(wall) + " from start to end)";
  return text + ", " + status(run);
}

}  // namespace

std::string report_page(std::span<const std::filesystem::path> folders, const ReportOptions& options) {
  std::vector<ReportRun> all;
  for (const std::filesystem::path& folder : folders) all.push_back(read_run(folder));
  require(!all.empty(), "report", "no run was given");
  const Runs runs = all;
  const std::vector<ReportGroup> groups = group_runs(runs);
  const bool one = runs.size() == 1, intervals = groups.size() < runs.size();
  const std::string title = title_of(runs, groups, options);
  Charts curves = charts(runs, groups, options.points);
  const TestSection tests = test_section(runs, groups, curves.data.size());
  const ArtifactSections artifacts = artifact_sections(runs);

  std::string body = "<header><h1>" + html(title) + "</h1><p class=\"lead\">" + lead(runs, groups) + "</p></header>\n";
  for (const std::string& text : options.warnings) body += "<p class=\"note warning\">" + html(text) + "</p>\n";
  for (const std::string& text : not_finite(runs)) body += "<p class=\"note warning\">" + html(text) + "</p>\n";
  body += groups.size() == 1 ? tiles(runs, groups.front()) : summary_table(runs, groups);
  if (intervals)
    body += "<p class=\"note\">± is half the width of the 95 % interval of the mean over seeds (Student's t).</p>\n";
  if (!curves.data.empty()) {
    body += "<section>" + controls(runs, groups, intervals) + "<div class=\"charts\">\n" + curves.html + "</div>\n";
    if (curves.thinned)
      body += fmt::format(
          "<p class=\"note\">Long curves are drawn with about {} points; the lowest and the highest of "
          "each stretch are kept.</p>\n",
          grouped(static_cast<std::int64_t>(options.points)));
    body += "</section>\n";
  }
  for (const std::string& chart : tests.charts) curves.data.push_back(Json::parse(chart));
  body += tests.html + artifacts.html + difference_table(runs, groups) + "<section><h2>" + (one ? "Run" : "Runs") +
          "</h2><div class=\"card\">" + (one ? identity_list(runs.front()) : run_table(runs, groups)) +
          "</div></section>\n" + configurations(runs, groups) + "<footer>Made by Tempera, " + readable_time(utc_now()) +
          ". Curves are drawn by Chart.js (MIT licence).</footer>\n";

  Json names = Json::array();
  for (const ReportGroup& group : groups) names.push_back(group.name);
  const auto dump = [](const Json& json) {
    return script_json(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      html(title) + "</title>\n<style>\n";
  page.append(page_style()).append("</style>\n</head>\n<body>\n").append(body);
  page += "<script type=\"application/json\" id=\"data\">{\"groups\":" + dump(names) +
          ",\"charts\":" + dump(curves.data) + ",\"attention\":" + script_json(artifacts.attention) +
          ",\"matrices\":" + script_json(artifacts.matrices) + "}</script>\n<script>\n";
  page.append(curves.data.empty() ? "" : chart_library()).append("</script>\n<script>\n").append(page_script());
  return page + "</script>\n</body>\n</html>\n";
}

}  // namespace tempera
