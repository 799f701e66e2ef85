// Who can multiply matrices here: our kernel, Eigen's, and the libraries that are installed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/kernels/gemm.h"

namespace tempera::bench {

using kernels::Transpose;

// One product of a transformer: C [m, n] = op(A) op(B) + beta C.
struct Case {
  std::string name;
  Transpose ta, tb;
  Index m, n, k;
  bool accumulate;
  Index lda() const { return ta == Transpose::no ? k : m; }
  Index ldb() const { return tb == Transpose::no ? n : k; }
  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

template <class T>
using Run = std::function<bool(const Case&, const T* a, const T* b, T* c)>;
template <class T>
struct Candidate {
  std::string name;
  Run<T> run;  // false: has nothing for this product
};

// Our own kernels first, that of matrix units where there are any; OpenBLAS, BLIS and oneDNN where they are found at
// run time. All on one thread.
template <class T>
std::vector<Candidate<T>> gemm_candidates();

}  // namespace tempera::bench
