// What is added to the scores of queries and keys: the place of relative positions.
#pragma once

#include "attention/head_parameters.h"

namespace tempera {

// A part of the scores of one head. Element (r, c) is at [r * stride + c] and belongs to the query at position
// query + r and the key at position key + c; with `keys_down` to the key at key + r and the query at query + c.
template <class T>
struct BiasBlock {
  Index rows = 0, cols = 0, stride = 0;
  Index query = 0, key = 0;
  Index head = 0;
  HeadValues<const T> parameters{};
  bool keys_down = false;

  // How far the key of the first element of row r lies behind its query; grows by step() along the row.
  Index offset(Index r) const { return key - query + (keys_down ? r : -r); }
  Index step() const { return keys_down ? -1 : 1; }
};

class ScoreBias : public HeadParameters {
 public:
  // scores += bias. May be called for any part of the matrix, in any order.
  virtual void add(const BiasBlock<float>& block, float* scores) const = 0;
  virtual void add(const BiasBlock<double>& block, double* scores) const = 0;
  // dparameters += what dscores says; zeros stand where nothing is visible.
  virtual void backward(const BiasBlock<float>& block, const float* dscores, const HeadValues<float>& to) const = 0;
  virtual void backward(const BiasBlock<double>& block, const double* dscores, const HeadValues<double>& to) const = 0;
};

}  // namespace tempera
