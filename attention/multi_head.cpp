#include "attention/multi_head.h"

#include "core/ops/concat.h"
#include "core/ops/layer_norm.h"
#include "core/ops/linear.h"
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

MultiHead::MultiHead(const MultiHeadOptions& options, const AttentionPlace& place)
    : heads_(options.heads),
      kv_heads_(options.kv_heads > 0 ? options.kv_heads : options.heads),
      width_(options.head_width) {
  require(heads_ >= 1 && heads_ % kv_heads_ == 0, "attention",
          "{} key heads do not divide {} query heads; both come from attention.heads and attention.kv_heads", kv_heads_,
          heads_);
  require(width_ > 0 || place.d_model % heads_ == 0, "attention",
          "{} heads do not divide d_model {}; choose another attention.heads, or give attention.head_width", heads_,
          place.d_model);
  if (width_ == 0) width_ = place.d_model / heads_;
  query_ = Projection(place.d_model, heads_ * width_, place.init, place.bias);
  key_ = Projection(place.d_model, kv_heads_ * width_, place.init, place.bias);
  value_ = Projection(place.d_model, kv_heads_ * width_, place.init, place.bias);
  output_ = Projection(heads_ * width_, place.d_model, place.output, place.bias);
  if (options.qk_norm) {
    query_norm_ = std::make_unique<Gain>(width_);
    key_norm_ = std::make_unique<Gain>(width_);
  }
}

void MultiHead::visit(ParameterVisitor& v) {
  v("query", query_);
  v("key", key_);
  v("value", value_);
  v("output", output_);
  v("query_norm", query_norm_);
  v("key_norm", key_norm_);
}

Var MultiHead::together(Context& context, const Var& x, std::initializer_list<const Projection*> parts) const {
  if (parts.size() == 1) {
    const Projection& only = **parts.begin();
    return linear(x, context[only.weight], context[only.bias]);
  }
  std::array<Var, 3> weights, biases;
  std::size_t count = 0;
  for (const Projection* part : parts) {
    weights[count] = context[part->weight];
    biases[count++] = context[part->bias];
  }
  const Var weight = concat(std::span<const Var>(weights).first(count), 0);
  return linear(x, weight, biases[0].defined() ? concat(std::span<const Var>(biases).first(count), 0) : Var());
}

Var MultiHead::prepared(Context& context, const Var& x, Index heads, const Gain* norm,
                        const std::optional<RopeOptions>& rotation) const {
  if (!norm && !unit_vectors_ && !rotation) return x;
  Var y = reshape(x, {x.dim(0), x.dim(1), heads, -1});
  if (norm) y = rms_norm(y, context[norm->weight]);
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
    return {{prepared(context, together(context, x, {&query_}), heads_, query_norm_.get(), turn),
             prepared(context, together(context, source, {&key_}), kv_heads_, key_norm_.get(), turn),
             together(context, source, {&value_})},
            3};
  }
  if (memory.defined()) return {{together(context, x, {&query_}), together(context, memory, {&key_, &value_}), {}}, 2};
  if (turn) turn->heads = heads_ + kv_heads_;
  const Var all = together(context, x, {&query_, &key_, &value_});
  return {{prepared(context, all, heads_ + 2 * kv_heads_, nullptr, turn), {}, {}}, 1};
}

std::array<Var, 3> MultiHead::unpack(const Packed& packed) const {
  const Index keys = kv_heads_ * width_, queries = heads_ * width_;
  const auto& x = packed.x;
  switch (packed.count) {
    case 1: return {slice(x[0], 2, 0, queries), slice(x[0], 2, queries, keys), slice(x[0], 2, queries + keys, keys)};
    case 2: return {x[0], slice(x[1], 2, 0, keys), slice(x[1], 2, keys, keys)};
    default: return x;
  }
}

Var MultiHead::finish(Context& context, const Var& y) const {
  return linear(y, context[output_.weight], context[output_.bias]);
}

}  // namespace tempera
