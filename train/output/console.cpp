#include "train/output/console.h"

#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tempera {
namespace {

constexpr std::string_view kErase = "\r\x1b[K";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The first of these that is set decides (POSIX, "Locale").
bool unicode_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const std::string_view locale = environment(name); !locale.empty())
      return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
  return false;
}

}  // namespace

ConsoleTraits ConsoleTraits::of(std::FILE* out) {
  ConsoleTraits traits;
  if (out == nullptr) return traits;
  traits.terminal = isatty(fileno(out)) != 0 && environment("TERM") != "dumb";
  traits.colour = traits.terminal && environment("NO_COLOR").empty();
  traits.unicode = unicode_locale();
  return traits;
}

Console::~Console() {
  if (!status_.empty()) write("\n");
}

int Console::width() const {
  winsize size{};
  return out_ != nullptr && ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string Console::paint(Paint paint, std::string_view text) const {
  static constexpr std::string_view codes[] = {"", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
  if (!traits_.colour || paint == Paint::none) return std::string(text);
  return std::string(codes[static_cast<int>(paint)]).append(text).append("\x1b[0m");
}

// One call, so that another process writing to the same terminal cannot cut it.
void Console::write(std::string_view text) {
  if (out_ == nullptr) return;
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

void Console::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  std::string all;
  if (!status_.empty()) all = kErase;
  all.append(text).append("\n").append(status_);
  write(all);
}

void Console::status(std::string_view text) {
  if (!traits_.terminal) return;
  const std::lock_guard lock(mutex_);
  if (text == status_) return;
  status_ = text;
  write(std::string(kErase).append(text));
}

void Console::keep_status() {
  const std::lock_guard lock(mutex_);
  if (status_.empty()) return;
  status_.clear();
  write("\n");
}

}  // namespace tempera
