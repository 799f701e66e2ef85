// The activations that follow a linear layer, as lambdas over numbers: for pointwise operations and for the fused
// end of linear().
#pragma once

#include <cstdint>
#include <numbers>
#include <string_view>

#include "core/error.h"

namespace tempera {

enum class Activation : std::uint8_t { none, relu, gelu, gelu_tanh, silu, tanh, sigmoid };

std::string_view to_string(Activation activation);

namespace formulas {

struct Identity {
  auto operator()(auto x) const { return x; }
};
// max(x, 0); derivative 0 at 0.
struct Relu {
  auto operator()(auto x) const { return where(x > 0, x, decltype(x)(0)); }
};
// x Phi(x), Phi the distribution function of the standard normal (Hendrycks & Gimpel 2016).
struct Gelu {
  auto operator()(auto x) const { return 0.5 * x * (1 + erf(std::numbers::sqrt2 / 2 * x)); }
};
// Its approximation x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3).
struct GeluTanh {
  auto operator()(auto x) const {
    constexpr double kTwoSqrt2OverPi = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
    return x * sigmoid(kTwoSqrt2OverPi * (x + 0.044715 * x * x * x));
  }
};
// x sigmoid(x) (Elfwing et al. 2017).
struct Silu {
  auto operator()(auto x) const { return x * sigmoid(x); }
};
struct Tanh {
  auto operator()(auto x) const { return tanh(x); }
};
struct Sigmoid {
  auto operator()(auto x) const { return sigmoid(x); }
};

}  // namespace formulas

// Calls f with the formula: visit(activation, [&](auto formula) { y = formula(x); }).
template <class F>
decltype(auto) visit(Activation activation, F&& f) {
  switch (activation) {
    case Activation::none: return f(formulas::Identity{});
    case Activation::relu: return f(formulas::Relu{});
    case Activation::gelu: return f(formulas::Gelu{});
    case Activation::gelu_tanh: return f(formulas::GeluTanh{});
    case Activation::silu: return f(formulas::Silu{});
    case Activation::tanh: return f(formulas::Tanh{});
    case Activation::sigmoid: return f(formulas::Sigmoid{});
  }
  fail("activation", "there is no activation number {}", static_cast<int>(activation));
}

}  // namespace tempera
