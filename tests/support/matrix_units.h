// Whether the tests of matrix units can try anything here.
#pragma once

#include <catch2/catch.hpp>

#include "core/kernels/split_gemm.h"

namespace tempera {

// Where there are none nothing can be tried; it is said.
inline bool tries_matrix_units() {
  if (kernels::has_matrix_units()) return true;
  WARN("this processor has no matrix units");
  SUCCEED();
  return false;
}

}  // namespace tempera
