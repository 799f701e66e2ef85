#include "data/source.h"

#include "data/split.h"

namespace tempera {

std::string_view to_string(Task task) {
  switch (task) {
    case Task::language_model: return "language model";
    case Task::classification: return "classification";
    case Task::multi_label: return "multi-label classification";
    case Task::regression: return "regression";
    case Task::sequence_to_sequence: return "sequence to sequence";
  }
  return "";
}

std::string DataSource::describe() const {
  std::string text = fmt::format("{:<12}{}\n", "task", to_string(task));
  const auto part = [&](const char* name, const std::shared_ptr<const Dataset>& set) {
    text += fmt::format("{:<12}{}\n", name, set ? set->describe() : "none");
  };
  part("train", train);
  part("validation", valid);
  part("test", test);
  if (tokenizer) text += fmt::format("{:<12}{}, vocabulary {}\n", "tokens", tokenizer->kind(), tokenizer->vocab_size());
  return text;
}

void SplitOptions::describe(Fields& f) {
  f("valid", valid, "fraction of the samples for validation", from_up_to(0, 1));
  f("test", test, "fraction of the samples for the test", from_up_to(0, 1));
  f("seed", seed, "chooses the part of each sample");
}

std::vector<Problem> SplitOptions::problems() const {
  if (valid + test < 1) return {};
  return {
      {"test", fmt::format("valid {} and test {} leave nothing to train on; their sum must be below 1", valid, test)}};
}

DataSource make_source(Task task, const std::shared_ptr<const Dataset>& whole, const SplitOptions& options) {
  Split parts = split(whole->size(), options.valid, options.test, options.seed);
  DataSource source;
  source.task = task;
  source.train = subset(whole, std::move(parts.train));
  source.valid = subset(whole, std::move(parts.valid));
  source.test = subset(whole, std::move(parts.test));
  return source;
}

}  // namespace tempera
