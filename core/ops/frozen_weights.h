// Weights that stay as they are while a tape is in use, as they do while text is written: `linear` lays each of them
// out for its products once, where it would do so in every product otherwise. With few rows that is most of its time.
//
//   tape.workspace<FrozenWeights>().add(w);      // w [out, in]
//
// The results are the same to the last bit. Costs the memory of the weights once more.
#pragma once

#include <unordered_map>

#include "core/tensor.h"

namespace tempera {

class FrozenWeights {
 public:
  // Nobody may write to `w` from now on.
  void add(const Tensor& w);
  // The panels of kernels::pack of W^T, made when they are first asked for; null where `w` was not added.
  const Tensor* find(const Tensor& w);
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    Tensor w, panels;  // w is held, so that its address stays its own
  };
  std::unordered_map<const void*, Entry> entries_;  // by the address of w
};

}  // namespace tempera
