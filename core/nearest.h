// "Did you mean ...?": the known name that a mistyped one most likely stands for.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tempera {

// Edits that turn one word into the other: insert, delete or replace a character, swap two neighbours (Damerau 1964,
// restricted: no character is edited twice). Case, and `-` against `_`, count nothing.
int edit_distance(std::string_view a, std::string_view b);

// The name nearest to `word`, or an empty view when none is near: at most one edit for every three characters, or
// `word` (three characters or more) is the beginning of a single name. Among equals the one that shares the longest
// beginning wins, then the first.
std::string_view nearest(std::string_view word, std::span<const std::string_view> names);

// "; did you mean `dropout`?", or nothing when no name is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

}  // namespace tempera
