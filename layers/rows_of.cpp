#include "layers/rows_of.h"

#include <cstring>

#include "core/error.h"

namespace tempera {

Tensor rows_of(const Tensor& x, std::span<const Index> rows) {
  if (!x.defined()) return {};
  require(x.rank() > 0, "rows_of", "a scalar came; at least one axis was wanted");
  Tensor y = Tensor::empty(x.shape().with(0, static_cast<Index>(rows.size())), x.dtype());
  const std::size_t bytes = x.dim(0) > 0 ? x.bytes() / static_cast<std::size_t>(x.dim(0)) : 0;
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  for (const Index row : rows) {
    require(row >= 0 && row < x.dim(0), "rows_of", "row {} was asked for; {} has {} rows", row, x, x.dim(0));
    std::memcpy(to, from + static_cast<std::size_t>(row) * bytes, bytes);
    to += bytes;
  }
  return y;
}

}  // namespace tempera
