#include "core/recompute.h"

#include "core/pointwise.h"

namespace tempera {
namespace {

std::vector<Example> examples() {
  const auto twice = [](std::span<const Var> x) {
    const Var y = pointwise([](auto a, auto b) { return tanh(a) * b; }, x[0], x[1]);
    return pointwise([](auto a, auto b) { return exp(a) + a * b; }, y, x[0]);
  };
  return {
      {"chain",
       {{{3, 4}}, {{3, 4}}},
       [=](std::span<const Var> x) { return recompute(twice, x); },
       "torch.exp(torch.tanh(a) * b) + torch.tanh(a) * b * a"},
      {"nested",
       {{{5}}, {{5}}},
       [=](std::span<const Var> x) {
         return recompute([=](std::span<const Var> z) { return recompute(twice, z); }, x);
       }},
      // The closed-over Var is no input, yet gets its gradient.
      {"closure",
       {{{5}}, {{5}}},
       [=](std::span<const Var> x) {
         return recompute([=, outer = x[1]](std::span<const Var> z) { return twice(std::array{z[0], outer}); }, {x[0]});
       }},
  };
}

}  // namespace

const Op recompute_op{"recompute", examples};

}  // namespace tempera
