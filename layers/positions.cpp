#include "layers/positions.h"

#include <array>
#include <cmath>
#include <fmt/ranges.h>

#include "core/ops/elementwise.h"
#include "core/ops/slice.h"

namespace tempera {
namespace {

constexpr std::array<std::string_view, 3> kKinds{"learned", "sinusoidal", "none"};

Tensor sinusoids(Index length, Index width) {
  Tensor table = Tensor::empty({length, width}, DType::float64);
  auto rows = table.mat<double>();
  for (Index t = 0; t < length; ++t)
    for (Index i = 0; i < width; ++i) {
      const double rate = std::pow(10000.0, -static_cast<double>(i / 2 * 2) / static_cast<double>(width));
      const double angle = static_cast<double>(t) * rate;
      rows(t, i) = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  return table;
}

}  // namespace

std::span<const std::string_view> Positions::kinds() {
  return kKinds;
}

Positions::Positions(std::string_view kind, Index max_length, Index d_model, double deviation) {
  if (kind == kKinds[0]) weight = Parameter({max_length, d_model}, Init::normal(deviation), false);
  else if (kind == kKinds[1]) table = sinusoids(max_length, d_model);
  else require(kind == kKinds[2], "Positions", "there are no '{}' positions; known: {}", kind, fmt::join(kKinds, ", "));
}

void Positions::visit(ParameterVisitor& v) {
  v("weight", weight);
}

Var Positions::forward(Context& context, const Var& x, Index start) const {
  if (!weight.exists() && !table.defined()) return x;
  const Index known = weight.exists() ? weight.shape[0] : table.dim(0), count = x.dim(1);
  require(start >= 0 && start + count <= known, "Positions",
          "positions {} to {} were asked for, but there are {}; raise max_length, or shorten the sequences", start,
          start + count - 1, known);
  if (weight.exists()) return x + slice(context[weight], 0, start, count);
  return x + context.tape().constant(table.rows(start, count).to(x.dtype(), context.tape().pool()));
}

}  // namespace tempera
