#include "core/pointwise.h"

namespace tempera {
namespace {

std::vector<Example> examples() {
  const auto swiglu = [](std::span<const Var> x) {
    return pointwise([](auto gate, auto up) { return gate / (1 + exp(-gate)) * up; }, x[0], x[1]);
  };
  const char* torch = "F.silu(a) * b";
  return {
      {"swiglu", {{{3, 17}, -4, 4}, {{3, 17}}}, swiglu, torch},
      {"a row against a column", {{{3, 1}, -4, 4}, {{1, 19}}}, swiglu, torch},
      {"per head", {{{2, 3, 1, 5}, -4, 4}, {{3, 4, 1}}}, swiglu, torch},
      {"a scalar", {{{}, -4, 4}, {{2, 7}}}, swiglu, torch},
      {"one input twice",
       {{{2, 9}}},
       [](std::span<const Var> x) { return pointwise([](auto a, auto b) { return a * b + tanh(b); }, x[0], x[0]); },
       "a * a + torch.tanh(a)"},
      {"three inputs",
       {{{4, 1, 6}}, {{3, 1}}, {{6}, 0.5, 2}},
       [](std::span<const Var> x) {
         return pointwise([](auto a, auto b, auto c) { return where(a < b, a * c, log(c) - b * a); }, x[0], x[1], x[2]);
       },
       "torch.where(a < b, a * c, torch.log(c) - b * a)"},
  };
}

}  // namespace

const Op pointwise_op{"pointwise", examples};

}  // namespace tempera
