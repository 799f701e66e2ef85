#include "core/nearest.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace tempera {
namespace {

constexpr std::size_t kLongest = 64;  // longer words are no typing errors, and the table is quadratic

char folded(char c) {
  return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::size_t shared_beginning(std::string_view a, std::string_view b) {
  std::size_t n = 0;
  while (n < std::min(a.size(), b.size()) && folded(a[n]) == folded(b[n])) ++n;
  return n;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > kLongest || b.size() > kLongest) return static_cast<int>(std::max(a.size(), b.size()));
  std::array<std::array<int, kLongest + 1>, 3> rows{};  // the rows i, i - 1 and i - 2 of the table
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + replaced});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]))
        row[j] = std::min(row[j], rows[(i + 1) % 3][j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
  std::string_view best;
  int best_distance = 0;
  for (const std::string_view name : names) {
    const int distance = edit_distance(word, name);
    const auto longer = static_cast<int>(std::max(word.size(), name.size()));
    if (distance > std::max(1, longer / 3) || distance >= longer) continue;
    const bool better = best.empty() || distance < best_distance ||
                        (distance == best_distance && shared_beginning(word, name) > shared_beginning(word, best));
    if (better) best = name, best_distance = distance;
  }
  if (!best.empty() || word.size() < 3) return best;
  for (const std::string_view name : names)
    if (shared_beginning(word, name) == word.size()) {
      if (!best.empty()) return {};
      best = name;
    }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  const std::string_view name = nearest(word, names);
  return name.empty() ? std::string() : fmt::format("; did you mean `{}`?", name);
}

}  // namespace tempera
