// The crossover of the softmax algorithms as a picture.
#pragma once

#include <string>

#include "apps/support/table.h"

namespace tempera::bench {

// An SVG file of softmax_table(): ns per element of each algorithm over the length of a row, float32; a line at the
// length from which `automatic` is another algorithm.
std::string softmax_picture(const Table& table);

}  // namespace tempera::bench
