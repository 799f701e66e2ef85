#include "data/batch.h"

namespace tempera {

Batch Batch::rows(Index first, Index count) const {
  Batch shard;
  for (auto member :
       {&Batch::inputs, &Batch::targets, &Batch::lengths, &Batch::second_inputs, &Batch::second_lengths, &Batch::ids})
    if ((this->*member).defined()) shard.*member = (this->*member).rows(first, count);
  return shard;
}

void Batch::fit(Tensor& tensor, const Shape& shape, DType dtype) {
  if (tensor.defined() && tensor.dtype() == dtype && tensor.shape() == shape && tensor.references() == 1) return;
  if (!pool_) pool_ = std::make_shared<Pool>();
  tensor = Tensor();  // back to the pool first: the new one may take its place
  tensor = Tensor::empty(shape, dtype, pool_);
}

}  // namespace tempera
