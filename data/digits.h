// Handwritten digits: 8 x 8 pixels in 0..16 and a class in 0..9 per line, as scikit-learn ships them.
#pragma once

#include <filesystem>

#include "core/tensor.h"

namespace tempera {

struct Digits {
  Tensor pixels;   // float32 [N, 64], scaled to [0, 1]
  Tensor classes;  // int32 [N]
};

// Each line holds 65 integers separated by commas: the pixels row by row, then the digit.
// Throws Error, with file and line, where the file cannot be read, a line has another count of numbers, or a number is
// not an integer in its range.
Digits read_digits(const std::filesystem::path& file);

}  // namespace tempera
