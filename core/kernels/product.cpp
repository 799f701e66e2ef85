#include "core/kernels/product.h"

#include <algorithm>
#include <bit>

#include "core/kernels/split_gemm.h"
#include "core/parallel.h"

namespace tempera::kernels {
namespace {

// Below this many multiplications a second thread costs more than it brings.
constexpr Index kWorthAThread = 1 << 16;
// Row panels start at multiples of this, so that threads do not share cache lines of C more than they must.
constexpr Index kRowUnit = 32;
constexpr Index kPackedColumns = 512;

template <class T>
Operand<T> from_row(Operand<T> a, Index row) {
  a.at += a.transpose == Transpose::no ? row * a.ld : row;
  return a;
}

// Which kernel computes C [m, n] of so many inner indices: a question of the whole product, for its parts must not
// differ.
template <class T>
class Kernel {
 public:
  Kernel(const Team& team, Index m, Index n, Index k)
      : split_(std::is_same_v<T, float> && team.matrix_units && is_worth_splitting(m, n, k) && has_matrix_units()),
        bytes_(std::bit_ceil(std::max<std::size_t>(
            64, split_ ? split_gemm_workspace_bytes(m, n, k) : gemm_workspace_bytes<T>(m, n, k)))) {}

  // A power of two: the pool keeps a block for each size that was ever asked for, and a model has many.
  std::size_t workspace_bytes() const { return bytes_; }

  void run(Index m, Index n, Index k, T alpha, Operand<T> a, Operand<T> b, T beta, T* c, Index ldc, Workspace ws,
           const Epilogue& epilogue = {}) const {
    if constexpr (std::is_same_v<T, float>)
      if (split_)
        return split_gemm(a.transpose, b.transpose, m, n, k, alpha, a.at, a.ld, b.at, b.ld, beta, c, ldc, ws, epilogue);
    gemm(a.transpose, b.transpose, m, n, k, alpha, a.at, a.ld, b.at, b.ld, beta, c, ldc, ws, epilogue);
  }

 private:
  bool split_;
  std::size_t bytes_;
};

}  // namespace

template <class T>
void product(const Team& team, Index m, Index n, Index k, T alpha, Operand<T> a, Operand<T> b, T beta, T* c, Index ldc,
             Epilogue epilogue) {
  const Kernel<T> kernel(team, m, n, k);
  const std::size_t bytes = kernel.workspace_bytes();
  const Index threads = m * n * k >= kWorthAThread ? team.threads : 1;
  const Index rows = std::max(kRowUnit, ((m + threads - 1) / threads + kRowUnit - 1) / kRowUnit * kRowUnit);
  const Index parts = threads == 1 ? 1 : (m + rows - 1) / rows;
  const Storage scratch = Pool::allocate(team.pool, bytes * static_cast<std::size_t>(std::max<Index>(1, parts)));
  const auto run = [&](Index part, Index first, Index last) {
    const auto shifted = [&](Index row, Index count, Index col, Index cols) {
      epilogue(first + row, count, col, cols);
    };
    const Workspace ws(scratch.data() + static_cast<std::size_t>(part) * bytes, bytes);
    kernel.run(last - first, n, k, alpha, from_row(a, first), b, beta, c + first * ldc, ldc, ws,
               epilogue ? Epilogue(shifted) : Epilogue());
  };
  if (parts <= 1) return run(0, 0, m);
  parallel_panels(static_cast<int>(threads), m, rows, [&](Index first, Index last) { run(first / rows, first, last); });
}

template <class T>
void products(const Team& team, const Batch& batch, Index m, Index n, Index k, T alpha, Operand<T> a, Operand<T> b,
              T beta, T* c, Index ldc) {
  const auto at = [](Operand<T> x, Index offset) { return Operand<T>{x.at + offset, x.ld, x.transpose}; };
  const bool summed = batch.stride_c == 0 && batch.count > 1;
  if (summed || batch.count < team.threads) {
    for (Index i = 0; i < batch.count; ++i)
      product(team, m, n, k, alpha, at(a, i * batch.stride_a), at(b, i * batch.stride_b), summed && i > 0 ? T(1) : beta,
              c + i * batch.stride_c, ldc);
    return;
  }
  const int threads = batch.count * m * n * k >= kWorthAThread ? team.threads : 1;
  const Kernel<T> kernel(team, m, n, k);
  const std::size_t bytes = kernel.workspace_bytes();
  const Index share = (batch.count + threads - 1) / threads;
  const Storage scratch = Pool::allocate(team.pool, bytes * static_cast<std::size_t>(threads));
  parallel_panels(threads, batch.count, share, [&](Index first, Index last) {
    const Workspace ws(scratch.data() + static_cast<std::size_t>(first / share) * bytes, bytes);
    for (Index i = first; i < last; ++i)
      kernel.run(m, n, k, alpha, at(a, i * batch.stride_a), at(b, i * batch.stride_b), beta, c + i * batch.stride_c,
                 ldc, ws);
  });
}

template <class T>
void packed_product(const Team& team, Index m, Index n, Index k, const T* a, Index lda, const T* packed, T* c,
                    Index ldc, const Epilogue& epilogue) {
  const Index width = packed_width<T>(), panels = (n + width - 1) / width;
  const Index threads = m * n * k >= kWorthAThread ? team.threads : 1;
  // With many rows a part of B, which all of them read, stays in the second-level cache.
  const Index share = std::min((panels + threads - 1) / threads, kPackedColumns / width);
  parallel_panels(static_cast<int>(threads), panels, share, [&](Index first, Index last) {
    const Index col = first * width, cols = std::min(n, last * width) - col;
    gemm_packed(Transpose::no, m, cols, k, T(1), a, lda, packed + col * k, k, T(0), c + col, ldc);
    if (epilogue) epilogue(0, m, col, cols);
  });
}

template void packed_product(const Team&, Index, Index, Index, const float*, Index, const float*, float*, Index,
                             const Epilogue&);
template void packed_product(const Team&, Index, Index, Index, const double*, Index, const double*, double*, Index,
                             const Epilogue&);
template void product(const Team&, Index, Index, Index, float, Operand<float>, Operand<float>, float, float*, Index,
                      Epilogue);
template void product(const Team&, Index, Index, Index, double, Operand<double>, Operand<double>, double, double*,
                      Index, Epilogue);
template void products(const Team&, const Batch&, Index, Index, Index, float, Operand<float>, Operand<float>, float,
                       float*, Index);
template void products(const Team&, const Batch&, Index, Index, Index, double, Operand<double>, Operand<double>, double,
                       double*, Index);

}  // namespace tempera::kernels
