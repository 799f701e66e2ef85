#include "train/fingerprint.h"

#include <algorithm>

#include "core/hash.h"
#include "train/config/read_config.h"
#include "train/config/write_config.h"
#include "train/output/report_data.h"

namespace tempera {
namespace {

std::string shortened(std::string_view text) {
  return text.size() <= 24 ? std::string(text) : std::string(text.substr(0, 21)) + "...";
}

}  // namespace

std::string fingerprint(ExperimentOptions& options) {
  // Where a run writes and how many threads it takes change no bit of it.
  const std::string name = options.name, folder = options.folder;
  const int threads = std::exchange(options.train.threads, 1);
  options.name = options.folder = "";
  const std::uint64_t hash = fnv1a(write_config(options));
  options.name = name;
  options.folder = folder;
  options.train.threads = threads;
  return fmt::format("{:016x}", hash);
}

std::string config_changes(const std::filesystem::path& folder, ExperimentOptions& options) {
  const std::filesystem::path file = folder / "config.yaml";
  if (!std::filesystem::exists(file)) return "its config.yaml is gone";
  const auto there = flat_config(load_config_text(file).yaml, file.string()),
             here = flat_config(write_config(options), "here");
  const auto value = [](const auto& all, const std::string& key) -> std::string {
    for (const auto& [name, text] : all)
      if (name == key) return text;
    return "not set";
  };
  std::vector<std::string> keys, told;
  for (const auto* all : {&there, &here})
    for (const auto& [key, text] : *all)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  for (const std::string& key : keys) {
    const std::string was = value(there, key), is = value(here, key);
    if (was == is || key == "name" || key == "folder" || key == "train.threads") continue;
    told.push_back(fmt::format("{} is {} there and {} here", key, shortened(was), shortened(is)));
  }
  constexpr std::size_t kTold = 4;
  const std::size_t more = told.size() - std::min(told.size(), kTold);
  told.resize(told.size() - more);
  return fmt::format("{}{}", fmt::join(told, ", "), more > 0 ? fmt::format(", and {} more", more) : "");
}

}  // namespace tempera
