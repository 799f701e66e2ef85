// Dropout, made by the place in the whole batch.
#pragma once

#include "layers/context.h"

namespace tempera {

// core/ops/dropout.h while the context trains, x itself otherwise. x [rows, ...], the rows of this shard's samples in
// order: `rows_per_sample` is H for [B H, N, D]. Element i of the shard draws the word of its place in the whole batch,
//   first_sample() rows_per_sample (elements of a row) + i,
// from the stream of path and `use`, so a batch gets the same mask however it is cut into shards, as long as these
// agree in the extents of a sample.
Var drop(Context& context, const Var& x, double probability, std::string_view use, Index rows_per_sample = 1);

// The same as a part, named by its path.
struct Dropout : Module {
  explicit Dropout(double probability_);
  void visit(ParameterVisitor&) override {}
  Var forward(Context& context, const Var& x) const { return drop(context, x, probability, "dropout"); }

  double probability;
};

}  // namespace tempera
