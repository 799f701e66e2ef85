// Where a run's data come from: the options of one kind of data set, and what they make.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/fields.h"
#include "data/dataset.h"
#include "data/text/tokenizer.h"

namespace tempera {

// multi_label: yes or no for each of several labels. Pairs of texts are a classification whose samples have
// second inputs.
enum class Task { language_model, classification, multi_label, regression, sequence_to_sequence };
std::string_view to_string(Task task);

struct DataSource {
  Task task = Task::classification;
  std::shared_ptr<const Dataset> train, valid, test;  // null where there is no such part
  std::shared_ptr<const Tokenizer> tokenizer;         // null where inputs are no text
  // Tokens of the target of sequence to sequence beside those of the text: what it is read behind, what ends it.
  std::int32_t begin = -1, end = -1;
  // Inputs are numbers modulo so many: tokens 0 .. cycle - 1, or one-hot.
  std::optional<Index> cycle = std::nullopt;

  // One line for each part and for the tokenizer:
  //   task        classification
  //   train       1,451 samples; inputs float32 [1, 8, 8]; targets int32 [], 10 classes
  std::string describe() const;
};

struct DataOptions : Options {
  // Reads or generates the data. Throws Error.
  virtual std::unique_ptr<DataSource> make() const = 0;
};

// The options that cut samples into parts; see data/split.h.
struct SplitOptions : Options {
  double valid = 0.1, test = 0.1;
  std::uint64_t seed = 0;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
};

// The three parts of one set. Throws Error (see split()).
DataSource make_source(Task task, const std::shared_ptr<const Dataset>& whole, const SplitOptions& options);

}  // namespace tempera
