#include "train/config/source.h"

#include <algorithm>

namespace tempera {
namespace {

constexpr std::size_t kWidest = 110;  // of an excerpt, in bytes

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// The number of characters that begin in these bytes of UTF-8.
int characters(std::string_view bytes) {
  return static_cast<int>(bytes.size() - static_cast<std::size_t>(std::ranges::count_if(bytes, continues_character)));
}

//   14 |   drpout: 0.1
//      |   ^
std::string excerpt(std::string_view line, int number, std::size_t column) {
  column = std::min(column, line.size());
  std::size_t first = 0;
  if (column > kWidest - 20) {
    first = column - (kWidest - 40);
    while (first > 0 && continues_character(line[first])) --first;
  }
  std::size_t last = std::min(line.size(), first + kWidest);
  while (last < line.size() && continues_character(line[last])) ++last;
  std::string shown(line.substr(first, last - first));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  const std::string indent(static_cast<std::size_t>(characters(line.substr(first, column - first))), ' ');
  return fmt::format("{:4} | {}{}{}\n     | {}{}^", number, first > 0 ? "..." : "", shown,
                     last < line.size() ? "..." : "", first > 0 ? "   " : "", indent);
}

}  // namespace

int Problems::add_source(Source source) {
  sources_.push_back(std::move(source));
  return static_cast<int>(sources_.size()) - 1;
}

void Problems::add(Place place, std::string message) {
  if (count_++ < kKept) found_.push_back({place, std::move(message)});
}

std::vector<ConfigProblem> Problems::sorted() const {
  std::vector<Found> found = found_;
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::vector<ConfigProblem> problems;
  // Places come in order, so each source is walked through once.
  Place reached{-1, 0, 0};
  std::string_view rest;
  for (const auto& [place, message] : found) {
    const Source& from = source(place.source);
    if (from.on_command_line()) {
      problems.push_back({"command line", 0, 0, fmt::format("`{}`: {}", from.argument, message)});
    } else if (place.line < 0) {
      problems.push_back({from.name, 0, 0, message});
    } else {
      if (reached.source != place.source) reached = {place.source, 0, 0}, rest = from.text;
      for (; reached.line < place.line && !rest.empty(); ++reached.line)
        rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
      const std::string_view line = first_line(rest);
      const auto column = static_cast<std::size_t>(place.column);
      problems.push_back({from.name, place.line + 1, characters(line.substr(0, column)) + 1, message,
                          excerpt(line, place.line + 1, column)});
    }
  }
  if (count_ > kKept) problems.push_back({problems.back().source, 0, 0, fmt::format("and {} more", count_ - kKept)});
  return problems;
}

std::string_view first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace tempera
