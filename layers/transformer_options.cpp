#include "layers/transformer_options.h"

#include <cmath>

#include "layers/mlp.h"
#include "layers/norm.h"
#include "layers/positions.h"

namespace tempera {
namespace {

std::vector<std::string_view> all(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

}  // namespace

void TransformerOptions::describe(Fields& f) {
  f("d_model", d_model, "width of the residual stream", at_least(1));
  f("n_layers", n_layers, "number of blocks", at_least(1));
  f("mlp", mlp, "feed-forward part: an activation, or a gate", one_of(all(MLP::kinds())));
  f("mlp_hidden", mlp_hidden, "its hidden width; 0: 4 d_model, or 8/3 d_model with a gate", at_least(0));
  f("norm", norm, "norm of the tokens", one_of(all(norm_names())));
  f("norm_eps", norm_eps, "added to the variance", at_least(0));
  f("pre_norm", pre_norm, "norm before each part and at the end; false: after each residual sum");
  f("attention_norm", attention_norm, "a norm of what each attention gives too");
  f("layer_scale", layer_scale, "start of a learned vector that scales what each part gives; null: there is none");
  f("bias", bias, "linear layers and layer norms have biases");
  f("dropout", dropout, "share of the embeddings and of each part's output set to zero in training", from_up_to(0, 1));
  f("positions", positions, "added to the embeddings", one_of(all(Positions::kinds())));
  f("max_length", max_length, "longest sequence, for positions", at_least(1));
  f("scale_embedding", scale_embedding, "token embeddings times sqrt(d_model)");
  f("fix_norm", fix_norm, "token embeddings are brought to one length, learned, sqrt(d_model) at first");
  f("stem", stem, "images and vectors become tokens by patches or by convolutions", one_of({"linear", "conv"}));
  f("patch", patch, "height and width of a patch of an image", at_least(1));
  f("patch_width", patch_width, "its width, where it is no square; 0: its height", at_least(0));
  f("init_deviation", init_deviation, "standard deviation of the initial matrices", at_least(0));
  f("position_deviation", position_deviation, "the same of learned positions and a class token; null: that of matrices",
    at_least(0));
  f("recompute", recompute, "keep only each block's input and compute the rest again: less memory, more time");
}

std::vector<Problem> TransformerOptions::problems() const {
  if (positions == "sinusoidal" && d_model % 2 != 0)
    return {{"d_model", fmt::format("{} is odd; sinusoidal positions come in pairs, choose an even number", d_model)}};
  return {};
}

Init TransformerOptions::residual_init(int layers) const {
  return Init::normal(init_deviation / std::sqrt(2.0 * layers));
}

}  // namespace tempera
