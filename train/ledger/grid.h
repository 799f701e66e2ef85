// The grid of a sweep: every combination of the values that keys are given.
//
//   lr=1e-3,3e-3 model.depth=1..3 seed=0..4      2 x 3 settings, 5 seeds each
//
// Values stand between commas; a list, a section or a text in quotes keeps its own: data.sizes=[1,2],[3]. a..b counts
// from a to b. `seed` is train.seed, `variant` a variant of the file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tempera {

struct GridCell {
  std::vector<std::pair<std::string, std::string>> settings;  // key and value of each, in the order given
  std::string variant = {};                                   // empty: none was asked for

  std::vector<std::string> overrides() const;  // "lr=1e-3"
  // "lr=1e-3,model.depth=2", fit for a folder: other characters than letters, digits and a few signs become `_`. A name
  // that was changed or is long ends in a fingerprint of what it stood for.
  std::string name() const;
};

struct Grid {
  std::vector<std::string> keys;     // of the settings, in the order given
  std::vector<GridCell> cells;       // the last key moves fastest
  std::vector<std::uint64_t> seeds;  // {1} where none are given
};

// Throws ConfigError for what is no key=values, for a key given twice, and beyond 10,000 cells.
Grid read_grid(std::span<const std::string> arguments);

// The values of one argument: "1..3" and "1,2,3" give the same. Empty where one of them is empty.
std::vector<std::string> grid_values(std::string_view text);

}  // namespace tempera
