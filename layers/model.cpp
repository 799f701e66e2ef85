#include "layers/model.h"

namespace tempera {

InputSpec InputSpec::tokens(Index vocabulary) {
  InputSpec spec;
  spec.vocabulary = vocabulary;
  return spec;
}

InputSpec InputSpec::vectors(Index features, Index vocabulary) {
  InputSpec spec;
  spec.kind = Kind::features;
  spec.features = features;
  spec.vocabulary = vocabulary;
  return spec;
}

InputSpec InputSpec::images(Index channels, Index height, Index width) {
  InputSpec spec;
  spec.kind = Kind::image;
  spec.channels = channels;
  spec.height = height;
  spec.width = width;
  return spec;
}

std::unique_ptr<ModelState> Model::make_state(Context&, const ModelInput&, Index) const {
  fail(type(), "this model does not decode; a decoder or an encoder-decoder is wanted");
}

Var Model::step(Context&, const Tensor&, ModelState&) const {
  fail(type(), "this model does not decode; a decoder or an encoder-decoder is wanted");
}

}  // namespace tempera
