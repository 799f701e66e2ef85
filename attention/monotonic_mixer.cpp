#include "attention/monotonic_mixer.h"

#include <cmath>

#include "attention/monotonic_alignment.h"
#include "attention/row_loss.h"
#include "core/ops/elementwise.h"
#include "core/ops/matmul.h"
#include "core/ops/reductions.h"
#include "core/ops/reshape.h"
#include "core/pointwise.h"
#include "layers/rows_of.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "monotonic attention";

}  // namespace

struct MonotonicMixer::State : MixerState {
  void reorder(std::span<const Index> rows) override { before = rows_of(before, rows); }
  Tensor before;  // [B, H, M]
};

void MonotonicOptions::describe(Fields& f) {
  MultiHeadOptions::describe(f);
  f("offset", offset, "start of what each head adds to its energies; below 0 heads walk before they stop");
  f("noise", noise, "standard deviation of the noise on energies in training", at_least(0));
  f("chunk", chunk, "tokens that a head sees, the last of them where it stopped", at_least(1));
  f("head_drop", head_drop, "share of the heads that are left out in training", from_up_to(0, 1));
  f("quantity_loss", quantity_loss, "weight of how far the alignments' sum is from the count of queries", at_least(0));
}

AttentionTraits MonotonicOptions::traits() const {
  return {.causal = false, .bidirectional = false, .cross = true, .ordered = true, .time = 2, .memory = 2};
}

std::unique_ptr<TokenMixer> MonotonicOptions::make(const AttentionPlace& place) const {
  return std::make_unique<MonotonicMixer>(*this, place);
}

MonotonicMixer::MonotonicMixer(const MonotonicOptions& options, const AttentionPlace& place)
    : MultiHead(options, place), options_(options), offset_({heads()}, Init::constant(options.offset), false) {
  require(place.cross, kWho, "it reads a memory; choose another attention for tokens that read themselves");
  if (options.chunk == 1) return;
  const LinearOptions projection{place.bias, Activation::none, place.init};
  chunk_query_ = std::make_unique<Linear>(place.d_model, heads() * width(), projection);
  chunk_key_ = std::make_unique<Linear>(place.d_model, kv_heads() * width(), projection);
}

void MonotonicMixer::visit(ParameterVisitor& v) {
  MultiHead::visit(v);
  v("offset", offset_);
  v("chunk_query", chunk_query_);
  v("chunk_key", chunk_key_);
}

std::vector<std::string_view> MonotonicMixer::loss_names() const {
  if (options_.quantity_loss > 0) return {"quantity"};
  return {};
}

// p [B, H, N, M], zero beyond the lengths of the memory.
Var MonotonicMixer::selection(Context& context, const Var& q, const Var& k, const Tensor& lengths) const {
  Tape& tape = context.tape();
  const double scale = 1 / std::sqrt(static_cast<double>(width()));
  const Var scores = matmul(q, k, Transpose::no, Transpose::yes);
  const Shape& shape = scores.shape();
  const Index batch = shape[0], keys = shape[3];
  Tensor visible = tape.empty({batch, 1, 1, keys}, scores.dtype());
  for (Index b = 0; b < batch; ++b) {
    const Index length = lengths.defined() ? static_cast<Index>(lengths.at(b)) : keys;
    for (Index j = 0; j < keys; ++j) visible.set(b * keys + j, j < length ? 1 : 0);
  }
  const Var offset = reshape(context[offset_], {1, heads(), 1, 1}), seen = tape.constant(visible);
  if (!context.training())
    return pointwise([scale](auto s, auto r, auto on) { return where(s * scale + r >= 0, on, decltype(s)(0)); }, scores,
                     offset, seen);
  Tensor noise = tape.empty(shape, scores.dtype());
  const Rng rng = context.rng("noise");
  const Index first = context.first_sample() * shape.product(1, 4);
  for (Index i = 0; i < noise.size(); ++i)
    noise.set(i, options_.noise == 0 ? 0 : options_.noise * rng.normal(static_cast<std::uint64_t>(first + i)));
  return pointwise([scale](auto s, auto r, auto n, auto on) { return sigmoid(s * scale + r + n) * on; }, scores, offset,
                   tape.constant(noise), seen);
}

// [B, H, 1, 1]: H / kept, or 0.
Tensor MonotonicMixer::kept_heads(Context& context, Index batch, DType dtype) const {
  Tensor factors = context.tape().zeros({batch, heads(), 1, 1}, dtype);
  const Rng rng = context.rng("head_drop");
  for (Index b = 0; b < batch; ++b) {
    // The head of the largest draw stays in any case.
    const auto draw = [&](Index h) {
      return rng.uniform(static_cast<std::uint64_t>((context.first_sample() + b) * heads() + h));
    };
    Index best = 0, kept = 0;
    for (Index h = 1; h < heads(); ++h)
      if (draw(h) > draw(best)) best = h;
    const auto stays = [&](Index h) { return h == best || draw(h) >= options_.head_drop; };
    for (Index h = 0; h < heads(); ++h) kept += stays(h);
    for (Index h = 0; h < heads(); ++h)
      if (stays(h)) factors.set(b * heads() + h, static_cast<double>(heads()) / static_cast<double>(kept));
  }
  return factors;
}

