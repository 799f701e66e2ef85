// Every attention and every normalizer over growing lengths: time, memory, exponents, and where it passes the softmax.
#include "attention/attention.h"

#include <cmath>
#include <map>
#include <optional>

#include "apps/bench/benchmarks.h"
#include "apps/bench/timing.h"
#include "apps/support/peak.h"
#include "attention/normalizers.h"
#include "attention/score_mixer.h"
#include "core/error.h"

namespace tempera::bench {
namespace {

constexpr Index kWidth = 64;    // one head
constexpr Index kDense = 4096;  // the longest of the dense form
constexpr Index kCubic = 1024;  // the longest where time grows with the cube

struct Choices {
  std::string only;  // one entry; empty: all
  Index longest = 16384;
  bool causal = false;
};

Choices read(const std::vector<std::string>& rest) {
  Choices choices;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const bool has_value = i + 1 < rest.size();
    if (rest[i] == "--causal") choices.causal = true;
    else if (rest[i] == "--only" && has_value) choices.only = rest[++i];
    else if (rest[i] == "--longest" && has_value) choices.longest = std::stol(rest[++i]);
    else fail("bench", "attention does not know '{}'; it takes --only NAME, --longest N, --causal", rest[i]);
  }
  return choices;
}

// A mixer over one sequence, forward and backward, in float32.
class Pass {
 public:
  Pass(const AttentionOptions& options, Index n, Index width, bool causal, int threads)
      : mixer_(options.make({.d_model = width, .causal = causal, .init = Init::normal(0.1)})),
        parameters_(*mixer_, DType::float32, Rng(1, "bench")),
        tape_(threads),
        context_(tape_, parameters_, Rng(1, "run")),
        gradients_(parameters_.make_flat()),
        causal_(causal) {
    x_ = Tensor::empty({1, n, width}, DType::float32);
    Rng(2, "x").fill_normal(x_, 0, 1);
    dy_ = Tensor::full(x_.shape(), DType::float32, 1);
    context_.set_gradients(gradients_);
  }

  struct Cost {
    double forward = 0, backward = 0;               // seconds
    std::size_t forward_bytes = 0, peak_bytes = 0;  // of the tape
  };
  Cost operator()() {
    Cost cost;
    context_.begin(0, 0);
    tape_.reset_peak();
    const Var x = tape_.leaf(x_);
    std::optional<Var> y;
    cost.forward = clocked([&] { y = mixer_->forward(context_, x, {.causal = causal_}); });
    cost.forward_bytes = tape_.peak_bytes();
    cost.backward = clocked([&] { tape_.backward(*y, dy_); });
    cost.peak_bytes = tape_.peak_bytes();
    return cost;
  }
  // Medians of as many passes as the budget allows, after one that warms up.
  Cost measure(double budget) {
    Cost cost = (*this)();
    const double once = cost.forward + cost.backward;
    std::vector<double> forward, backward;
    const int repeats = static_cast<int>(std::clamp(budget / once, 1., 50.));
    for (int i = 0; i < repeats; ++i) {
      cost = (*this)();
      forward.push_back(cost.forward);
      backward.push_back(cost.backward);
    }
    cost.forward = median(forward);
    cost.backward = median(backward);
    return cost;
  }

 private:
  // Processor time of one thread, which others on the machine do not disturb; of several the time that passes.
  template <class F>
  double clocked(F&& f) const {
    if (tape_.threads() > 1) return seconds(f);
    const double start = cpu_seconds();
    f();
    return cpu_seconds() - start;
  }

  std::unique_ptr<TokenMixer> mixer_;
  Parameters parameters_;
  Tape tape_;
  Context context_;
  Tensor gradients_, x_, dy_;
  bool causal_;
};

struct Entry {
  std::string name;
  std::unique_ptr<tempera::Options> options;
  const AttentionOptions& attention() const { return dynamic_cast<const AttentionOptions&>(*options); }
};

std::unique_ptr<tempera::Options> scores(std::string_view normalizer, std::string_view kernel) {
  auto options = std::make_unique<ScoreMixerOptions>();
  options->normalizer.choose(normalizer);
  options->kernel = kernel;
  options->heads = 1;
  return options;
}

// The softmax first, for all others are compared with it.
std::vector<Entry> entries() {
  std::vector<Entry> all;
  all.push_back({"softmax", scores("softmax", "auto")});
  all.push_back({"softmax, blocks", scores("softmax", "blocks")});
  for (const Kind& kind : normalizer_kinds())
    if (kind.name != "softmax") all.push_back({std::string(kind.name), scores(kind.name, "auto")});
  for (const Kind& kind : attention_kinds()) {
    if (kind.name == "softmax") continue;
    auto options = kind.make();
    if (auto* heads = dynamic_cast<MultiHeadOptions*>(options.get())) heads->heads = 1;
    all.push_back({std::string(kind.name), std::move(options)});
  }
  return all;
}

// The length at which the ratio to the softmax passes 1, between two lengths on a logarithmic scale.
double crossing(double n0, double ratio0, double n1, double ratio1) {
  const double share = std::log(ratio0) / std::log(ratio0 / ratio1);
  return n0 * std::pow(n1 / n0, share);
}

}  // namespace

