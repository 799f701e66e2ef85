#include "core/rowwise.h"

namespace tempera {
namespace {

// y = gamma (x - mean) / sqrt(variance + eps) + beta
Var layer_norm_of(const Var& x, const Var& gamma, const Var& beta) {
  const double n = static_cast<double>(x.shape().back());
  return rowwise(
      [n](auto a, auto g, auto b, auto sum, auto squares) { return (a - sum / n) * rsqrt(squares / n + 1e-5) * g + b; },
      std::tuple(row_sum([](auto a, auto, auto) { return a; }),
                 row_sum([n](auto a, auto, auto, auto sum) { return square(a - sum / n); })),
      x, gamma, beta);
}

std::vector<Example> examples() {
  const auto normalised = [](auto shift) {
    return [shift](std::span<const Var> x) {
      return rowwise([](auto a, auto m, auto s) { return exp(a - m) / s; },
                     std::tuple(shift([](auto a) { return a; }), row_sum([](auto a, auto m) { return exp(a - m); })),
                     x[0]);
    };
  };
  const auto any_shift = [](auto g) { return row_shift(g); };
  const auto true_max = [](auto g) { return row_max(g); };
  return {
      {"softmax", {{{3, 19}, -4, 4}}, normalised(any_shift), "torch.softmax(a, -1)"},
      {"softmax through its maximum",
       {{{2, 2, 5}, -4, 4, Draw::distinct}},
       normalised(true_max),
       "torch.softmax(a, -1)"},
      {"one column",
       {{{4, 1}, -1, 1}},
       [](std::span<const Var> x) {
         return rowwise([](auto a, auto s) { return a * s; }, std::tuple(row_sum([](auto a) { return sin(a); })), x[0]);
       },
       "a * torch.sin(a)"},
      {"layer norm",
       {{{4, 17}}, {{17}}, {{17}}},
       [](std::span<const Var> x) { return layer_norm_of(x[0], x[1], x[2]); },
       "F.layer_norm(a, (17,), b, c)"},
      {"distance to the maximum",
       {{{3, 7}, -1, 1, Draw::distinct}, {{3, 1}}},
       [](std::span<const Var> x) {
         return rowwise([](auto a, auto t, auto m) { return square(m - a) * t; },
                        std::tuple(row_max([](auto a, auto) { return 2 * a; })), x[0], x[1]);
       },
       "(2 * a.amax(-1, keepdim=True) - a) ** 2 * b"},
  };
}

}  // namespace

const Op rowwise_op{"rowwise", examples};

}  // namespace tempera
