#include "train/output/report_artifacts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/json_number.h"
#include "train/output/html.h"
#include "train/output/numbers.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kTable = 16;  // up to so many columns a matrix is a table of numbers, beyond it a picture

struct Artifact {
  std::string run, kind, title, file;
  std::int64_t step = 0;
  Json content;
};

std::vector<Artifact> read_artifacts(const ReportRun& run) {
  std::vector<Artifact> found;
  if (!fs::is_directory(run.folder / "artifacts")) return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(run.folder / "artifacts")) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    Json json = Json::parse(file, nullptr, false);
    require(json.is_object(), "report", "{} is damaged: no JSON object", entry.path().string());
    const auto step = json.contains("step") ? whole_number<std::int64_t>(json["step"]) : 0;
    require(step.has_value(), "report", "{} is damaged: its step is no whole number", entry.path().string());
    try {
      Artifact artifact{run.identity.name,     json.at("kind"), json.value("title", "untitled"),
                        entry.path().string(), *step,           {}};
      artifact.content = std::move(json);
      found.push_back(std::move(artifact));
    } catch (const Json::exception& e) {
      fail("report", "{} is damaged: {}", entry.path().string(), e.what());
    }
  }
  // Newest first; the title decides between those of one step, so that the page does not depend on the file system.
  std::sort(found.begin(), found.end(), [](const Artifact& a, const Artifact& b) {
    return std::tie(b.step, a.title, a.kind) < std::tie(a.step, b.title, b.kind);
  });
  return found;
}

std::string base64(std::span<const unsigned char> bytes) {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    unsigned three = 0;
    for (std::size_t j = 0; j < 3; ++j) three = three << 8 | (j < n ? bytes[i + j] : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += j <= n ? letters[three >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

// A byte per weight, as a share of the largest: a picture needs no more, and a page of many heads stays small.
Json small_head(const Json& rows, std::size_t tokens, std::size_t keys, const std::string& file) {
  std::vector<double> weights;
  for (const Json& row : rows)
    for (const Json& weight : row) weights.push_back(weight.is_number() ? weight.get<double>() : 0);
  require(weights.size() == tokens * keys, "report", "{}: a head has {} weights for {} tokens; {} were expected", file,
          weights.size(), tokens, tokens * keys);
  const double most = weights.empty() ? 0 : *std::max_element(weights.begin(), weights.end());
  std::vector<unsigned char> bytes;
  for (const double weight : weights)
    bytes.push_back(static_cast<unsigned char>(most > 0 ? std::lround(std::max(0.0, weight) / most * 255) : 0));
  return {{"max", most}, {"data", base64(bytes)}};
}

std::string caption(const Artifact& artifact, bool several) {
  return html(artifact.title) + fmt::format(", step {}", grouped(artifact.step)) +
         (several ? " of " + html(artifact.run) : "");
}

std::string attention_figure(const Artifact& artifact, bool several, Json& data) {
  const Json& tokens = artifact.content.at("tokens");
  const Json keys = artifact.content.value("keys", tokens);
  Json layers = Json::array();
  for (const Json& layer : artifact.content.at("layers")) {
    Json heads = Json::array();
    for (const Json& head : layer.at("heads"))
      heads.push_back(small_head(head, tokens.size(), keys.size(), artifact.file));
    layers.push_back(std::move(heads));
  }
  data.push_back({{"tokens", tokens}, {"keys", keys}, {"layers", std::move(layers)}});
  return fmt::format(R"(<figure class="card"><figcaption>{}</figcaption>
<div class="attention" data-attention="{}"><div class="heads"></div>
<div><h3></h3><div class="scroll"><canvas class="heat"></canvas></div>
<p class="note">Rows look, columns are looked at. 0<span class="ramp"></span><span class="most"></span></p>
<p class="reading" aria-live="polite"></p></div></div></figure>
)",
                     caption(artifact, several), data.size() - 1);
}

// Whole numbers as they are, others with the digits of all our figures.
std::string cell_text(double value) {
  return value == std::floor(value) && std::abs(value) < 1e12 ? grouped(static_cast<std::int64_t>(value))
                                                              : brief(value);
}

std::string matrix_table(const Json& content, const std::vector<std::vector<double>>& values, bool confusion) {
  double most = 0;
  for (const auto& row : values)
    for (const double value : row)
      if (std::isfinite(value)) most = std::max(most, std::abs(value));
  std::string out = R"(<div class="scroll"><table class="matrix"><thead><tr><td class="none"></td>)";
  for (const Json& column : content.at("columns")) out += "<th>" + html(column.get<std::string>()) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += "<tr><th>" + html(content.at("rows")[i].get<std::string>()) + "</th>";
    double row_sum = 0;
    for (const double value : values[i]) row_sum += std::isfinite(value) ? value : 0;
    // Counts are coloured by their share of the row: classes differ in size.
    const double full = confusion ? row_sum : most;
    for (const double value : values[i]) {
      const double share = std::isfinite(value) && full > 0 ? std::clamp(std::abs(value) / full, 0.0, 1.0) : 0;
      if (!std::isfinite(value)) out += R"(<td class="none"></td>)";
      else
        out += fmt::format("<td{} style=\"--v:{:.3f}\">{}</td>", share > 0.55 ? " class=\"deep\"" : "", share,
                           confusion && value == 0 ? "" : cell_text(value));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>";
}

std::string matrix_figure(const Artifact& artifact, bool several, Json& data) {
  const Json& content = artifact.content;
  const bool confusion = artifact.kind == "confusion";
  const std::size_t rows = content.at("rows").size(), columns = content.at("columns").size();
  std::vector<std::vector<double>> values;
  for (const Json& row : content.at("values")) {
    values.emplace_back();
    for (const Json& value : row) values.back().push_back(value.is_number() ? value.get<double>() : std::nan(""));
    require(row.size() == columns, "report", "{}: a row has {} values for {} columns", artifact.file, row.size(),
            columns);
  }
  require(values.size() == rows, "report", "{}: {} rows of values for {} labels", artifact.file, values.size(), rows);

  std::string note;
  if (confusion && rows == columns) {
    double right = 0, all = 0;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) {
        all += values[i][j];
        if (i == j) right += values[i][j];
      }
    note =
        fmt::format("Rows are the truth, columns the answers, colours shares of the row. {} of {} are right, {:.2f} %.",
                    cell_text(right), cell_text(all), all > 0 ? 100 * right / all : 0);
  }
  std::string out = "<figure class=\"card\"><figcaption>" + caption(artifact, several) + "</figcaption>\n";
  if (!note.empty()) out += "<p class=\"note\">" + note + "</p>\n";
  if (columns <= kTable) return out + matrix_table(content, values, confusion) + "</figure>\n";
  Json flat = Json::array();
  for (const auto& row : values)
    for (const double value : row) flat.push_back(value);
  data.push_back({{"rows", content.at("rows")}, {"columns", content.at("columns")}, {"values", std::move(flat)}});
  return out + fmt::format(R"(<div data-matrix="{}"><div class="scroll"><canvas class="heat"></canvas></div>
<p class="note"><span class="least"></span><span class="ramp"></span><span class="most"></span></p>
<p class="reading" aria-live="polite"></p></div></figure>
)",
                           data.size() - 1);
}

std::string text_figure(const Artifact& artifact, bool several) {
  return "<figure class=\"card\"><figcaption>" + caption(artifact, several) +
         "</figcaption><pre class=\"sample\"><span class=\"prompt\">" + html(artifact.content.value("prompt", "")) +
         "</span>" + html(artifact.content.value("text", "")) + "</pre></figure>\n";
}

struct Section {
  std::string_view kind, heading;
};
constexpr std::array<Section, 4> kSections = {
    {{"text", "Samples"}, {"attention", "Attention"}, {"confusion", "Confusion"}, {"matrix", "Matrices"}}};

}  // namespace

