// Scores to weights: what stands in the place of the softmax.
//
// A normalizer works on a block of rows, each with its range of visible keys; what runs it
// (attention/score_attention.h) brings scores and gradients, in a matrix as a whole or block by block. Most normalizers
// are a few lambdas: see attention/rowwise_normalizer.h; those that must search, sort or iterate are two functions of
// a row: see attention/row_normalizer.h.
#pragma once

#include <memory>

#include "attention/head_parameters.h"
#include "attention/visibility.h"
#include "core/fields.h"

namespace tempera {

// What a normalizer promises; tests/attention/contract_test.cpp holds every kind to it.
struct NormalizerTraits {
  // What a weight depends on: its own score (and the count of visible keys), its row, or the whole matrix of a head.
  enum class Reach { pointwise, row, matrix } reach = Reach::row;
  bool rows_sum_to_one = true;
  bool needs_count = false;  // of the visible keys
  bool sparse = false;       // gives exact zeros
  bool negative = false;     // weights may be below zero
  bool causal = true;        // false: only tokens that all see each other; no masks of time, no memory, no decoding
  bool ordered = false;      // the order of the keys matters
  bool full_rank = false;    // wants scores of full rank: of heads as wide as tokens are many, or wider
  bool cosine = false;       // wants cosines: queries and keys come as unit vectors, and nothing scales their product
  double time = 2;           // exponent of a whole head's weights in the count of tokens
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
  T* saved = nullptr;    // [rows, traits().saved]
  T* scratch = nullptr;  // of the length that scratch() asks for
  Index head = 0;
  bool training = false;
  bool again = false;  // `saved` holds already what the forward pass of these rows left there
  HeadValues<const T> parameters{};
};

template <class T>
struct ScoreGradients {
  const T* dweights = nullptr;
  T* dscores = nullptr;  // may be the buffer of dweights
  HeadValues<T> dparameters{};
};

class ScoreNormalizer;

// A loss of every row beside its weights, whose mean over queries and heads is added to that of training.
struct RowLoss {
  std::string_view name;
  double weight = 1;
  // Its rows sum to the loss of the row, given the same scores and parameters: attention through it over values of one
  // is the loss of every query.
  const ScoreNormalizer* rows = nullptr;
};

class ScoreNormalizer : public HeadParameters {
 public:
  virtual NormalizerTraits traits() const = 0;
  // Why it cannot weigh so many true tokens, as the end of a sentence; empty: it can.
  virtual std::string refusal([[maybe_unused]] Index tokens) const { return {}; }
  // Null: none.
  virtual const RowLoss* row_loss() const { return nullptr; }
  std::vector<std::string_view> loss_names() const override {
    return row_loss() ? std::vector{row_loss()->name} : std::vector<std::string_view>();
  }
  // Elements of working memory for a block of `rows` by `cols` scores.
  virtual Index scratch([[maybe_unused]] Index rows, [[maybe_unused]] Index cols) const { return 0; }
  // weights = f(scores), and `saved`. weights may be the buffer of the scores.
  virtual void forward(const ScoreRows<float>& rows) const = 0;
  virtual void forward(const ScoreRows<double>& rows) const = 0;
  // dscores = (df/dscores)^T dweights, dparameters += ..., given scores, weights and `saved` of the forward pass.
  virtual void backward(const ScoreRows<float>& rows, const ScoreGradients<float>& gradients) const = 0;
  virtual void backward(const ScoreRows<double>& rows, const ScoreGradients<double>& gradients) const = 0;
  // What becomes of the outputs of all heads, side by side in y [B, N, H E], before the output matrix; x [B, N,
  // d_model] are the tokens that ask. A token's output depends on its own y and x alone. Most normalizers leave it as
  // it is.
  virtual Var finish(Context&, const Var& y, [[maybe_unused]] const Var& x) const { return y; }
};

// Where a normalizer stands.
struct NormalizerPlace {
  Index heads = 1;
  Index width = 1;    // of a head's queries and keys
  Index d_model = 1;  // of the tokens
};

// Options of a kind of normalizer.
struct NormalizerOptions : Options {
  virtual std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const = 0;
};

}  // namespace tempera
