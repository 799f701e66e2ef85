#include "train/answers.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "train/generation.h"

namespace tempera {
namespace {

constexpr std::int64_t kAnswers = 8;

std::string text_of(const DataSource& data, std::span<const std::int32_t> tokens) {
  return data.tokenizer ? data.tokenizer->decode(tokens) : fmt::format("{}", fmt::join(tokens, " "));
}

// The tokens of row 0 before the first `end`.
std::span<const std::int32_t> until(std::span<const std::int32_t> tokens, std::int32_t end) {
  return tokens.first(static_cast<std::size_t>(std::find(tokens.begin(), tokens.end(), end) - tokens.begin()));
}

}  // namespace

void write_answers(Experiment& experiment, const RunFolder& folder) {
  const DataSource& data = experiment.data();
  if (data.task != Task::sequence_to_sequence) return;
  const Dataset& set = data.valid ? *data.valid : *data.train;
  const ModelLearner& learner = experiment.learner();
  LanguageModel language{learner.model(), learner.head(), experiment.trainer().parameters()};
  language.window = set.description().second_inputs[0];
  language.end = data.end;
  GenerationOptions likeliest;
  likeliest.temperature = 0;
  likeliest.tokens = language.window;
  std::string text;
  Batch batch;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(set.size(), kAnswers); ++i) {
    set.fill(std::span(&i, 1), batch);
    const auto length = static_cast<Index>(batch.lengths.at(0));
    if (length == 0) continue;
    const bool tokens = batch.inputs.dtype() == DType::int32;
    const Tensor source = batch.inputs.view(0, batch.inputs.shape().with(1, length));
    const auto written = sample_tokens(language, std::span(&data.begin, 1), likeliest, {}, source).at(0);
    const std::span all(batch.targets.data<std::int32_t>(), static_cast<std::size_t>(batch.targets.size()));
    const std::string answer = text_of(data, until(written, data.end)), wanted = text_of(data, until(all, data.end));
    const std::string asked =
        tokens ? text_of(data, {source.data<std::int32_t>(), std::size_t(length)}) : fmt::format("{} vectors", length);
    text += fmt::format("{}  \u2192  {}{}\n", asked, answer, answer == wanted ? "" : "     wanted: " + wanted);
  }
  folder.write_text("answers", experiment.trainer().steps_done(), "", text);
}

}  // namespace tempera
