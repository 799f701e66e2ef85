// Scores to weights: what stands in the place of the softmax.
//
// A normalizer works on a block of rows, each with its range of visible keys; what runs it
// (attention/score_attention.h) brings scores and gradients, in a matrix as a whole or block by block. Most normalizers
// are a few lambdas: see attention/rowwise_normalizer.h.
#pragma once

#include <memory>

#include "attention/head_parameters.h"
#include "attention/visibility.h"
#include "core/fields.h"

namespace tempera {

struct NormalizerTraits {
  // What a weight depends on: its own score (and the count of visible keys), its row, or the whole matrix of a head.
  enum class Reach { pointwise, row, matrix } reach = Reach::row;
  bool rows_sum_to_one = true;
  bool needs_count = false;  // of the visible keys
  bool sparse = false;       // gives exact zeros
  // Values kept for each row from the forward to the backward pass.
  Index saved = 0;
};

// What a row is told besides its scores.
struct RowInfo {
  Range visible;    // the columns to work on; the others are neither read nor written
  Index count = 0;  // keys that the row sees in all; with a pointwise normalizer `visible` may be a part of them
};

// Rows of one sequence and one head. Element (r, c) is at [r * stride + c].
template <class T>
struct ScoreRows {
  Index rows = 0, stride = 0;
  const RowInfo* info = nullptr;  // [rows]
  const T* scores = nullptr;
  T* weights = nullptr;
  T* saved = nullptr;  // [rows, traits().saved]
  Index head = 0;
  bool training = false;
  HeadValues<const T> parameters{};
};

template <class T>
struct ScoreGradients {
  const T* dweights = nullptr;
  T* dscores = nullptr;  // may be the buffer of dweights
  HeadValues<T> dparameters{};
};

class ScoreNormalizer : public HeadParameters {
 public:
  virtual NormalizerTraits traits() const = 0;
  // weights = f(scores), and `saved`. weights may be the buffer of the scores.
  virtual void forward(const ScoreRows<float>& rows) const = 0;
  virtual void forward(const ScoreRows<double>& rows) const = 0;
  // dscores = (df/dscores)^T dweights, dparameters += ..., given scores, weights and `saved` of the forward pass.
  virtual void backward(const ScoreRows<float>& rows, const ScoreGradients<float>& gradients) const = 0;
  virtual void backward(const ScoreRows<double>& rows, const ScoreGradients<double>& gradients) const = 0;
};

// Options of a kind of normalizer.
struct NormalizerOptions : Options {
  virtual std::unique_ptr<ScoreNormalizer> make(Index heads) const = 0;
};

}  // namespace tempera
