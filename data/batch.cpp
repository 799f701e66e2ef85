#include "data/batch.h"

#include <cstring>

namespace tempera {
namespace {

constexpr auto kMembers = {&Batch::inputs,        &Batch::targets,        &Batch::lengths,
                           &Batch::second_inputs, &Batch::second_lengths, &Batch::ids};

}  // namespace

Batch Batch::rows(Index first, Index count) const {
  Batch shard;
  for (auto member : kMembers)
    if ((this->*member).defined()) shard.*member = (this->*member).rows(first, count);
  return shard;
}

void Batch::fit(Tensor& tensor, const Shape& shape, DType dtype) {
  if (tensor.defined() && tensor.dtype() == dtype && tensor.shape() == shape && tensor.references() == 1) return;
  if (!pool_) pool_ = std::make_shared<Pool>();
  tensor = Tensor();  // back to the pool first: the new one may take its place
  tensor = Tensor::empty(shape, dtype, pool_);
}

void join(const Batch& first, const Batch& second, Batch& out) {
  for (auto member : kMembers) {
    const Tensor &a = first.*member, &b = second.*member;
    Tensor& to = out.*member;
    require(a.defined() == b.defined() &&
                (!a.defined() || (a.dtype() == b.dtype() && a.shape().with(0, b.dim(0)) == b.shape())),
            "join", "samples {} and {} came; both must be of one kind", a, b);
    if (!a.defined()) {
      to = Tensor();
      continue;
    }
    out.fit(to, a.shape().with(0, a.dim(0) + b.dim(0)), a.dtype());
    std::memcpy(to.raw(), a.raw(), a.bytes());
    std::memcpy(static_cast<std::byte*>(to.raw()) + a.bytes(), b.raw(), b.bytes());
  }
}

}  // namespace tempera
