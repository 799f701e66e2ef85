// Rows of a table, by index.
#pragma once

#include <optional>

#include "core/tape.h"

namespace tempera {

extern const Op embedding_op;
extern const Op index_select_op;

//   y[.., :] = table[indices[..], :];       dtable[v, :] = sum of dy[.., :] over indices[..] = v
// table: [V, D]; indices: int32, rank <= 4; y: [.., D]. Row `padding_index` is read as any other but gets gradient 0.
// The gradient is dense and summed in float64 in the order of the indices, the same bits on any number of threads.
// Throws Error, with position and value, for an index outside [0, V).
Var embedding(const Var& table, const Tensor& indices, std::optional<Index> padding_index = {});

//   y[.., k, ..] = x[.., indices[k], ..];   dx[.., e, ..] = sum of dy[.., k, ..] over indices[k] = e
// indices: int32 of rank 1, repeats allowed. Any dtype. Errors as above.
Var index_select(const Var& x, int axis, const Tensor& indices);

//   y[.., c] = 1 if indices[..] == c else 0;     indices: int32, rank <= 4; y: [.., classes]
Tensor one_hot(const Tensor& indices, Index classes, DType dtype = DType::float32,
               const std::shared_ptr<Pool>& pool = nullptr);

}  // namespace tempera
