#include "train/output/run_folder.h"

#include <array>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/utsname.h>
#include <thread>

#include "core/error.h"
#include "data/files.h"
#include "data/json_number.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void write(const fs::path& path, std::string_view text) {
  replace_file(path, std::as_bytes(std::span(text)));
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + '\n';
}

// A file name from a title: lower case letters, digits and single hyphens.
std::string slug(std::string_view title) {
  std::string name;
  for (const char c : title) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) name += c;
    else if (c >= 'A' && c <= 'Z') name += static_cast<char>(c - 'A' + 'a');
    else if (!name.empty() && name.back() != '-') name += '-';
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.substr(0, 80);
}

void write_artifact(const fs::path& folder, std::string_view kind, std::string_view title, std::int64_t step,
                    const Json& content) {
  Json json = {{"kind", kind}, {"title", title}, {"step", step}};
  json.update(content);
  make_folders(folder / "artifacts");
  write(folder / "artifacts" / fmt::format("{}-{}-{:06}.json", kind, slug(title), step), dump(json, -1));
}

// Four digits are enough for a picture and keep files small.
Json rounded(float weight) {
  return std::isfinite(weight) ? Json(std::round(static_cast<double>(weight) * 1e4) / 1e4) : Json(nullptr);
}

Json matrix_json(std::string_view title, const LabelledMatrix& matrix) {
  const std::size_t width = matrix.columns.size();
  require(matrix.values.size() == matrix.rows.size() * width, "artifact", "'{}': {} values for {} rows and {} columns",
          title, matrix.values.size(), matrix.rows.size(), width);
  Json values = Json::array();
  for (std::size_t i = 0; i < matrix.rows.size(); ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < width; ++j) row.push_back(matrix.values[i * width + j]);  // nan becomes null
    values.push_back(std::move(row));
  }
  return {{"rows", matrix.rows}, {"columns", matrix.columns}, {"values", std::move(values)}};
}

constexpr std::array kFiles = {"config.yaml", "run.json", "metrics.jsonl", "results.json", "log.txt", "report.html"};

void remove_run(const fs::path& folder) {
  for (const char* name : kFiles) remove_tree(folder / name);
  for (const char* name : {"artifacts", "checkpoints"}) remove_tree(folder / name);
  std::vector<fs::path> events;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().rfind("events.out.tfevents.", 0) == 0) events.push_back(entry.path());
  for (const fs::path& file : events) remove_tree(file);
}

// What a process that was killed was about to put in place.
void remove_unfinished(const fs::path& folder) {
  for (const char* name : kFiles) remove_tree(folder / fmt::format("{}.new", name));
  std::vector<fs::path> unfinished;
  if (fs::is_directory(folder / "artifacts"))
    for (const fs::directory_entry& entry : fs::directory_iterator(folder / "artifacts"))
      if (entry.path().extension() == ".new") unfinished.push_back(entry.path());
  for (const fs::path& file : unfinished) remove_tree(file);
}

}  // namespace

RunFolder::RunFolder(fs::path path, RunStart start) : path_(std::move(path)), writes_(start != RunStart::follow) {
  if (!writes_) return;
  try {
    make_folders(path_);
    if (start == RunStart::overwrite) remove_run(path_);
    if (start != RunStart::fresh) remove_unfinished(path_);
  } catch (const fs::filesystem_error& e) {
    fail("run", "{}: {}", e.path1().string(), e.code().message());
  }
  if (start != RunStart::fresh) return;
  if (fs::exists(path_ / "run.json"))
    require(read_identity(path_).finished.empty(), "run",
            "{} holds a finished run; choose another name, or ask to overwrite it", path_.string());
  if (const auto newest = checkpoints().newest())
    fail("run", "{} holds a run stopped at step {}; resume it, choose another name, or ask to overwrite it",
         path_.string(), newest->step);
  remove_run(path_);
  remove_unfinished(path_);
}

void RunFolder::write_config(std::string_view yaml) const {
  if (writes_) write(path_ / "config.yaml", yaml);
}

