#include "layers/mlp.h"

#include <algorithm>
#include <array>
#include <fmt/ranges.h>

#include "core/ops/softmax.h"
#include "core/pointwise.h"

namespace tempera {
namespace {

constexpr std::array<std::string_view, 10> kKinds{"gelu",   "gelu_tanh",   "relu", "relu2",  "silu",
                                                  "memory", "memory_norm", "glu",  "swiglu", "geglu"};
// What follows `up`, or `gate` where there is one; the square of relu2 comes on top.
constexpr std::array<Activation, 10> kActivations{
    Activation::gelu, Activation::gelu_tanh, Activation::relu,    Activation::relu, Activation::silu,
    Activation::none, Activation::none,      Activation::sigmoid, Activation::silu, Activation::gelu};
constexpr std::size_t kSquared = 3, kMemory = 5, kNormedMemory = 6, kFirstGated = 7;

std::size_t checked_kind(std::string_view kind) {
  const auto found = std::find(kKinds.begin(), kKinds.end(), kind);
  require(found != kKinds.end(), "MLP", "there is no kind '{}'; known: {}", kind, fmt::join(kKinds, ", "));
  return static_cast<std::size_t>(found - kKinds.begin());
}

bool remembers(std::size_t kind) {
  return kind == kMemory || kind == kNormedMemory;
}

LinearOptions up_options(const MLPOptions& options, std::size_t kind, Activation activation) {
  return {options.bias && !remembers(kind), activation, options.init};
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
         up_options(options, kind, kind < kFirstGated ? kActivations[kind] : Activation::none)),
      down(up.weight.shape[0], d_model, {options.bias && !remembers(kind), Activation::none, options.down_init}) {
  if (kind >= kFirstGated) gate.emplace(d_model, up.weight.shape[0], up_options(options, kind, Activation::none));
  if (kind == kNormedMemory) norm.emplace(d_model);
}

void MLP::visit(ParameterVisitor& v) {
  if (gate) v("gate", *gate);
  v("up", up);
  v("down", down);
  if (norm) v("norm", *norm);
}

Var MLP::forward(Context& context, const Var& x) const {
  Var h = run(context, "up", up, x);
  if (gate) {
    const Var g = run(context, "gate", *gate, x);
    h = tempera::visit(kActivations[kind],
                       [&](auto f) { return pointwise([f](auto a, auto b) { return f(a) * b; }, g, h); });
  } else if (kind == kSquared) {
    h = pointwise([](auto a) { return a * a; }, h);
  } else if (remembers(kind)) {
    h = softmax(h);
  }
  if (context.weights_observer()) context.weights_observer()->activations(context.tape().path(), h.value());
  const Var y = run(context, "down", down, h);
  return norm ? run(context, "norm", *norm, y) : y;
}

}  // namespace tempera
