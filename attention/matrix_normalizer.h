// A normalizer as two functions of the matrix of a head, for those that know rows and columns.
//
// weigh() and differentiate() are given the square of the sequence's true tokens; what lies outside belongs to padding
// and gets zeros. The two buffers of a gradient may be one, so may scores and weights.
#pragma once

#include "attention/typed_normalizer.h"

namespace tempera {

// Element (i, j) is at [i * stride + j], for i, j < tokens.
template <class T>
struct WholeMatrix {
  const T* scores = nullptr;
  Index tokens = 0, stride = 0;  // tokens >= 1
  T* scratch = nullptr;
};

template <class T>
struct MatrixGradient {
  const T* dw = nullptr;
  T* ds = nullptr;  // to be written
};

template <class Derived>
class MatrixNormalizer : public TypedNormalizer<MatrixNormalizer<Derived>> {
  using Typed = TypedNormalizer<MatrixNormalizer>;
  friend Typed;

 protected:
  using Typed::traits_;
  explicit MatrixNormalizer(const NormalizerTraits& traits) : Typed(traits) {
    traits_.reach = NormalizerTraits::Reach::matrix;
    traits_.causal = false;
  }

 private:
  // All tokens see each other, so every row sees the true tokens, and there are as many rows.
  template <class T>
  static WholeMatrix<T> matrix_of(const ScoreRows<T>& rows) {
    return {rows.scores, rows.rows > 0 ? rows.info[0].visible.last : 0, rows.stride, rows.scratch};
  }
  template <class T>
  static void clear_padding(const ScoreRows<T>& rows, Index tokens, T* x) {
    for (Index i = tokens; i < rows.rows; ++i) std::fill_n(x + i * rows.stride, tokens, T(0));
  }
  template <class T>
  void run_forward(const ScoreRows<T>& rows) const {
    const WholeMatrix<T> matrix = matrix_of(rows);
    if (matrix.tokens > 0) static_cast<const Derived*>(this)->weigh(matrix, rows.weights);
    clear_padding(rows, matrix.tokens, rows.weights);
  }
  template <class T>
  void run_backward(const ScoreRows<T>& rows, const ScoreGradients<T>& g) const {
    const WholeMatrix<T> matrix = matrix_of(rows);
    if (matrix.tokens > 0)
      static_cast<const Derived*>(this)->differentiate(matrix, rows.weights, MatrixGradient<T>{g.dweights, g.dscores});
    clear_padding(rows, matrix.tokens, g.dscores);
  }
};

}  // namespace tempera
