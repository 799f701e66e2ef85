// The screen as two layers: lines that stay, and beneath them one status line that is drawn over.
//
// On a terminal the status line is erased before a line is printed and drawn again after it, so log and progress do not
// run into each other. Elsewhere (a file, a pipe, TERM=dumb) there is no status line and no control character.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

namespace tempera {

enum class Paint { none, faint, good, warning, bad };

struct ConsoleTraits {
  bool terminal = false;  // a status line may be drawn over
  bool colour = false;
  bool unicode = false;
  // What the environment says of `out`, nothing of null: a terminal that is not dumb; NO_COLOR (https://no-color.org);
  // a UTF-8 locale.
  static ConsoleTraits of(std::FILE* out);
};

class Console {
 public:
  explicit Console(std::FILE* out = stderr) : Console(out, ConsoleTraits::of(out)) {}
  Console(std::FILE* out, ConsoleTraits traits) : out_(out), traits_(traits) {}  // null: says nothing
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  bool terminal() const { return traits_.terminal; }
  bool unicode() const { return traits_.unicode; }
  // Columns, asked anew each time, since windows are resized; 80 when nobody knows.
  int width() const;
  std::string paint(Paint paint, std::string_view text) const;  // `text` itself without colour

  void line(std::string_view text);    // stays
  void status(std::string_view text);  // drawn over by the next; must fit the width. Empty: erased. Terminals only
  void keep_status();                  // the status line becomes a line that stays

 private:
  void write(std::string_view text);
  std::FILE* out_;
  ConsoleTraits traits_;
  std::string status_;
  std::mutex mutex_;
};

}  // namespace tempera
