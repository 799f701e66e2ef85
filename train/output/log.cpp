#include "train/output/log.h"

#include <array>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "core/error.h"
#include "train/output/append_file.h"

namespace tempera {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
constexpr const char* kLogger = "tempera";

spdlog::level::level_enum of(LogLevel level) {
  static constexpr std::array levels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                        spdlog::level::err};
  return levels[static_cast<std::size_t>(level)];
}

// Through the Console, so that a message does not run into the progress line.
class ConsoleSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ConsoleSink(Console& console) : console_(console) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    if (message.level >= spdlog::level::err)
      console_.line(console_.paint(Paint::bad, "error:") + ' ' + std::string(text));
    else if (message.level == spdlog::level::warn)
      console_.line(console_.paint(Paint::warning, "warning:") + ' ' + std::string(text));
    else console_.line(text);
  }
  void flush_() override {}
  Console& console_;
};

// A full disk costs messages, not the run.
class FileSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(const std::filesystem::path& file) : file_("log", file, size_of(file)) {}

 private:
  static std::uint64_t size_of(const std::filesystem::path& file) {
    std::error_code none;
    const auto size = std::filesystem::file_size(file, none);
    return none ? 0 : size;
  }
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    try {
      file_.append({line.data(), line.size()});
    } catch (const Error&) {
    }
  }
  void flush_() override {}
  AppendFile file_;
};

}  // namespace

LogLevel log_level(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<LogLevel>(i);
  fail("log", "there is no level '{}'; the levels are {}", name, fmt::join(kNames, ", "));
}

Logging::Logging(Console& console, const std::filesystem::path& file, LogLevel level) {
  std::vector<spdlog::sink_ptr> sinks = {std::make_shared<ConsoleSink>(console)};
  sinks.front()->set_level(of(level));
  if (!file.empty()) {
    sinks.push_back(std::make_shared<FileSink>(file));
    sinks.back()->set_pattern("%Y-%m-%d %H:%M:%S  %-7l  %v");
  }
  const auto logger = std::make_shared<spdlog::logger>(kLogger, sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::debug);
  logger->flush_on(spdlog::level::debug);
  spdlog::drop(kLogger);
  spdlog::register_logger(logger);
}

Logging::~Logging() {
  spdlog::drop(kLogger);
}

void log_text(LogLevel level, std::string_view text) {
  // As a plain message: braces in it are not a format.
  if (const auto logger = spdlog::get(kLogger)) logger->log(of(level), spdlog::string_view_t(text.data(), text.size()));
  else if (level >= LogLevel::warning)
    Console().line(fmt::format("{}: {}", kNames[static_cast<std::size_t>(level)], text));
}

void log_to_file(std::string_view text) {
  const auto logger = spdlog::get(kLogger);
  if (!logger || logger->sinks().size() < 2) return;
  logger->sinks().back()->log({kLogger, spdlog::level::info, spdlog::string_view_t(text.data(), text.size())});
  logger->flush();
}

}  // namespace tempera
