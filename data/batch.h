// The tensors of one training step.
#pragma once

#include <memory>

#include "core/tensor.h"

namespace tempera {

struct Batch {
  Tensor inputs;   // int32 [B, N] tokens, or float32 [B, ...]: features [B, F], images [B, C, H, W]
  Tensor targets;  // int32 [B] or [B, N], -1 = ignored; or float32 [B, ...]
  Tensor lengths;  // int32 [B]: how many of the N tokens are real; undefined where all are
  // int32 [B, M] tokens: the other text of a pair, or the target behind a begin token (teacher forcing); with lengths
  // as above. Undefined where samples are no pairs.
  Tensor second_inputs, second_lengths;
  Tensor ids;  // int32 [B]: index of each sample in its set

  Index size() const { return ids.defined() ? ids.dim(0) : 0; }
  // Samples [first, first + count) as views of the same memory: a shard. Throws Error outside the batch.
  Batch rows(Index first, Index count) const;

  // Gives `tensor` this shape and type, contents undefined. Its own memory is used again unless somebody else holds it
  // too: a batch that was kept, or a shard of it, is never overwritten. Memory comes from the batch's own pool, so a
  // batch that is filled again and again, also with other sizes, leaves the heap alone.
  void fit(Tensor& tensor, const Shape& shape, DType dtype);

 private:
  std::shared_ptr<Pool> pool_;
};

// The samples of both, one behind the other, in the memory of `out`. Throws Error unless they look alike.
void join(const Batch& first, const Batch& second, Batch& out);

}  // namespace tempera
