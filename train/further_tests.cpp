#include "train/further_tests.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace tempera {
namespace {

constexpr std::string_view kWho = "evaluate.tests";

bool same_tokens(const Tokenizer* a, const Tokenizer* b) {
  return a == b || (a && b && a->to_json() == b->to_json());
}

// Sequences may have another length, everything else must have the shape that the model was made for.
bool same_inputs(const Description& a, const Description& b) {
  if (a.input_type != b.input_type || a.inputs.rank() != b.inputs.rank()) return false;
  if (!sequence_length(a)) return a.inputs == b.inputs;
  return a.inputs.rank() == 1 || a.inputs.back() == b.inputs.back();
}

// Why a model of `data` cannot answer for `test`.
std::vector<std::string> problems(const DataSource& test, const DataSource& data, const Description& d) {
  const Description& trained = data.train->description();
  std::vector<std::string> found;
  const auto differ = [&](std::string_view what, const auto& here, const auto& there, std::string_view mend) {
    found.push_back(fmt::format("its {} {}, but {} in training; {}", what, here, there, mend));
  };
  if (test.task != data.task) differ("task is", to_string(test.task), to_string(data.task), "leave that option out");
  if (d.vocabulary != trained.vocabulary)
    differ("vocabulary has", d.vocabulary, trained.vocabulary, "change no option that makes the tokens");
  else if (!same_tokens(test.tokenizer.get(), data.tokenizer.get()))
    found.emplace_back("its tokenizer is another one than in training; save that one and name it in tokenizer.file");
  if (!same_inputs(d, trained))
    differ("inputs are", fmt::format("{} {}", d.input_type, d.inputs),
           fmt::format("{} {}", trained.input_type, trained.inputs), "only the length of sequences may change");
  if (d.classes != trained.classes)
    found.push_back(fmt::format("it has {} classes, but {} in training; change no option that makes the classes",
                                d.classes, trained.classes));
  else if (d.class_names != trained.class_names)
    found.emplace_back("its classes have other names than in training; change no option that makes the classes");
  if (d.target_type != trained.target_type || d.targets.rank() != trained.targets.rank() ||
      (d.target_type == DType::float32 && d.targets != trained.targets))
    differ("targets are", d.targets, trained.targets, "only the length of sequences may change");
  if (d.second_inputs.rank() != trained.second_inputs.rank())
    found.emplace_back("one of both has pairs, the other single samples; leave that option out");
  return found;
}

}  // namespace

std::optional<Index> sequence_length(const Description& d) {
  if (d.inputs.rank() == 2 || (d.inputs.rank() == 1 && d.vocabulary > 0)) return d.inputs[0];
  return {};
}

std::vector<FurtherTest> make_further_tests(const Variants& tests, const DataSource& data) {
  std::vector<FurtherTest> made;
  std::vector<std::string> found;
  for (const Variants::Variant& variant : tests.all) {
    const std::unique_ptr<DataSource> source = variant.choice->as<DataOptions>().make();
    FurtherTest test{variant.name, source->test ? source->test : source->valid};
    if (!test.set) {
      found.push_back(fmt::format("{}: its data have no part to test on; give it a test part", variant.name));
      continue;
    }
    for (const std::string& problem : problems(*source, data, test.set->description()))
      found.push_back(fmt::format("{}: {}", variant.name, problem));
    made.push_back(std::move(test));
  }
  require(found.empty(), kWho, "{}", fmt::join(found, "\n  "));
  return made;
}

}  // namespace tempera
