#include "attention/linear_mixer.h"

#include "layers/rows_of.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "attention";

}  // namespace

struct LinearMixer::State : MixerState {
  void reorder(std::span<const Index> rows) override {
    sums.sums = rows_of(sums.sums, rows);
    sums.normaliser = rows_of(sums.normaliser, rows);
  }

  LinearAttentionState sums;
  Index tokens = 0;
};

LinearMixerOptions::LinearMixerOptions() : features(feature_map_kinds(), "elu") {}

void LinearMixerOptions::describe(Fields& f) {
  MultiHeadOptions::describe(f);
  f("features", features, "what queries and keys become");
  f("eps", eps, "added to the sum of weights", at_least(0));
}

std::unique_ptr<TokenMixer> LinearMixerOptions::make(const AttentionPlace& place) const {
  return std::make_unique<LinearMixer>(*this, place);
}

LinearMixer::LinearMixer(const LinearMixerOptions& options, const AttentionPlace& place)
    : MultiHead(options, place),
      map_(options.features.as<FeatureMapOptions>().make(heads(), width())),
      eps_(options.eps),
      cross_(place.cross) {}

void LinearMixer::visit(ParameterVisitor& v) {
  MultiHead::visit(v);
  v("features", map_);
}

std::array<Var, 3> LinearMixer::features(Context& context, const Packed& packed) const {
  std::array<Var, 3> qkv = unpack(packed);
  for (Var& x : qkv) x = by_heads(x);
  const Tape::Scope scope(context.tape(), "features");
  return {map_->forward(context, qkv[0], FeatureMap::Side::query),
          map_->forward(context, qkv[1], FeatureMap::Side::key), qkv[2]};
}

Var LinearMixer::merged(Context& context, const Var& y) const {
  return finish(context, by_tokens(y));
}

Var LinearMixer::forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory,
                         const Tensor& memory_lengths) const {
  require(cross_ == memory.defined(), kWho, "{}",
          cross_ ? "a cross attention came without a memory to read"
                 : "a memory came, but this attention reads its own input");
  const auto [f, g, v] = features(context, project(context, x, memory));
  Visibility visibility{.lengths = cross_ ? memory_lengths : sequences.lengths};
  visibility.causal = !cross_ && sequences.causal;
  visibility.prefix = cross_ ? 0 : sequences.prefix;
  if (WeightsObserver* observer = context.weights_observer())
    observer->see(context.tape().path(), linear_attention_weights(f.value(), g.value(), visibility, eps_));
  return merged(context, linear_attention(f, g, v, visibility, eps_));
}

std::unique_ptr<MixerState> LinearMixer::make_state(Index batch, Index, DType dtype) const {
  require(!cross_, kWho, "a cross attention keeps no state; it reads its memory in every step");
  auto state = std::make_unique<State>();
  const Index features = map_->features(width());
  state->sums.sums = Tensor::zeros({batch, kv_heads(), features, width()}, dtype);
  state->sums.normaliser = Tensor::zeros({batch, kv_heads(), features}, dtype);
  return state;
}

Var LinearMixer::step(Context& context, const Var& x, MixerState& mixer_state, const Sequences& sequences) const {
  State& state = dynamic_cast<State&>(mixer_state);
  require(sequences.causal && !sequences.lengths.defined() && sequences.prefix == 0, kWho,
          "decoding wants causal sequences without lengths of their own and without a prefix");
  require(sequences.start == state.tokens, kWho, "the step starts at token {}, but the state holds {}", sequences.start,
          state.tokens);
  Tape& tape = context.tape();
  const Tape::Pause pause(tape);
  const auto [f, g, v] = features(context, project(context, x, {}));
  state.tokens += x.dim(1);
  return merged(context, tape.constant(linear_attention_step(tape, f.value(), g.value(), v.value(), state.sums, eps_)));
}

}  // namespace tempera
