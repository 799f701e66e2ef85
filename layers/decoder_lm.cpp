#include "layers/decoder_lm.h"

namespace tempera {
namespace {

struct State : ModelState {
  void reorder(std::span<const Index> rows) override {
    for (const auto& mixer : mixers) mixer->reorder(rows);
  }
  Stack::States mixers;
};

}  // namespace

DecoderLM::DecoderLM(const DecoderOptions& options, const InputSpec& spec, const MixerFactory& mixers)
    : width_(options.d_model), embedding_(spec, options), stack_(options, mixers, {.causal = true}) {}

void DecoderLM::visit(ParameterVisitor& v) {
  v("embedding", embedding_);
  stack_.visit(v);
}

Var DecoderLM::features(Context& context, const ModelInput& input) const {
  const auto [x, lengths] = run(context, "embedding", embedding_, input.inputs, input.lengths);
  return stack_.forward(context, x, {.lengths = lengths, .causal = true, .prefix = input.prefix});
}

const Parameter* DecoderLM::token_table() const {
  return embedding_.tokens ? &embedding_.tokens->weight : nullptr;
}

std::unique_ptr<ModelState> DecoderLM::make_state(Context& context, const ModelInput& source, Index capacity) const {
  require(source.inputs.defined(), "DecoderLM",
          "the input is missing; its first axis says how many sequences to write");
  auto state = std::make_unique<State>();
  state->mixers = stack_.make_states(source.inputs.dim(0), capacity, context.dtype());
  return state;
}

Var DecoderLM::step(Context& context, const Tensor& tokens, ModelState& state) const {
  Stack::States& mixers = dynamic_cast<State&>(state).mixers;
  const Var x = run(context, "embedding", embedding_, tokens, Tensor(), state.position).x;
  const Var y = stack_.step(context, x, mixers, {.causal = true, .start = state.position});
  state.position += x.dim(1);
  return y;
}

}  // namespace tempera