void RunFolder::write_identity(const RunIdentity& identity) const {
  Json json = {{"name", identity.name},
               {"seed", identity.seed},
               {"code_version", identity.code_version},
               {"config_hash", identity.config_hash},
               {"machine", identity.machine},
               {"threads", identity.threads},
               {"ranks", identity.ranks},
               {"started", identity.started},
               {"finished", identity.finished},
               {"weights_sha256", identity.weights_sha256},
               {"baselines", Json::object()}};
  for (const auto& [name, loss] : identity.baselines) json["baselines"][name] = loss;
  if (writes_) write(path_ / "run.json", dump(json, 2));
}

void RunFolder::write_attention(std::string_view title, std::int64_t step, const AttentionMaps& maps) const {
  if (!writes_) return;
  const std::size_t n = maps.tokens.size(), m = maps.keys.empty() ? n : maps.keys.size();
  Json layers = Json::array();
  for (const auto& heads : maps.layers) {
    Json layer = Json::array();
    for (const std::vector<float>& weights : heads) {
      require(weights.size() == n * m, "artifact", "'{}': {} attention weights for {} tokens; {} were expected", title,
              weights.size(), n, n * m);
      Json head = Json::array();
      for (std::size_t i = 0; i < n; ++i) {
        Json row = Json::array();
        for (std::size_t j = 0; j < m; ++j) row.push_back(rounded(weights[i * m + j]));
        head.push_back(std::move(row));
      }
      layer.push_back(std::move(head));
    }
    layers.push_back({{"heads", std::move(layer)}});
  }
  Json content = {{"tokens", maps.tokens}, {"layers", std::move(layers)}};
  if (!maps.keys.empty()) content["keys"] = maps.keys;
  write_artifact(path_, "attention", title, step, content);
}

void RunFolder::write_matrix(std::string_view title, std::int64_t step, const LabelledMatrix& matrix) const {
  if (!writes_) return;
  write_artifact(path_, "matrix", title, step, matrix_json(title, matrix));
}

void RunFolder::write_confusion(std::string_view title, std::int64_t step, const LabelledMatrix& matrix) const {
  if (!writes_) return;
  write_artifact(path_, "confusion", title, step, matrix_json(title, matrix));
}

void RunFolder::write_text(std::string_view title, std::int64_t step, std::string_view prompt,
                           std::string_view text) const {
  if (!writes_) return;
  write_artifact(path_, "text", title, step, {{"prompt", prompt}, {"text", text}});
}

RunIdentity read_identity(const fs::path& folder) {
  const fs::path path = folder / "run.json";
  require(fs::exists(path), "run", "{} is not there; a run's folder is wanted", path.string());
  const Json json = Json::parse(read_text(path), nullptr, false);
  require(json.is_object(), "run", "{} is damaged: no JSON object", path.string());
  RunIdentity identity;
  const auto take = [&]<class T>(const char* key, T& number) {
    if (!json.contains(key)) return;
    const std::optional<T> value = whole_number<T>(json[key]);
    require(value.has_value(), "run", "{} is damaged: '{}' is no whole number of its range", path.string(), key);
    number = *value;
  };
  try {
    identity.name = json.value("name", fs::absolute(folder).lexically_normal().filename().string());
    take("seed", identity.seed);
    identity.code_version = json.value("code_version", "");
    identity.config_hash = json.value("config_hash", "");
    identity.machine = json.value("machine", "");
    take("threads", identity.threads);
    take("ranks", identity.ranks);
    identity.started = json.value("started", "");
    identity.finished = json.value("finished", "");
    identity.weights_sha256 = json.value("weights_sha256", "");
    const Json baselines = json.value("baselines", Json::object());
    for (const auto& [name, loss] : baselines.items()) identity.baselines.emplace_back(name, loss.get<double>());
  } catch (const Json::exception& e) {
    fail("run", "{} is damaged: {}", path.string(), e.what());
  }
  return identity;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string machine_description() {
  std::string processor = "unknown processor";
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != line.npos) {
      processor = line.substr(line.find(": ") + 2);
      break;
    }
  utsname system{};
  ::uname(&system);
  return fmt::format("{}, {} threads, {} {}", processor, std::thread::hardware_concurrency(), system.sysname,
                     system.release);
}

}  // namespace tempera
