#include "layers/mlp.h"

#include <algorithm>
#include <array>
#include <fmt/ranges.h>

#include "core/pointwise.h"

namespace tempera {
namespace {

constexpr std::array<std::string_view, 8> kKinds{"gelu", "gelu_tanh", "relu",   "relu2",
                                                 "silu", "glu",       "swiglu", "geglu"};
// What follows `up`, or `gate` where there is one; the square of relu2 comes on top.
constexpr std::array<Activation, 8> kActivations{Activation::gelu, Activation::gelu_tanh, Activation::relu,
                                                 Activation::relu, Activation::silu,      Activation::sigmoid,
                                                 Activation::silu, Activation::gelu};
constexpr std::size_t kSquared = 3, kFirstGated = 5;

std::size_t checked_kind(std::string_view kind) {
  const auto found = std::find(kKinds.begin(), kKinds.end(), kind);
  require(found != kKinds.end(), "MLP", "there is no kind '{}'; known: {}", kind, fmt::join(kKinds, ", "));
  return static_cast<std::size_t>(found - kKinds.begin());
}

LinearOptions up_options(const MLPOptions& options, Activation activation) {
  return {options.bias, activation, options.init};
}

}  // namespace

std::span<const std::string_view> MLP::kinds() {
  return kKinds;
}

Index MLP::default_hidden(std::string_view kind, Index d_model) {
  if (checked_kind(kind) < kFirstGated) return 4 * d_model;
  constexpr Index kMultiple = 16;
  return (8 * d_model + 3 * kMultiple - 1) / (3 * kMultiple) * kMultiple;
}

MLP::MLP(Index d_model, const MLPOptions& options)
    : kind(checked_kind(options.kind)),
      up(d_model, options.hidden ? options.hidden : default_hidden(options.kind, d_model),
         up_options(options, kind < kFirstGated ? kActivations[kind] : Activation::none)),
      down(up.weight.shape[0], d_model, {options.bias, Activation::none, options.down_init}) {
  if (kind >= kFirstGated) gate.emplace(d_model, up.weight.shape[0], up_options(options, Activation::none));
}

void MLP::visit(ParameterVisitor& v) {
  if (gate) v("gate", *gate);
  v("up", up);
  v("down", down);
}

Var MLP::forward(Context& context, const Var& x) const {
  Var h = run(context, "up", up, x);
  if (gate) {
    const Var g = run(context, "gate", *gate, x);
    h = tempera::visit(kActivations[kind],
                       [&](auto f) { return pointwise([f](auto a, auto b) { return f(a) * b; }, g, h); });
  } else if (kind == kSquared) {
    h = pointwise([](auto a) { return a * a; }, h);
  }
  return run(context, "down", down, h);
}

}  // namespace tempera
