#include "data/generated.h"
#include "data/sequences.h"

namespace tempera {
namespace {

constexpr int kLongest = 65536;

class TopicPairs final : public Dataset {
 public:
  TopicPairs(std::int64_t size, const TopicPairsDataOptions& o, const Rng& rng)
      : Dataset(size, {.inputs = {o.longest},
                       .input_type = DType::int32,
                       .vocabulary = o.topics * o.words,
                       .classes = 2,
                       .class_names = {"different", "same"},
                       .lengths = true,
                       .second_inputs = {o.longest}}),
        topics_(static_cast<std::uint64_t>(o.topics)),
        words_(static_cast<std::uint64_t>(o.words)),
        o_(o),
        rng_(rng) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng draws = rng_.at_step(static_cast<std::uint64_t>(sample));
    const std::uint64_t same = draws.below(0, 2), first = draws.below(1, topics_);
    // Another topic: one of the others, each as likely as the next.
    const std::uint64_t second = same ? first : (first + 1 + draws.below(2, topics_ - 1)) % topics_;
    document(draws.sub("first"), first, out.inputs, out.lengths, row);
    document(draws.sub("second"), second, out.second_inputs, out.second_lengths, row);
    out.targets.data<std::int32_t>()[row] = static_cast<std::int32_t>(same);
  }

 private:
  void document(const Rng& draws, std::uint64_t topic, Tensor& to, Tensor& lengths, Index row) const {
    std::vector<std::int32_t> tokens(o_.drawn_length(draws));
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool any = draws.uniform(2 * i + 1) < o_.noise;
      const std::uint64_t word = draws.below(2 * i + 2, any ? topics_ * words_ : words_);
      tokens[i] = static_cast<std::int32_t>(any ? word : topic * words_ + word);
    }
    put_tokens(tokens, 0, to, row);
    lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(tokens.size());
  }

  std::uint64_t topics_, words_;
  TopicPairsDataOptions o_;
  Rng rng_;
};

}  // namespace

void TopicPairsDataOptions::describe(Fields& f) {
  f("topics", topics, "number of topics", between(2, 1 << 10));
  f("words", words, "tokens of a topic's own", between(1, 1 << 10));
  f("shortest", shortest, "tokens of a document, at least", between(1, kLongest));
  f("longest", longest, "tokens of a document, at most", between(1, kLongest));
  f("noise", noise, "share of tokens that say nothing about the topic", between(0, 1));
  describe_parts(f);
}

std::unique_ptr<DataSource> TopicPairsDataOptions::make() const {
  return make_parts(Task::classification, "data/topic_pairs", [&](std::string_view, std::int64_t size, const Rng& rng) {
    return std::make_shared<TopicPairs>(size, *this, rng);
  });
}

}  // namespace tempera
