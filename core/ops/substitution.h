// Forward and backward substitution on plain memory. Rows of X are added to each other, so the inner loop runs over
// neighbouring columns, nothing is allocated, and a column's result does not depend on the others.
#pragma once

#include "core/lanes.h"

namespace tempera {

struct TriangularOptions {
  bool lower = true;           // which triangle of A is read; the other may hold anything
  bool unit_diagonal = false;  // the diagonal counts as 1 and is not read
  bool transpose = false;      // solves with A^T
};

// y -= factor x over `count` elements.
template <class T>
void subtract_row(T factor, const T* x, T* y, Index count) {
  for (Index i = 0; i < count; ++i) y[i] -= factor * x[i];
}

// X = op(A)^-1 X for A [n, n] and X [n, m], row-major.
template <class T>
void substitute(const T* a, T* x, Index n, Index m, const TriangularOptions& options) {
  const Index row_step = options.transpose ? 1 : n, column_step = options.transpose ? n : 1;
  const bool forward = options.lower != options.transpose;
  for (Index step = 0; step < n; ++step) {
    const Index i = forward ? step : n - 1 - step;
    const Index first = forward ? 0 : i + 1, last = forward ? i : n;
    for (Index j = first; j < last; ++j) subtract_row(a[i * row_step + j * column_step], x + j * m, x + i * m, m);
    if (options.unit_diagonal) continue;
    const T diagonal = a[i * (n + 1)];
    for (Index k = 0; k < m; ++k) x[i * m + k] /= diagonal;
  }
}

// Replaces A [n, n] by its factors P A = L U (L with a unit diagonal, below it; U on and above) and exchanges the rows
// of X [n, m] as P does. False where a pivot is 0 or not a number.
template <class T>
bool factor(T* a, T* x, Index n, Index m) {
  for (Index k = 0; k < n; ++k) {
    Index pivot = k;
    for (Index i = k + 1; i < n; ++i)
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    if (!(std::abs(a[pivot * n + k]) > 0)) return false;
    if (pivot != k) {
      std::swap_ranges(a + k * n, a + (k + 1) * n, a + pivot * n);
      std::swap_ranges(x + k * m, x + (k + 1) * m, x + pivot * m);
    }
    for (Index i = k + 1; i < n; ++i) {
      const T ratio = a[i * n + k] /= a[k * n + k];
      subtract_row(ratio, a + k * n + k + 1, a + i * n + k + 1, n - k - 1);
    }
  }
  return true;
}

}  // namespace tempera
