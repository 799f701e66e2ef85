#include "losses/distillation.h"

#include <cmath>
#include <limits>

#include "core/ops/elementwise.h"
#include "core/ops/mask.h"
#include "core/ops/reductions.h"

namespace tempera {

void soften(const Tensor& logits, const Tensor& hidden, double temperature, Tensor& soft) {
  const Index rows = logits.dim(0), classes = logits.dim(1);
  const auto seen = [&](Index c) { return !hidden.defined() || hidden.data<std::int32_t>()[c] == 0; };
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    for (Index row = 0; row < rows; ++row) {
      const T* z = logits.data<T>() + row * classes;
      T* q = soft.data<T>() + row * classes;
      double most = -std::numeric_limits<double>::infinity(), total = 0;
      for (Index c = 0; c < classes; ++c)
        if (seen(c)) most = std::max(most, static_cast<double>(z[c]));
      const auto weight = [&](Index c) {
        return seen(c) ? std::exp((static_cast<double>(z[c]) - most) / temperature) : 0.0;
      };
      for (Index c = 0; c < classes; ++c) total += weight(c);
      for (Index c = 0; c < classes; ++c) q[c] = static_cast<T>(weight(c) / total);
    }
  });
}

Var distillation(const Var& logits, const Tensor& soft, const Tensor& hidden, double temperature, double normaliser) {
  require(soft.shape() == logits.shape(), "distillation", "logits are {} and soft targets {}; one shape was wanted",
          logits.shape(), soft.shape());
  const Var z = logits * (1 / temperature);
  const Var known = hidden.defined() ? masked_fill(z, hidden, -std::numeric_limits<double>::infinity()) : z;
  // q is 0 where -inf would stand, so the product takes z itself: 0 times infinity is no number.
  const Var cost = sum(logsumexp(known, -1)) - sum(z * z.tape().constant(soft));
  return cost * (1 / normaliser);
}

Var matching(const Var& logits, const Tensor& reference, double normaliser) {
  return sum(square(logits - logits.tape().constant(reference))) * (1 / normaliser);
}

}  // namespace tempera
