// Messages of a run, to the console and to runs/<name>/log.txt.
//
//   const Logging logging(console, folder.log(), LogLevel::info);
//   log(LogLevel::warning, "the newest checkpoint {} is damaged; using {}", newest, older);
//
// Before a Logging exists and after it ends, messages of level warning and error go to stderr.
#pragma once

#include <filesystem>
#include <fmt/format.h>
#include <string_view>
#include <utility>

#include "train/output/console.h"

namespace tempera {

enum class LogLevel { debug, info, warning, error };
LogLevel log_level(std::string_view name);  // "debug", "info", "warning", "error"; throws Error for others

class Logging {
 public:
  // The console shows `level` and above; the file, which is appended to, keeps all. An empty path: no file.
  Logging(Console& console, const std::filesystem::path& file, LogLevel level = LogLevel::info);
  ~Logging();
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;
};

void log_text(LogLevel level, std::string_view text);
// For the file alone: what is shown by other means.
void log_to_file(std::string_view text);

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> text, Args&&... args) {
  log_text(level, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace tempera
