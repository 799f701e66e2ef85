// GPT-2's way to cut text into words before byte pairs are merged, so that no token spans two of them:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// (Radford et al. 2019, "Language models are unsupervised multitask learners"). Bytes that are no UTF-8 form words of
// their own.
#pragma once

#include <cstddef>
#include <string_view>

namespace tempera {

// The word that begins at byte `at` < text.size(); moves `at` behind it. The words one after another are the text.
std::string_view next_word(std::string_view text, std::size_t& at);

}  // namespace tempera
