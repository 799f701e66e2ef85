// Texts of known origin that Debian packages bring.
//
//   bible   King James Version, 4.3 MB of English (packages bible-kjv and bible-kjv-text): a heading per chapter, a
//           line per verse
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tempera {

// The text. The first call runs the package's program and keeps what it prints in `cache` (empty:
// $XDG_CACHE_HOME/tempera, or ~/.cache/tempera), later ones read that. Throws Error for an unknown name, and where the
// package is missing with the command that installs it.
std::string read_corpus(std::string_view name, const std::filesystem::path& cache = {});

}  // namespace tempera
