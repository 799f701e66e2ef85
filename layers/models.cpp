#include "layers/models.h"

#include <array>

#include "core/kind_of.h"
#include "layers/decoder_lm.h"
#include "layers/encoder_classifier.h"
#include "layers/encoder_decoder.h"
#include "layers/small_models.h"

namespace tempera {
namespace {

template <class M, class O>
std::unique_ptr<Model> transformer(const Options& options, const InputSpec& spec, const MixerFactory& mixers) {
  return std::make_unique<M>(dynamic_cast<const O&>(options), spec, mixers);
}

template <class M, class O>
std::unique_ptr<Model> plain(const Options& options, const InputSpec& spec, const MixerFactory&) {
  return std::make_unique<M>(dynamic_cast<const O&>(options), spec);
}

constexpr std::array<Kind, 6> kKinds{{
    kind_of<DecoderOptions>("decoder", "causal transformer with features for each token, as in a language model"),
    kind_of<EncoderOptions>("encoder", "bidirectional transformer with one vector for each sequence or image"),
    kind_of<EncoderDecoderOptions>("encoder_decoder", "writes a target while it reads a source"),
    kind_of<TwoTowerOptions>("two_tower", "one encoder for two documents; what they have in common"),
    kind_of<MlpOptions>("mlp", "linear layers over all numbers of a sample"),
    kind_of<CnnOptions>("cnn", "convolutions over images"),
}};

using Maker = std::unique_ptr<Model> (*)(const Options&, const InputSpec&, const MixerFactory&);
constexpr std::array<Maker, kKinds.size()> kMakers{
    transformer<DecoderLM, DecoderOptions>,
    transformer<EncoderClassifier, EncoderOptions>,
    transformer<EncoderDecoder, EncoderDecoderOptions>,
    transformer<TwoTower, TwoTowerOptions>,
    plain<MlpModel, MlpOptions>,
    plain<Cnn, CnnOptions>,
};

}  // namespace

std::span<const Kind> model_kinds() {
  return kKinds;
}

std::unique_ptr<Model> make_model(const Choice& choice, const InputSpec& spec, const MixerFactory& mixers) {
  for (std::size_t i = 0; i < kKinds.size(); ++i)
    if (kKinds[i].name == choice.type()) return kMakers[i](choice.options(), spec, mixers);
  fail("make_model", "there is no model '{}'", choice.type());
}

}  // namespace tempera
