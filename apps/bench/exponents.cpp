// Whether time and memory of every attention grow with the length as its traits say.
#include <cmath>

#include "apps/bench/benchmarks.h"
#include "apps/bench/timing.h"
#include "attention/attention.h"
#include "attention/normalizers.h"
#include "attention/score_attention.h"
#include "attention/score_mixer.h"

namespace tempera::bench {
namespace {

constexpr Index kWidth = 64;
constexpr int kDoublings = 4, kRepeats = 3;
constexpr double kTimeMargin = 0.25, kMemoryMargin = 0.15;

struct Cost {
  double seconds = 0, bytes = 0;
};

Tensor drawn(const Shape& shape, std::uint64_t seed) {
  Tensor x = Tensor::empty(shape, DType::float32);
  Rng(seed, "exponents").fill_normal(x, 0, 1);
  return x;
}

// The least of several passes, forward and backward, of what `f` records on x.
template <class F>
Cost measured(double budget, const Tensor& input, const F& f) {
  Cost cost{1e300, 0};
  Tape tape;
  const Tensor dy = Tensor::full(input.shape(), DType::float32, 1);
  const auto pass = [&] {
    tape.reset();
    tape.reset_peak();
    const Var x = tape.leaf(input);
    const Var y = f(tape, x);
    tape.backward(y, dy);
  };
  for (int repeat = 0; repeat < kRepeats; ++repeat)
    cost.seconds = std::min(cost.seconds, per_call(budget / kRepeats, pass));
  cost.bytes = static_cast<double>(tape.peak_bytes());
  return cost;
}

// The slope in log-log of what comes on top with each doubling, so that a constant part does not count.
double exponent(const std::vector<double>& values) {
  const std::size_t last = values.size() - 1;
  return std::log2((values[last] - values[last - 1]) / (values[1] - values[0])) / static_cast<double>(last - 1);
}

// Scores to weights alone, of normalizers that work on few tokens or take wide heads.
Cost of_matrix(const ScoreNormalizer& normalizer, Index n, double budget) {
  return measured(budget, drawn({1, 1, n, n}, 1), [&](Tape&, const Var& x) {
    ScoreAttention how;
    how.normalizer = &normalizer;
    return attention_weights(x, how);
  });
}

// A mixer of one head.
Cost of_mixer(const AttentionOptions& options, Index n, double budget) {
  const auto mixer = options.make({.d_model = kWidth, .init = Init::normal(0.1)});
  const Parameters parameters(*mixer, DType::float32, Rng(1, "exponents"));
  return measured(budget, drawn({1, n, kWidth}, 2), [&](Tape& tape, const Var& x) {
    Context context(tape, parameters);
    std::vector<Var> values;
    for (const auto& entry : parameters.entries()) values.push_back(tape.constant(entry.parameter->value));
    context.bind(values);
    return mixer->forward(context, x, {});
  });
}

struct Growth {
  Index from = 0, to = 0;
  double time = 0, memory = 0;
};

template <class F>
Growth growth(Index from, const F& cost) {
  std::vector<double> seconds, bytes;
  for (int k = 0; k <= kDoublings; ++k) {
    const Cost here = cost(from << k);
    seconds.push_back(here.seconds);
    bytes.push_back(here.bytes);
  }
  return {from, from << kDoublings, exponent(seconds), exponent(bytes)};
}

}  // namespace

Table exponents(const Options& options) {
  Table table("one head, float32, forward and backward over four doublings of the tokens", {{"attention"},
                                                                                            {"tokens"},
                                                                                            {"time", "{:.2f}"},
                                                                                            {"declared", "{:.2f}"},
                                                                                            {"memory", "{:.2f}"},
                                                                                            {"declared", "{:.2f}"},
                                                                                            {"holds"}});
  const auto add = [&](std::string_view name, const AttentionTraits& traits, const Growth& g) {
    const bool holds =
        std::abs(g.time - traits.time) <= kTimeMargin && std::abs(g.memory - traits.memory) <= kMemoryMargin;
    table.add({std::string(name), fmt::format("{} to {}", g.from, g.to), g.time, traits.time, g.memory, traits.memory,
               std::string(holds ? "yes" : "no")});
  };
  for (const Kind& kind : normalizer_kinds()) {
    ScoreMixerOptions score;
    score.normalizer.choose(kind.name);
    score.heads = 1;
    constexpr Index kMost = 512;
    const auto normalizer = score.normalizer.as<NormalizerOptions>().make({1, kMost, kMost});
    if (normalizer->traits().reach != NormalizerTraits::Reach::matrix) {
      add(kind.name, score.traits(), growth(512, [&](Index n) { return of_mixer(score, n, options.seconds); }));
      continue;
    }
    Index longest = kMost;
    while (!normalizer->refusal(longest).empty()) longest /= 2;
    add(kind.name, score.traits(),
        growth(longest >> kDoublings, [&](Index n) { return of_matrix(*normalizer, n, options.seconds); }));
  }
  for (const Kind& kind : attention_kinds()) {
    if (kind.name == "softmax") continue;
    const auto made = kind.make();
    if (auto* heads = dynamic_cast<MultiHeadOptions*>(made.get())) heads->heads = 1;
    const auto& attention = dynamic_cast<const AttentionOptions&>(*made);
    add(kind.name, attention.traits(), growth(512, [&](Index n) { return of_mixer(attention, n, options.seconds); }));
  }
  return table;
}

}  // namespace tempera::bench
