// A language model small enough to be asked for every text it could write.
#pragma once

#include "attention/score_mixer.h"
#include "layers/decoder_lm.h"
#include "losses/cross_entropy_head.h"
#include "tests/support/modules.h"
#include "train/decoding.h"
#include "train/model_learner.h"

namespace tempera {

struct TinyLanguage {
  explicit TinyLanguage(Index vocabulary_, Index window, DType dtype = DType::float64)
      : vocabulary(vocabulary_),
        learner(decoder(vocabulary, window), CrossEntropyHeadOptions().make({8, vocabulary, nullptr}), dtype),
        parameters(learner.module(), dtype, Rng(3, "module")),
        language{learner.model(), learner.head(), parameters, window} {
    stir(parameters);
  }

  // log P(. | text) by a full pass over the text.
  std::vector<double> next(std::span<const std::int32_t> text) {
    Tape tape;
    Context context(tape, parameters);
    context.begin(0, 0);
    ModelInput input;
    input.inputs = Tensor::from<std::int32_t>({1, static_cast<Index>(text.size())}, text);
    const Tensor logits = learner.head().logits(context, learner.model().features(context, input)).value();
    std::vector<double> row = logits.view(logits.size() - vocabulary, {vocabulary}).to_vector();
    double sum = 0;
    for (const double x : row) sum += std::exp(x);
    for (double& x : row) x -= std::log(sum);
    return row;
  }

  static std::unique_ptr<Model> decoder(Index vocabulary, Index window) {
    DecoderOptions options;
    options.d_model = 8;
    options.n_layers = 2;
    options.max_length = static_cast<int>(window);
    return std::make_unique<DecoderLM>(options, InputSpec::tokens(vocabulary), [](const MixerPlace&) {
      ScoreMixerOptions attention;
      attention.heads = 2;
      return attention.make({.d_model = 8, .causal = true, .init = Init::normal(0.4), .output = Init::normal(0.4)});
    });
  }

  Index vocabulary;
  ModelLearner learner;
  Parameters parameters;
  LanguageModel language;
};

}  // namespace tempera
