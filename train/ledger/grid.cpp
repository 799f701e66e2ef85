#include "train/ledger/grid.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/hash.h"
#include "train/config/config_error.h"

namespace tempera {
namespace {

constexpr std::size_t kMostCells = 10'000, kLongestName = 100;

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[noreturn]] void refuse(const std::string& argument, std::string message) {
  throw ConfigError({{"command line", 0, 0, fmt::format("`{}`: {}", argument, std::move(message))}});
}

// Pieces between commas that stand in no bracket and no quotes.
std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> found(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) quote = c == quote ? '\0' : quote;
    else if (c == '"' || c == '\'') quote = c;
    else if (c == '[' || c == '{') ++depth;
    else if (c == ']' || c == '}') --depth;
    if (c == ',' && depth <= 0 && quote == 0) found.emplace_back();
    else found.back() += c;
  }
  return found;
}

struct Axis {
  std::string key;
  std::vector<std::string> values;
};

std::vector<std::uint64_t> seeds_of(const std::string& argument, const Axis& axis) {
  std::vector<std::uint64_t> seeds;
  for (const std::string& value : axis.values) {
    const auto seed = whole_number<std::uint64_t>(value);
    if (!seed) refuse(argument, fmt::format("`{}` is no seed; whole numbers are, as in seed=0..4", value));
    if (std::ranges::find(seeds, *seed) == seeds.end()) seeds.push_back(*seed);
  }
  return seeds;
}

}  // namespace

std::vector<std::string> grid_values(std::string_view text) {
  std::vector<std::string> values;
  for (std::string& piece : pieces(text)) {
    if (piece.empty()) return {};
    const std::size_t dots = piece.find("..");
    const auto first = whole_number<std::int64_t>(std::string_view(piece).substr(0, dots));
    const auto last =
        dots == piece.npos ? std::nullopt : whole_number<std::int64_t>(std::string_view(piece).substr(dots + 2));
    if (!first || !last) {
      values.push_back(std::move(piece));
      continue;
    }
    for (std::int64_t i = *first; i <= *last && values.size() <= kMostCells; ++i) values.push_back(std::to_string(i));
  }
  return values;
}

std::vector<std::string> GridCell::overrides() const {
  std::vector<std::string> all;
  for (const auto& [key, value] : settings)
    if (key != "variant") all.push_back(fmt::format("{}={}", key, value));
  return all;
}

std::string GridCell::name() const {
  std::string whole, name;
  for (const auto& [key, value] : settings)
    whole += (whole.empty() ? "" : ",") + (key == "variant" ? value : fmt::format("{}={}", key, value));
  if (whole.empty()) return "own";
  for (const char c : whole) {
    const bool fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_' || c == '=' || c == ',' || c == '+';
    name += fit ? c : '_';
  }
  if (name == whole && name.size() <= kLongestName && name[0] != '.') return name;
  return fmt::format("{}~{:08x}", name.substr(0, kLongestName), fnv1a(whole) >> 32U);
}

Grid read_grid(std::span<const std::string> arguments) {
  Grid grid{{}, {{}}, {1}};
  std::vector<std::string> given;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (equals == argument.npos || equals == 0) refuse(argument, "wanted key=values, as in lr=1e-3,3e-3 or seed=0..4");
    const Axis axis{argument.substr(0, equals), grid_values(argument.substr(equals + 1))};
    if (axis.values.empty()) refuse(argument, "a value is missing; values stand between commas, or as 0..4");
    if (std::ranges::find(given, axis.key) != given.end())
      refuse(argument, fmt::format("{} stands here twice", axis.key));
    given.push_back(axis.key);
    if (axis.key == "train.seed") refuse(argument, "write seed=...");
    if (axis.key == "seed") {
      grid.seeds = seeds_of(argument, axis);
      continue;
    }
    grid.keys.push_back(axis.key);
    if (grid.cells.size() * axis.values.size() > kMostCells)
      refuse(argument, fmt::format("the grid has more than {} cells", kMostCells));
    std::vector<GridCell> cells;
    for (const GridCell& cell : grid.cells)
      for (const std::string& value : axis.values) {
        cells.push_back(cell);
        cells.back().settings.emplace_back(axis.key, value);
        if (axis.key == "variant") cells.back().variant = value;
      }
    grid.cells = std::move(cells);
  }
  return grid;
}

}  // namespace tempera
