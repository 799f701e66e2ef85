// Whole powers as products, for numbers, lanes and duals.
#pragma once

namespace tempera::detail {

// x^n for n >= 1, by squaring.
template <class X>
X whole_power(X x, int n) {
  while (n % 2 == 0) {
    x = x * x;
    n /= 2;
  }
  X result = x;
  while ((n /= 2) > 0) {
    x = x * x;
    if (n % 2 == 1) result = result * x;
  }
  return result;
}

}  // namespace tempera::detail
