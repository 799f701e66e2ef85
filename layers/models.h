// The list of models, for configurations.
#pragma once

#include "core/fields.h"
#include "layers/model.h"

namespace tempera {

// decoder, encoder, encoder_decoder, two_tower, mlp, cnn.
std::span<const Kind> model_kinds();

// The model of that kind, from its options. `mixers` is not asked for models without token mixers.
std::unique_ptr<Model> make_model(const Choice& choice, const InputSpec& spec, const MixerFactory& mixers);

}  // namespace tempera
