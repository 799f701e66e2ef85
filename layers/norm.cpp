#include "layers/norm.h"

#include <array>
#include <fmt/ranges.h>

#include "core/ops/layer_norm.h"

namespace tempera {
namespace {

constexpr std::array<std::string_view, 2> kNames{"layer", "rms"};

}  // namespace

LayerNorm::LayerNorm(Index width, double eps_, bool with_bias) : weight({width}, Init::ones(), false), eps(eps_) {
  if (with_bias) bias = Parameter({width}, Init::zeros(), false);
}

void LayerNorm::visit(ParameterVisitor& v) {
  v("weight", weight);
  v("bias", bias);
}

Var LayerNorm::forward(Context& context, const Var& x) const {
  return layer_norm(x, context[weight], context[bias], eps);
}

RMSNorm::RMSNorm(Index width, double eps_) : weight({width}, Init::ones(), false), eps(eps_) {}

void RMSNorm::visit(ParameterVisitor& v) {
  v("weight", weight);
}

Var RMSNorm::forward(Context& context, const Var& x) const {
  return rms_norm(x, context[weight], eps);
}

std::span<const std::string_view> norm_names() {
  return kNames;
}

std::unique_ptr<Norm> make_norm(std::string_view name, Index width, double eps, bool bias) {
  if (name == kNames[0]) return std::make_unique<LayerNorm>(width, eps, bias);
  require(name == kNames[1], "norm", "there is no norm '{}'; known: {}", name, fmt::join(kNames, ", "));
  return std::make_unique<RMSNorm>(width, eps);
}

QKNorm::QKNorm(std::string_view norm, Index head_width, double eps)
    : query(make_norm(norm, head_width, eps, false)), key(make_norm(norm, head_width, eps, false)) {}

void QKNorm::visit(ParameterVisitor& v) {
  v("query", query);
  v("key", key);
}

QKNorm::Pair QKNorm::forward(Context& context, const Var& q, const Var& k) const {
  return {run(context, "query", *query, q), run(context, "key", *key, k)};
}

}  // namespace tempera
