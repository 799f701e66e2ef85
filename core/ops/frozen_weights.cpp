#include "core/ops/frozen_weights.h"

#include "core/error.h"
#include "core/kernels/gemm.h"

namespace tempera {

void FrozenWeights::add(const Tensor& w) {
  require(w.rank() == 2 && is_floating(w.dtype()), "FrozenWeights", "{} came; a matrix of numbers was wanted", w);
  entries_[w.raw()] = {w, {}};
}

const Tensor* FrozenWeights::find(const Tensor& w) {
  if (entries_.empty()) return nullptr;
  const auto found = entries_.find(w.raw());
  if (found == entries_.end() || found->second.w.shape() != w.shape()) return nullptr;
  Entry& entry = found->second;
  if (!entry.panels.defined())
    dispatch(w.dtype(), [&]<class T>(Type<T>) {
      const Index out = w.dim(0), in = w.dim(1);
      entry.panels = Tensor::empty({kernels::packed_size<T>(out, in)}, w.dtype());
      kernels::pack(kernels::Transpose::yes, out, in, w.data<T>(), in, entry.panels.data<T>());
    });
  return &entry.panels;
}

}  // namespace tempera
