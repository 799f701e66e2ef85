#include "train/make_learner.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "attention/attention.h"
#include "layers/encoder_decoder.h"
#include "layers/models.h"
#include "layers/transformer_options.h"
#include "losses/elementwise_head.h"
#include "losses/entmax_head.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "configuration";

InputSpec spec_of(const Description& d) {
  if (d.input_type == DType::int32) return InputSpec::tokens(d.vocabulary);
  if (d.inputs.rank() == 3) return InputSpec::images(d.inputs[0], d.inputs[1], d.inputs[2]);
  return InputSpec::vectors(d.inputs.back(), d.vocabulary);
}

MixerFactory mixers_of(const Choice& model, const Attentions& attentions) {
  const auto* transformer = dynamic_cast<const TransformerOptions*>(&model.options());
  if (!transformer) return {};
  return [attentions, transformer](const MixerPlace& at) {
    const bool same = dynamic_cast<const SameAttention*>(&attentions.cross.options()) != nullptr;
    const Choice& attention = at.cross && !same ? attentions.cross : attentions.own;
    const auto& options = attention.as<AttentionOptions>();
    const AttentionTraits traits = options.traits();
    const bool able = at.cross ? traits.cross : at.causal ? traits.causal : traits.bidirectional;
    require(able, kWho, "{}attention.type {} has no {} form, which layer {} of this model needs; choose another",
            at.cross && !same ? "cross_" : "", attention.type(),
            at.cross    ? "cross"
            : at.causal ? "causal"
                        : "bidirectional",
            at.layer);
    AttentionPlace place;
    place.d_model = transformer->d_model;
    place.causal = at.causal;
    place.cross = at.cross;
    place.bias = transformer->bias;
    place.init = transformer->init();
    place.output = transformer->residual_init(transformer->n_layers);
    return options.make(place);
  };
}

// What is known before the model is built.
std::vector<std::string> input_problems(const Choice& model, const Description& d) {
  std::vector<std::string> found;
  const auto* transformer = dynamic_cast<const TransformerOptions*>(&model.options());
  if (!transformer) return found;
  if (d.vocabulary == 0 && d.inputs.rank() == 1)
    found.push_back(fmt::format("model.type {} reads sequences or images, but a sample is {} numbers; choose mlp",
                                model.type(), d.inputs[0]));
  for (std::string& problem : length_problems(model, d)) found.push_back(std::move(problem));
  return found;
}

bool written(Task task) {
  return task == Task::language_model || task == Task::sequence_to_sequence;
}

void model_problems(const Choice& choice, const Attentions& attentions, Model& model, const DataSource& data,
                    std::vector<std::string>& found) {
  if (!dynamic_cast<const SameAttention*>(&attentions.cross.options()) &&
      !dynamic_cast<const EncoderDecoderOptions*>(&choice.options()))
    found.push_back(
        fmt::format("cross_attention.type is {}, but model.type {} reads no memory; leave it out, or choose "
                    "encoder_decoder",
                    attentions.cross.type(), choice.type()));
  const auto* transformer = dynamic_cast<const TransformerOptions*>(&choice.options());
  if (const auto losses = part_losses(model); transformer && transformer->recompute && !losses.empty())
    found.push_back(
        fmt::format("parts of the model add the loss {} to that of the head, which model.recompute cannot "
                    "carry; set it to false, or the weight of that loss to 0",
                    fmt::join(losses, ", ")));

  const bool pairs = data.train->description().second_inputs.rank() > 0;
  const char* mend = data.task == Task::language_model         ? "decoder"
                     : data.task == Task::sequence_to_sequence ? "encoder_decoder"
                     : pairs                                   ? "two_tower"
                                                               : "encoder, mlp or cnn";
  if (model.per_token() != written(data.task) || model.reads_second() != pairs)
    found.push_back(
        fmt::format("model.type {} reads {} and answers for {}, but the data are {} for {}; choose {}, or "
                    "other data",
                    choice.type(), model.reads_second() ? "pairs" : "single samples",
                    model.per_token() ? "each token" : "the whole", to_string(data.task),
                    pairs ? "pairs" : "single samples", mend));
}

