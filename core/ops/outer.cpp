#include "core/ops/outer.h"

#include "core/ops/reshape.h"
#include "core/pointwise.h"

namespace tempera {

Var outer(const Var& a, const Var& b) {
  require(a.rank() > 0 && b.rank() > 0, "outer", "shapes {} and {} came; vectors or batches of them were wanted",
          a.shape(), b.shape());
  return pointwise([](auto x, auto y) { return x * y; }, unsqueeze(a, -1), unsqueeze(b, -2));
}

}  // namespace tempera
