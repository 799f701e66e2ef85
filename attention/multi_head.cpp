#include "attention/multi_head.h"

#include "core/ops/broadcast_to.h"
#include "core/ops/layer_norm.h"
#include "core/ops/linear.h"
#include "core/ops/permute.h"
#include "core/ops/reshape.h"
#include "core/ops/slice.h"

namespace tempera {

void MultiHeadOptions::describe(Fields& f) {
  f("heads", heads, "of queries", at_least(1));
  f("kv_heads", kv_heads, "of keys and values, a divisor of `heads`; 0: as many", at_least(0));
  f("head_width", head_width, "elements of a head; 0: d_model / heads", at_least(0));
  f("qk_norm", qk_norm, "queries and keys are normalised over the width of their head (RMS, with a learned gain)");
}

std::vector<Problem> MultiHeadOptions::problems() const {
  if (kv_heads > 0 && heads % kv_heads != 0)
    return {{"kv_heads", fmt::format("{} key heads do not divide {} query heads", kv_heads, heads)}};
  return {};
}

MultiHead::Sizes MultiHead::sizes_of(const MultiHeadOptions& options, Index d_model) {
  Sizes sizes{options.heads, options.kv_heads > 0 ? options.kv_heads : options.heads, options.head_width};
  require(sizes.heads >= 1 && sizes.heads % sizes.kv_heads == 0, "attention",
          "{} key heads do not divide {} query heads; both come from attention.heads and attention.kv_heads",
          sizes.kv_heads, sizes.heads);
  require(sizes.width > 0 || d_model % sizes.heads == 0, "attention",
          "{} heads do not divide d_model {}; choose another attention.heads, or give attention.head_width",
          sizes.heads, d_model);
  if (sizes.width == 0) sizes.width = d_model / sizes.heads;
  return sizes;
}

MultiHead::MultiHead(const MultiHeadOptions& options, const AttentionPlace& place)
    : sizes_(sizes_of(options, place.d_model)),
      query_(place.d_model, heads() * width(), {place.bias, Activation::none, place.init}),
      key_(place.d_model, kv_heads() * width(), {place.bias, Activation::none, place.init}),
      value_(place.d_model, kv_heads() * width(), {place.bias, Activation::none, place.init}),
      output_(heads() * width(), place.d_model, {place.bias, Activation::none, place.output}) {
  if (!options.qk_norm) return;
  query_norm_ = std::make_unique<RMSNorm>(width());
  key_norm_ = std::make_unique<RMSNorm>(width());
}

void MultiHead::visit(ParameterVisitor& v) {
  v("query", query_);
  v("key", key_);
  v("value", value_);
  v("output", output_);
  v("query_norm", query_norm_);
  v("key_norm", key_norm_);
}

Var MultiHead::together(Context& context, const Var& x, std::initializer_list<const Linear*> parts) const {
  if (parts.size() == 1) return (*parts.begin())->forward(context, x);
  std::array<const Parameter*, 3> weights, biases;
  std::size_t count = 0;
  for (const Linear* part : parts) {
    weights[count] = &part->weight;
    biases[count++] = &part->bias;
  }
  return linear(x, context.joined(std::span(weights).first(count)), context.joined(std::span(biases).first(count)));
}

Var MultiHead::prepared(Context& context, const Var& x, Index heads, const RMSNorm* norm,
                        const std::optional<RopeOptions>& rotation) const {
  if (!norm && !unit_vectors_ && !rotation) return x;
  Var y = reshape(x, {x.dim(0), x.dim(1), heads, -1});
  if (norm) y = norm->forward(context, y);
  if (unit_vectors_) y = rms_norm(y, {}, 1e-24);
  if (rotation) y = rope(y, 1, *rotation);
  return reshape(y, x.shape());
}

MultiHead::Packed MultiHead::project(Context& context, const Var& x, const Var& memory,
                                     const std::optional<RopeOptions>& rotation, Index start) const {
  std::optional<RopeOptions> turn = rotation;
  if (turn) turn->start = start;
  if (query_norm_ || unit_vectors_) {
    const Var& source = memory.defined() ? memory : x;
    return {{prepared(context, together(context, x, {&query_}), heads(), query_norm_.get(), turn),
             prepared(context, together(context, source, {&key_}), kv_heads(), key_norm_.get(), turn),
             together(context, source, {&value_})},
            3};
  }
  if (memory.defined()) return {{together(context, x, {&query_}), together(context, memory, {&key_, &value_}), {}}, 2};
  if (turn) turn->heads = heads() + kv_heads();
  const Var all = together(context, x, {&query_, &key_, &value_});
  return {{prepared(context, all, heads() + 2 * kv_heads(), nullptr, turn), {}, {}}, 1};
}

std::array<Var, 3> MultiHead::unpack(const Packed& packed) const {
  const Index keys = kv_heads() * width(), queries = heads() * width();
  const auto& x = packed.x;
  switch (packed.count) {
    case 1: return {slice(x[0], 2, 0, queries), slice(x[0], 2, queries, keys), slice(x[0], 2, queries + keys, keys)};
    case 2: return {x[0], slice(x[1], 2, 0, keys), slice(x[1], 2, keys, keys)};
    default: return x;
  }
}

Var MultiHead::by_heads(const Var& x) const {
  return permute(reshape(x, {x.dim(0), x.dim(1), -1, width()}), {0, 2, 1, 3});
}

Var MultiHead::by_tokens(const Var& x) const {
  return reshape(permute(x, {0, 2, 1, 3}), {x.dim(0), x.dim(2), -1});
}

Var MultiHead::repeated(const Var& x) const {
  const Index group = heads() / kv_heads();
  return group > 1 ? repeat(x, group, 1) : x;
}

Var MultiHead::finish(Context& context, const Var& y) const {
  return output_.forward(context, y);
}

}  // namespace tempera
