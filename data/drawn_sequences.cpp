#include <algorithm>

#include "data/generated.h"
#include "data/sequences.h"

namespace tempera {
namespace {

constexpr int kLongest = 4096;

class Sequences final : public Dataset {
 public:
  Sequences(std::int64_t size, const SequenceDataOptions& o, const Rng& rng)
      : Dataset(size, {.inputs = {o.longest},
                       .input_type = DType::int32,
                       .targets = {o.longest + 1},
                       .vocabulary = o.symbols + 2,
                       .classes = o.symbols + 2,
                       .lengths = true,
                       .second_inputs = {o.longest + 1}}),
        o_(o),
        rng_(rng) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng draws = rng_.at_step(static_cast<std::uint64_t>(sample));
    std::vector<std::int32_t> tokens(o_.drawn_length(draws));
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = static_cast<std::int32_t>(draws.below(i + 1, static_cast<std::uint64_t>(o_.symbols)));
    put_tokens(tokens, 0, out.inputs, row);
    out.lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(tokens.size());
    if (o_.task == "reverse") std::reverse(tokens.begin(), tokens.end());
    if (o_.task == "sort") std::sort(tokens.begin(), tokens.end());
    put_target(tokens, o_.symbols, o_.symbols + 1, out, row);
  }

 private:
  SequenceDataOptions o_;
  Rng rng_;
};

}  // namespace

void SequenceDataOptions::describe(Fields& f) {
  f("task", task, "what becomes of the source", one_of({"copy", "reverse", "sort"}));
  f("symbols", symbols, "kinds of tokens", between(1, 1 << 20));
  f("shortest", shortest, "tokens of a source, at least", between(0, kLongest));
  f("longest", longest, "tokens of a source, at most", between(1, kLongest));
  describe_parts(f);
}

std::unique_ptr<DataSource> SequenceDataOptions::make() const {
  auto source = make_parts(Task::sequence_to_sequence, "data/sequences",
                           [&](std::string_view, std::int64_t size, const Rng& rng) {
                             return std::make_shared<Sequences>(size, *this, rng);
                           });
  source->begin = symbols;
  source->end = symbols + 1;
  return source;
}

}  // namespace tempera