ArtifactSections artifact_sections(std::span<const ReportRun> runs) {
  ArtifactSections sections;
  Json attention = Json::array(), matrices = Json::array();
  std::vector<Artifact> all;
  for (const ReportRun& run : runs)
    for (Artifact& artifact : read_artifacts(run)) all.push_back(std::move(artifact));
  for (const Section& kind : kSections) {
    std::string newest, older;
    std::vector<std::pair<std::string, std::string>> seen;
    for (const Artifact& artifact : all) {
      if (artifact.kind != kind.kind) continue;
      const std::pair name(artifact.run, artifact.title);
      const bool first = std::find(seen.begin(), seen.end(), name) == seen.end();
      if (first) seen.push_back(name);
      const bool several = runs.size() > 1;
      try {
        if (kind.kind == "text") (first ? newest : older) += text_figure(artifact, several);
        else if (!first) continue;
        else if (kind.kind == "attention") newest += attention_figure(artifact, several, attention);
        else newest += matrix_figure(artifact, several, matrices);
      } catch (const Json::exception& e) {
        fail("report", "{} is damaged: {}", artifact.file, e.what());
      }
    }
    if (newest.empty()) continue;
    sections.html += fmt::format("<section><h2>{}</h2>\n{}", kind.heading, newest);
    if (!older.empty()) sections.html += "<details><summary>Earlier samples</summary>\n" + older + "</details>\n";
    sections.html += "</section>\n";
  }
  const auto dump = [](const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); };
  sections.attention = dump(attention);
  sections.matrices = dump(matrices);
  return sections;
}

}  // namespace tempera
