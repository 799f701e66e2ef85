#include "layers/encoder_decoder.h"

#include "layers/rows_of.h"

namespace tempera {
namespace {

struct State : ModelState {
  void reorder(std::span<const Index> rows) override {
    for (const auto& mixer : mixers) mixer->reorder(rows);
    memory = rows_of(memory, rows);
    memory_lengths = rows_of(memory_lengths, rows);
  }
  Stack::States mixers;
  Tensor memory, memory_lengths;
};

TransformerOptions decoder_options(const EncoderDecoderOptions& options) {
  TransformerOptions decoder = options;
  decoder.n_layers = options.n_decoder_layers;
  return decoder;
}

}  // namespace

void EncoderDecoderOptions::describe(Fields& f) {
  TransformerOptions::describe(f);
  f("n_decoder_layers", n_decoder_layers, "number of the decoder's blocks; n_layers are the encoder's", at_least(1));
  f("share_embedding", share_embedding, "source and target use one table of embeddings");
}

EncoderDecoder::Encoder::Encoder(const TransformerOptions& options, const InputSpec& spec, const MixerFactory& mixers)
    : embedding(spec, options), stack(options, mixers) {}

void EncoderDecoder::Encoder::visit(ParameterVisitor& v) {
  v("embedding", embedding);
  stack.visit(v);
}

InputEmbedding::Embedded EncoderDecoder::Encoder::forward(Context& context, const ModelInput& input) const {
  const auto [x, lengths] = run(context, "embedding", embedding, input.inputs, input.lengths);
  return {stack.forward(context, x, {.lengths = lengths}), lengths};
}

EncoderDecoder::Decoder::Decoder(const TransformerOptions& options, const InputSpec& spec, const MixerFactory& mixers,
                                 int first, bool own_embedding)
    : stack(options, mixers, {.layer = first, .causal = true, .cross = true}) {
  if (own_embedding) embedding.emplace(InputSpec::tokens(spec.vocabulary), options);
}

void EncoderDecoder::Decoder::visit(ParameterVisitor& v) {
  if (embedding) v("embedding", *embedding);
  stack.visit(v);
}

EncoderDecoder::EncoderDecoder(const EncoderDecoderOptions& options, const InputSpec& spec, const MixerFactory& mixers)
    : width_(options.d_model),
      encoder_(options, spec, mixers),
      decoder_(decoder_options(options), spec, mixers, options.n_layers,
               !options.share_embedding || spec.kind != InputSpec::Kind::tokens) {
  require(spec.kind != InputSpec::Kind::image && spec.vocabulary > 0, "EncoderDecoder",
          "the source must be tokens or vectors, and the target tokens");
}

void EncoderDecoder::visit(ParameterVisitor& v) {
  v("encoder", encoder_);
  v("decoder", decoder_);
}

InputEmbedding::Embedded EncoderDecoder::target(Context& context, const Tensor& tokens, const Tensor& lengths,
                                                Index start) const {
  const InputEmbedding& embedding = decoder_.embedding ? *decoder_.embedding : encoder_.embedding;
  return run(context, "embedding", embedding, tokens, lengths, start);
}

Var EncoderDecoder::features(Context& context, const ModelInput& input) const {
  const auto [memory, memory_lengths] = run(context, "encoder", encoder_, input);
  const Tape::Scope scope(context.tape(), "decoder");
  const auto [x, lengths] = target(context, input.second_inputs, input.second_lengths, 0);
  return decoder_.stack.forward(context, x, {.lengths = lengths, .causal = true}, memory, memory_lengths);
}

const Parameter* EncoderDecoder::token_table() const {
  const InputEmbedding& embedding = decoder_.embedding ? *decoder_.embedding : encoder_.embedding;
  return &embedding.tokens->weight;
}

std::unique_ptr<ModelState> EncoderDecoder::make_state(Context& context, const ModelInput& source,
                                                       Index capacity) const {
  auto state = std::make_unique<State>();
  const auto [memory, lengths] = run(context, "encoder", encoder_, source);
  state->memory = memory.value().clone();
  state->memory_lengths = lengths;
  state->mixers = decoder_.stack.make_states(memory.dim(0), capacity, context.dtype(), state->memory);
  return state;
}

Var EncoderDecoder::step(Context& context, const Tensor& tokens, ModelState& base) const {
  State& state = dynamic_cast<State&>(base);
  const Tape::Scope scope(context.tape(), "decoder");
  const Var x = target(context, tokens, {}, state.position).x;
  const Var y = decoder_.stack.step(context, x, state.mixers, {.causal = true, .start = state.position},
                                    context.tape().constant(state.memory), state.memory_lengths);
  state.position += x.dim(1);
  return y;
}

}  // namespace tempera
