#include "attention/ops.h"

#include "attention/linear_attention.h"
#include "attention/monotonic_alignment.h"
#include "attention/score_attention.h"

namespace tempera {

std::span<const Op* const> attention_ops() {
  static constexpr const Op* kOps[] = {
      &attention_weights_op, &blocks_attention_op,    &streaming_attention_op,
      &linear_attention_op,  &monotonic_alignment_op, &monotonic_chunks_op,
  };
  return kOps;
}

}  // namespace tempera
