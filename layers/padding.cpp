#include "layers/padding.h"

#include "core/ops/mask.h"

namespace tempera {

void check_lengths(const Tensor& lengths, Index batch, Index length, std::string_view who) {
  if (!lengths.defined()) return;
  require(lengths.dtype() == DType::int32 && lengths.shape() == Shape{batch}, who,
          "the lengths are {}; int32 [{}], one for each sequence, was wanted", lengths, batch);
  const std::int32_t* at = lengths.data<std::int32_t>();
  for (Index b = 0; b < batch; ++b)
    require(at[b] >= 0 && at[b] <= length, who, "the length of sequence {} is {}; a number in [0, {}] was wanted", b,
            at[b], length);
}

Var without_padding(Context& context, const Var& x, const Tensor& lengths) {
  if (!lengths.defined()) return x;
  const Index batch = x.dim(0), length = x.dim(1);
  check_lengths(lengths, batch, length, "without_padding");
  Tensor mask = context.tape().empty({batch, length, 1}, DType::int32);
  const std::int32_t* count = lengths.data<std::int32_t>();
  std::int32_t* to = mask.data<std::int32_t>();
  for (Index b = 0; b < batch; ++b)
    for (Index n = 0; n < length; ++n) *to++ = n >= count[b];
  return masked_fill(x, mask, 0);
}

}  // namespace tempera