void MonotonicMixer::add_quantity_loss(Context& context, const Var& alignment, const Tensor& lengths) const {
  const Index batch = alignment.dim(0), queries = alignment.dim(2);
  Tape& tape = context.tape();
  // Of each token over H N, so that a sample's sum is its quantity over N; empty targets take no part.
  Tensor shares = tape.zeros({batch, 1, queries, 1}, alignment.dtype()),
         takes_part = tape.zeros({batch}, shares.dtype());
  Index count = 0;
  for (Index b = 0; b < batch; ++b) {
    const Index length = lengths.defined() ? static_cast<Index>(lengths.at(b)) : queries;
    for (Index i = 0; i < length; ++i)
      shares.set(b * queries + i, 1 / static_cast<double>(length) / static_cast<double>(heads()));
    if (length > 0) takes_part.set(b, 1);
    count += length > 0;
  }
  const Var quantity = sum(alignment * tape.constant(shares), {1, 2, 3});
  const double share = count > 0 ? 1 / static_cast<double>(count) : 0;
  context.add_loss("quantity", sum(abs(quantity - 1) * tape.constant(takes_part)) * share, options_.quantity_loss);
}

Var MonotonicMixer::attend(Context& context, const Var& x, const Sequences& sequences, const Var& memory,
                           const Tensor& lengths, Tensor* before) const {
  require(memory.defined(), kWho, "it came without a memory to read");
  const auto [q, k, v] = unpack(project(context, x, memory));
  const Var p = selection(context, by_heads(q), repeated(by_heads(k)), lengths);
  const Var alignment = monotonic_alignment(p, before ? *before : Tensor());
  if (before) {
    const Index matrices = alignment.dim(0) * heads(), rows = alignment.dim(2), keys = alignment.dim(3);
    for (Index m = 0; m < matrices && rows > 0; ++m)
      for (Index j = 0; j < keys; ++j)
        before->set(m * keys + j, alignment.value().at((m * rows + rows - 1) * keys + j));
  }
  if (context.training() && options_.quantity_loss > 0) add_quantity_loss(context, alignment, sequences.lengths);
  Var weights = alignment;
  if (chunk_query_) {
    const Var cq = by_heads(run(context, "chunk_query", *chunk_query_, x));
    const Var ck = repeated(by_heads(run(context, "chunk_key", *chunk_key_, memory)));
    const double scale = 1 / std::sqrt(static_cast<double>(width()));
    weights = monotonic_chunks(alignment, matmul(cq, ck, Transpose::no, Transpose::yes) * scale, options_.chunk);
  }
  if (context.weights_observer()) context.weights_observer()->see(context.tape().path(), weights.value());
  Var y = matmul(weights, repeated(by_heads(v)));
  if (context.training() && options_.head_drop > 0)
    y = y * context.tape().constant(kept_heads(context, y.dim(0), y.dtype()));
  return finish(context, by_tokens(y));
}

Var MonotonicMixer::forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory,
                            const Tensor& memory_lengths) const {
  return attend(context, x, sequences, memory, memory_lengths, nullptr);
}

std::unique_ptr<MixerState> MonotonicMixer::make_cross_state(const Tensor& memory) const {
  auto state = std::make_unique<State>();
  const Index keys = memory.dim(1);
  state->before = Tensor::zeros({memory.dim(0), heads(), keys}, memory.dtype());
  for (Index m = 0; m < memory.dim(0) * heads() && keys > 0; ++m) state->before.set(m * keys, 1);
  return state;
}

Var MonotonicMixer::cross_step(Context& context, const Var& x, MixerState& base, const Sequences& sequences,
                               const Var& memory, const Tensor& memory_lengths) const {
  State& state = dynamic_cast<State&>(base);
  require(state.before.dim(0) == memory.dim(0) && state.before.dim(2) == memory.dim(1), kWho,
          "the state is of {} sequences that read {} tokens, but the memory is {}", state.before.dim(0),
          state.before.dim(2), memory.shape());
  return attend(context, x, sequences, memory, memory_lengths, &state.before);
}

std::unique_ptr<MixerState> MonotonicMixer::make_state(Index, Index, DType) const {
  fail(kWho, "it keeps a state for each memory; decode it as a cross attention");
}

Var MonotonicMixer::step(Context&, const Var&, MixerState&, const Sequences&) const {
  fail(kWho, "it reads a memory; decode it as a cross attention");
}

}  // namespace tempera