Table attention(const Options& options) {
  const Choices choices = read(options.rest);
  Table table(fmt::format("one head of width {} (qr, quantum: as wide as tokens are many), float32, {}, {} thread(s)",
                          kWidth, choices.causal ? "causal" : "bidirectional", options.threads),
              {{"attention"},
               {"tokens"},
               {"forward ms", "{:.2f}"},
               {"backward ms", "{:.2f}"},
               {"forward MB", "{:.2f}"},
               {"peak MB", "{:.2f}"},
               {"time exponent", "{:.2f}"},
               {"memory exponent", "{:.2f}"},
               {"over softmax", "{:.2f}"},
               {"over dense", "{:.2f}"},
               {"faster from"}});
  const auto measured = [&](const tempera::Options& how, Index n, Index width) {
    return Pass(dynamic_cast<const AttentionOptions&>(how), n, width, choices.causal, options.threads)
        .measure(options.seconds);
  };
  std::map<std::pair<Index, Index>, double> softmax;  // seconds by tokens and width
  const auto softmax_seconds = [&](Index n, Index width) {
    const auto [at, fresh] = softmax.try_emplace({n, width});
    if (fresh) {
      const auto cost = measured(*scores("softmax", "auto"), n, width);
      at->second = cost.forward + cost.backward;
    }
    return at->second;
  };
  for (const Entry& entry : entries()) {
    const AttentionOptions& attention = entry.attention();
    if (!choices.only.empty() && entry.name != choices.only && entry.name != "softmax") continue;
    if (choices.causal && !attention.traits().causal) continue;
    const auto* score = dynamic_cast<const ScoreMixerOptions*>(entry.options.get());
    double time = 0, bytes = 0, ratio = 0;
    std::string from = "-";
    const auto refused = [&](Index n, Index width) {
      return score && !score->normalizer.as<NormalizerOptions>().make({1, width, width})->refusal(n).empty();
    };
    // Some want heads as wide as tokens are many, or few tokens.
    const bool wide = refused(256, kWidth);
    for (Index n = refused(256, 256) ? 4 : 256; n <= choices.longest; n *= 2) {
      const Index width = wide ? n : kWidth;
      const bool matrices = attention.traits().memory > 1;
      if ((matrices && n > kDense) || (attention.traits().time > 2.5 && n > kCubic) || refused(n, width)) break;
      const auto cost = measured(*entry.options, n, width);
      const double now = cost.forward + cost.backward, peak = static_cast<double>(cost.peak_bytes);
      if (entry.name == "softmax") softmax[{n, width}] = now;
      const double before = std::exchange(ratio, now / softmax_seconds(n, width));
      const bool other = entry.name != "softmax";
      if (before > 1 && ratio <= 1)
        from = fmt::format("{:.0f}", crossing(static_cast<double>(n) / 2, before, static_cast<double>(n), ratio));
      else if (other && n == 256 && ratio <= 1) from = "256";
      double over_dense = std::nan("");
      if (score && !matrices && n <= kDense) {
        const auto dense = measured(*scores(score->normalizer.type(), "reference"), n, width);
        over_dense = now / (dense.forward + dense.backward);
      }
      const double was = std::exchange(time, now), held = std::exchange(bytes, peak);
      table.add({entry.name, std::int64_t{n}, cost.forward * 1e3, cost.backward * 1e3,
                 static_cast<double>(cost.forward_bytes) * 1e-6, peak * 1e-6,
                 was > 0 ? std::log2(now / was) : std::nan(""), held > 0 ? std::log2(peak / held) : std::nan(""), ratio,
                 over_dense, from});
    }
  }
  return table;
}

}  // namespace tempera::bench
