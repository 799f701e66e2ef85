#include "train/fingerprint.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/hash.h"
#include "train/config/option_texts.h"
#include "train/config/read_config.h"
#include "train/config/write_config.h"
#include "train/output/report_data.h"

namespace tempera {
namespace {

std::string shortened(std::string_view text) {
  return text.size() <= 24 ? std::string(text) : std::string(text.substr(0, 21)) + "...";
}

// Where a run writes and how many threads it takes change no bit of it.
bool counts(std::string_view key) {
  return key != "name" && key != "folder" && key != "train.threads";
}

struct ChangedKey {
  std::string key;
  std::optional<std::string> there, here;
};

// In the order of the configuration there, then of that here.
std::vector<ChangedKey> changed_keys(const std::filesystem::path& file, ExperimentOptions& options) {
  const auto there = flat_config(load_config_text(file).yaml, file.string()),
             here = flat_config(write_config(options), "here");
  const std::map<std::string, std::string> was(there.begin(), there.end()), is(here.begin(), here.end());
  std::vector<ChangedKey> all;
  for (const auto& [key, text] : there) {
    const auto found = is.find(key);
    if (!counts(key) || (found != is.end() && found->second == text)) continue;
    all.push_back({key, text, found != is.end() ? std::optional(found->second) : std::nullopt});
  }
  for (const auto& [key, text] : here)
    if (counts(key) && was.find(key) == was.end()) all.push_back({key, std::nullopt, text});
  return all;
}

}  // namespace

std::string fingerprint(ExperimentOptions& options) {
  ExperimentOptions fresh;
  std::string text;
  for (const auto& [key, value] : changed_options(options, fresh))
    if (counts(key)) text += fmt::format("{}={}\n", key, value);
  return fmt::format("{:016x}", fnv1a(text));
}

std::string config_changes(const std::filesystem::path& folder, ExperimentOptions& options) {
  const std::filesystem::path file = folder / "config.yaml";
  if (!std::filesystem::exists(file)) return "its config.yaml is gone";
  std::vector<std::string> told;
  for (const auto& [key, there, here] : changed_keys(file, options))
    told.push_back(fmt::format("{} is {} there and {} here", key, shortened(there.value_or("not set")),
                               shortened(here.value_or("not set"))));
  constexpr std::size_t kTold = 4;
  const std::size_t more = told.size() - std::min(told.size(), kTold);
  told.resize(told.size() - more);
  return fmt::format("{}{}", fmt::join(told, ", "), more > 0 ? fmt::format(", and {} more", more) : "");
}

bool defaults_changed(const std::filesystem::path& folder, ExperimentOptions& options) {
  const std::filesystem::path file = folder / "config.yaml";
  if (!std::filesystem::exists(file)) return false;
  const std::vector<ChangedKey> all = changed_keys(file, options);
  return std::any_of(all.begin(), all.end(), [](const ChangedKey& one) { return one.there && one.here; });
}

}  // namespace tempera
