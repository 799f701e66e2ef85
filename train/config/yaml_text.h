// What must hold of a text before any YAML is read.
#pragma once

#include "train/config/source.h"

namespace tempera {

constexpr std::size_t kMostBytes = std::size_t{1} << 20U;

// Adds a problem and returns false unless source number `source` is UTF-8 of at most kMostBytes without control
// characters, and no line is indented by tabs.
bool check_text(int source, Problems& problems);

// True when the quoted text that begins at or after `offset` is closed. The parser takes the end of the file for the
// closing quote. True as well when there is no quote: block texts need none.
bool quote_is_closed(std::string_view text, std::size_t offset);

// The length of the UTF-8 character at the beginning of `bytes`, 0 when there is none: no overlong forms, no
// surrogates.
std::size_t utf8_length(std::string_view bytes);

}  // namespace tempera
