// Further test sets: the data of a run with some of their options changed, `evaluate.tests` in a configuration.
//
//   data: {type: recall, length: 64}        evaluate: {tests: {2x: {length: 128}, 8x: {length: 512}}}
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/source.h"

namespace tempera {

struct FurtherTest {
  std::string name;  // of its metrics too: "2x" gives test.2x.accuracy
  std::shared_ptr<const Dataset> set;

  std::string split() const { return "test." + name; }
};

// Tokens, or vectors, of the longest sample; none where samples are no sequences.
std::optional<Index> sequence_length(const Description& description);

// Reads or generates each: the test part of its data, or the validation part where they have no test. Throws Error,
// with all reasons, where a model of `data` could not answer: another task, vocabulary, tokenizer, kind of input or
// classes.
std::vector<FurtherTest> make_further_tests(const Variants& tests, const DataSource& data);

}  // namespace tempera
