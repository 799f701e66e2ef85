#include "layers/encoder_classifier.h"

#include <array>

#include "core/ops/broadcast_to.h"
#include "core/ops/concat.h"
#include "core/ops/elementwise.h"

namespace tempera {
namespace {

Pooling pooling_of(std::string_view name) {
  if (name == "mean") return Pooling::mean;
  if (name == "cls") return Pooling::first;
  require(name == "last", "EncoderClassifier", "there is no pooling '{}'; known: mean, cls, last", name);
  return Pooling::last;
}

}  // namespace

void EncoderOptions::describe(Fields& f) {
  TransformerOptions::describe(f);
  f("pooling", pooling, "the features of a sequence: mean over its tokens, class token, or last token",
    one_of({"mean", "cls", "last"}));
}

EncoderClassifier::EncoderClassifier(const EncoderOptions& options, const InputSpec& spec, const MixerFactory& mixers)
    : width_(options.d_model),
      pooling_(pooling_of(options.pooling)),
      embedding_(spec, options),
      stack_(options, mixers) {
  if (pooling_ == Pooling::first)
    class_token_ = Parameter({1, 1, width_}, Init::normal(options.position_scale()), false);
}

void EncoderClassifier::visit(ParameterVisitor& v) {
  v("class_token", class_token_);
  v("embedding", embedding_);
  stack_.visit(v);
}

Var EncoderClassifier::encode(Context& context, const Tensor& inputs, const Tensor& input_lengths) const {
  auto [x, lengths] = run(context, "embedding", embedding_, inputs, input_lengths);
  if (class_token_.exists()) {
    x = concat({broadcast_to(context[class_token_], {x.dim(0), 1, width_}), x}, 1);
    if (lengths.defined()) {
      Tensor longer = context.tape().empty(lengths.shape(), DType::int32);
      longer.vec<std::int32_t>() = lengths.vec<std::int32_t>() + 1;
      lengths = longer;
    }
  }
  const Sequences sequences{.lengths = lengths};
  if (pooling_ == Pooling::mean) return pool(context, stack_.forward(context, x, sequences), lengths, pooling_);
  return stack_.forward(context, x, sequences, {}, {}, TokenRead{pooling_, lengths});
}

Var EncoderClassifier::features(Context& context, const ModelInput& input) const {
  return encode(context, input.inputs, input.lengths);
}

TwoTower::TwoTower(const TwoTowerOptions& options, const InputSpec& spec, const MixerFactory& mixers)
    : encoder_(options, spec, mixers) {}

Var TwoTower::features(Context& context, const ModelInput& input) const {
  const auto tower = [&](std::string_view name, const Tensor& inputs, const Tensor& lengths) {
    const Tape::Scope scope(context.tape(), name);
    return encoder_.encode(context, inputs, lengths);
  };
  // Two names: each document has dropout masks of its own. A summary's parts of the encoder show those of the first.
  const Var u = tower("encoder", input.inputs, input.lengths);
  const Var v = tower("encoder.second", input.second_inputs, input.second_lengths);
  return concat({u, v, u * v, u - v}, -1);
}

}  // namespace tempera