// The head's outputs, and whether targets lack the axis of outputs.
struct Outputs {
  Index count = 0;
  bool single = false;
};

Outputs head_outputs(const Choice& head, const DataSource& data, std::vector<std::string>& found) {
  const Description& d = data.train->description();
  const auto refuse = [&](std::string_view mend) {
    found.push_back(fmt::format("head.type {} does not fit the task, {}{}; choose {}", head.type(),
                                to_string(data.task), d.classes > 0 ? fmt::format(" of {} classes", d.classes) : "",
                                mend));
    return Outputs{1, false};
  };
  if (dynamic_cast<const EntmaxHeadOptions*>(&head.options()) && data.task == Task::multi_label)
    return {d.targets.size(), false};
  if (dynamic_cast<const ClassHeadOptions*>(&head.options()))
    return d.classes > 0 ? Outputs{d.classes, false}
                         : refuse(data.task == Task::regression ? "squared_error" : "binary_cross_entropy");
  if (dynamic_cast<const BinaryHeadOptions*>(&head.options())) {
    if (data.task == Task::multi_label) return {d.targets.size(), false};
    if (data.task == Task::classification && d.classes == 2) return {1, true};
    return refuse(data.task == Task::regression ? "squared_error" : "cross_entropy");
  }
  if (dynamic_cast<const SquaredErrorHeadOptions*>(&head.options()))
    return data.task == Task::regression
               ? Outputs{d.targets.size(), false}
               : refuse(data.task == Task::multi_label ? "binary_cross_entropy" : "cross_entropy");
  return {d.classes > 0 ? d.classes : d.targets.size(), false};
}

void throw_if_any(const std::vector<std::string>& found) {
  require(found.empty(), kWho, "{}", fmt::join(found, "\n  "));
}

}  // namespace

std::vector<std::string> length_problems(const Choice& model, const Description& d) {
  const auto* transformer = dynamic_cast<const TransformerOptions*>(&model.options());
  if (!transformer || transformer->positions == "none" || d.inputs.rank() == 3) return {};
  const Index longest = std::max(d.inputs[0], d.second_inputs.rank() > 0 ? d.second_inputs[0] : 0);
  if (longest <= transformer->max_length) return {};
  return {fmt::format("a sample has up to {} tokens, but model.max_length is {}; raise it", longest,
                      transformer->max_length)};
}

std::unique_ptr<ModelLearner> make_learner(const Choice& model, const Attentions& attentions, const Choice& head,
                                           const DataSource& data, DType dtype) {
  return std::make_unique<ModelLearner>(make_learner_parts(model, attentions, head, data, dtype));
}

LearnerParts make_learner_parts(const Choice& model_choice, const Attentions& attentions, const Choice& head,
                                const DataSource& data, DType dtype) {
  const Description& d = data.train->description();
  throw_if_any(input_problems(model_choice, d));
  std::unique_ptr<Model> model = make_model(model_choice, spec_of(d), mixers_of(model_choice, attentions));
  std::vector<std::string> found;
  model_problems(model_choice, attentions, *model, data, found);
  const Outputs outputs = head_outputs(head, data, found);
  const auto& head_options = head.as<HeadOptions>();
  HeadSizes sizes{model->width(), outputs.count, nullptr, written(data.task), data.task == Task::sequence_to_sequence};
  if (head_options.wants_tied()) {
    sizes.tied = model->token_table();
    if (!sizes.tied)
      found.push_back(
          fmt::format("head.tied needs a table of tokens that are also the answers, which model.type {} "
                      "has not; leave it out",
                      model_choice.type()));
  }
  throw_if_any(found);
  std::unique_ptr<Head> made = head_options.make(sizes);
  return {std::move(model), std::move(made), dtype, outputs.single};
}

}  // namespace tempera
