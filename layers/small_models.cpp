#include "layers/small_models.h"

#include <array>
#include <cmath>
#include <fmt/ranges.h>

#include "core/ops/pool.h"
#include "core/ops/reshape.h"
#include "layers/dropout.h"
#include "layers/input_embedding.h"

namespace tempera {
namespace {

constexpr std::array kActivations{Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                  Activation::silu, Activation::tanh, Activation::sigmoid};

Rule known_activations() {
  std::vector<std::string_view> names;
  for (const Activation activation : kActivations) names.push_back(to_string(activation));
  return one_of(std::move(names));
}

Activation activation_of(std::string_view name) {
  for (const Activation activation : kActivations)
    if (to_string(activation) == name) return activation;
  fail("model", "there is no activation '{}'; known: {}", name, fmt::join(known_activations().choices, ", "));
}

Init init_named(std::string_view name, double scale, Index in, Index out) {
  Init init = name == "he"       ? Init::normal(std::sqrt(2.0 / static_cast<double>(in)))  // He et al. 2015
              : name == "xavier" ? Init::xavier(in, out)
                                 : Init::fan_in(in);
  init.a *= scale;
  return init;
}

std::vector<Problem> nothing_in(const char* key, const std::vector<std::int64_t>& list) {
  if (!list.empty()) return {};
  return {{key, "the list is empty; give at least one layer"}};
}

}  // namespace

void MlpOptions::describe(Fields& f) {
  f("hidden", hidden, "widths of the layers; [] leaves a linear model", at_least(1));
  f("activation", activation, "after each layer", known_activations());
  f("bias", bias, "linear layers have biases");
  f("dropout", dropout, "share of each layer's output set to zero in training", from_up_to(0, 1));
  f("init", init,
    "deviation of the weights at the start: fan_in: 1 / sqrt(3 in), he: sqrt(2 / in), xavier: sqrt(2 / (in + out))",
    one_of({"fan_in", "he", "xavier"}));
  f("init_scale", init_scale,
    "times as large are the weights at the start; large ones delay generalisation (Liu et al. 2023, Omnigrok)",
    above(0));
}

MlpModel::MlpModel(const MlpOptions& options, const InputSpec& spec)
    : numbers_(spec.numbers()), dropout_(options.dropout) {
  require(spec.kind != InputSpec::Kind::tokens, "MlpModel", "it reads numbers, not tokens; choose a transformer");
  Index in = numbers_;
  for (const std::int64_t out : options.hidden) {
    layers_.emplace_back(in, out,
                         LinearOptions{options.bias, activation_of(options.activation),
                                       init_named(options.init, options.init_scale, in, out)});
    in = out;
  }
}

Var MlpModel::features(Context& context, const ModelInput& input) const {
  const Index batch = input.inputs.dim(0);
  require(input.inputs.size() == batch * numbers_, "MlpModel", "the input is {}; {} numbers a sample were wanted",
          input.inputs, numbers_);
  Var x = number_input(context, input.inputs.reshaped({batch, numbers_}));
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Tape::Scope scope(context.tape(), "layers." + std::to_string(i));
    x = drop(context, layers_[i].forward(context, x), dropout_, "dropout");
  }
  return x;
}

void CnnOptions::describe(Fields& f) {
  f("channels", channels, "channels of the convolutions; each is followed by a maximum over 2 x 2", at_least(1));
  f("kernel", kernel, "height and width of the filters, odd", at_least(1));
  f("activation", activation, "after each convolution", known_activations());
  f("dropout", dropout, "share of the features set to zero in training", from_up_to(0, 1));
}

std::vector<Problem> CnnOptions::problems() const {
  std::vector<Problem> all = nothing_in("channels", channels);
  if (kernel % 2 == 0) all.push_back({"kernel", fmt::format("{} is even; choose an odd number", kernel)});
  return all;
}

Cnn::Cnn(const CnnOptions& options, const InputSpec& spec) : dropout_(options.dropout) {
  require(spec.kind == InputSpec::Kind::image, "Cnn", "it reads images; choose another model, or another data set");
  Index in = spec.channels, height = spec.height, width = spec.width;
  for (const std::int64_t out : options.channels) {
    convs_.emplace_back(in, out, options.kernel, 1, 2, activation_of(options.activation));
    in = out, height /= 2, width /= 2;
  }
  require(height > 0 && width > 0, "Cnn", "images of {} x {} cannot be halved {} times; give fewer channels",
          spec.height, spec.width, options.channels.size());
  width_ = in * height * width;
}

Var Cnn::features(Context& context, const ModelInput& input) const {
  Var x = number_input(context, input.inputs);
  for (std::size_t i = 0; i < convs_.size(); ++i)
    x = max_pool2d(run(context, "convs." + std::to_string(i), convs_[i], x), {2, 2});
  return drop(context, flatten(x, 1), dropout_, "dropout");
}

}  // namespace tempera
