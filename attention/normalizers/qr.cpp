#include "attention/normalizers/qr.h"

#include <cmath>

#include "attention/matrix_normalizer.h"

namespace tempera {
namespace {

double product(const double* a, const double* b, Index n) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

void subtract(double factor, const double* x, double* y, Index n) {
  for (Index i = 0; i < n; ++i) y[i] -= factor * x[i];
}

// Columns as rows: q[j] is column j of Q. Element (i, j) of R, i <= j, is at r[i * n + j].
struct Factors {
  double *q, *r, *work;
  Index n;
};

class QR : public MatrixNormalizer<QR> {
 public:
  QR(Index width, double noise)
      : MatrixNormalizer({.ordered = true, .full_rank = true, .time = 3}),
        width_(width),
        noise_(noise),
        draws_(1, "qr") {}

  std::string refusal(Index tokens) const override {
    if (tokens <= width_) return {};
    return fmt::format(
        "but heads of tokens are {} wide, so the scores have no full rank and no QR factors of their own; "
        "choose a greater model.d_model and attention.head_width, or another normalizer",
        width_);
  }
  // Three matrices of float64; a float32 takes half of its room.
  Index scratch(Index rows, Index) const override { return 2 * 3 * std::min(rows, width_) * std::min(rows, width_); }

  template <class T>
  void weigh(const WholeMatrix<T>& m, T* w) const {
    const Factors f = factors(m);
    for (Index i = 0; i < f.n; ++i)
      for (Index j = 0; j < f.n; ++j) w[i * m.stride + j] = static_cast<T>(f.q[j * f.n + i] * f.q[j * f.n + i]);
  }

  template <class T>
  void differentiate(const WholeMatrix<T>& m, const T*, const MatrixGradient<T>& to) const {
    const Factors f = factors(m);
    const Index n = f.n;
    double* const dq = f.work;  // column j in row j, as Q
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) dq[j * n + i] = 2 * f.q[j * n + i] * static_cast<double>(to.dw[i * m.stride + j]);
    // C is symmetric, of the lower triangle of B; it takes the free half of R: C_ij, i > j, beside the diagonal of B.
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < i; ++j) f.r[i * n + j] = -product(dq + i * n, f.q + j * n, n);
    // dQ + Q C, column by column. The diagonal first, for it reads dQ alone.
    for (Index j = 0; j < n; ++j) subtract(product(dq + j * n, f.q + j * n, n), f.q + j * n, dq + j * n, n);
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < n; ++i)
        if (i != j) subtract(-f.r[std::max(i, j) * n + std::min(i, j)], f.q + i * n, dq + j * n, n);
    // X R^T = W: column j of X is (W_j - sum over k > j of R_jk X_k) / R_jj.
    for (Index j = n - 1; j >= 0; --j) {
      for (Index k = j + 1; k < n; ++k) subtract(f.r[j * n + k], dq + k * n, dq + j * n, n);
      for (Index i = 0; i < n; ++i) dq[j * n + i] /= f.r[j * n + j];
    }
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) to.ds[i * m.stride + j] = static_cast<T>(dq[j * n + i]);
  }

 private:
  template <class T>
  Factors factors(const WholeMatrix<T>& m) const {
    const Index n = m.tokens;
    auto* const memory = reinterpret_cast<double*>(m.scratch);
    const Factors f{memory, memory + n * n, memory + 2 * n * n, n};
    for (Index j = 0; j < n; ++j) {
      double* const column = f.q + j * n;
      for (Index i = 0; i < n; ++i) {
        column[i] = static_cast<double>(m.scores[i * m.stride + j]);
        if (noise_ > 0) column[i] += noise_ * draws_.normal(static_cast<std::uint64_t>(i << 32 | j));
        f.r[i * n + j] = 0;
      }
      for (int pass = 0; pass < 2; ++pass)  // the second takes away what rounding left of the others
        for (Index i = 0; i < j; ++i) {
          const double along = product(f.q + i * n, column, n);
          subtract(along, f.q + i * n, column, n);
          f.r[i * n + j] += along;
        }
      // Without noise columns may depend on each other exactly; what is left then is nothing, and stays so.
      const double length = std::sqrt(product(column, column, n));
      f.r[j * n + j] = length > 0 ? length : 1;
      for (Index i = 0; i < n; ++i) column[i] /= f.r[j * n + j];
    }
    return f;
  }

  Index width_;
  double noise_;
  Rng draws_;
};

}  // namespace

void QROptions::describe(Fields& f) {
  f("noise", noise, "standard deviation of what is added to the scores, the same in every pass", at_least(0));
}

std::unique_ptr<ScoreNormalizer> QROptions::make(const NormalizerPlace& place) const {
  return std::make_unique<QR>(std::min(place.width, place.d_model), noise);
}

}  // namespace tempera
