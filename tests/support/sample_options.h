// A described struct with every kind of field, for the tests of the configuration.
#pragma once

#include <fmt/format.h>

#include "core/fields.h"

namespace tempera {

struct SoftmaxSample : Options {
  double temperature = 1;
  bool causal = true;
  void describe(Fields& f) override {
    f("temperature", temperature, "divides the scores", above(0));
    f("causal", causal, "no query sees a later key");
  }
};

struct LinearSample : Options {
  std::string features = "elu";
  int chunk = 64;
  void describe(Fields& f) override {
    f("features", features, "map of queries and keys", one_of({"elu", "relu", "identity"}));
    f("chunk", chunk, "positions per chunk", at_least(1));
  }
};

inline constexpr Kind kAttentionSamples[] = {
    {"softmax", "softmax attention", []() -> std::unique_ptr<Options> { return std::make_unique<SoftmaxSample>(); }},
    {"linear", "linear attention", []() -> std::unique_ptr<Options> { return std::make_unique<LinearSample>(); }},
};

// A choice that holds its own family.
struct PlainSample : Options {
  double momentum = 0;
  void describe(Fields& f) override { f("momentum", momentum, "share of the last step", from_up_to(0, 1)); }
};
std::unique_ptr<Options> make_averaged_sample();
inline constexpr Kind kOptimizerSamples[] = {
    {"plain", "gradient descent", []() -> std::unique_ptr<Options> { return std::make_unique<PlainSample>(); }},
    {"averaged", "the mean of another one's weights", &make_averaged_sample},
};
struct AveragedSample : Options {
  double horizon = 100;
  Choice inner{kOptimizerSamples, "plain"};
  void describe(Fields& f) override {
    f("horizon", horizon, "steps averaged over", above(0));
    f("inner", inner, "the optimizer whose weights are averaged");
  }
};
inline std::unique_ptr<Options> make_averaged_sample() {
  return std::make_unique<AveragedSample>();
}

struct ModelSample : Options {
  int d_model = 128;
  int n_heads = 4;
  double dropout = 0.1;
  std::string activation = "gelu";
  std::optional<int> window;
  std::optional<double> logit_cap = 30;
  std::optional<std::string> norm;
  Choice attention{kAttentionSamples, "softmax"};
  void describe(Fields& f) override {
    f("d_model", d_model, "width of the residual stream", at_least(1));
    f("n_heads", n_heads, "heads; divides d_model", between(1, 1024));
    f("dropout", dropout, "share of activations set to zero", from_up_to(0, 1));
    f("activation", activation, "of the feed-forward block", one_of({"gelu", "relu", "silu"}));
    f("window", window, "keys seen by a query; null for all | or none", at_least(1));
    f("logit_cap", logit_cap, "bound on scores", above(0));
    f("norm", norm, "kind of norm", one_of({"layer", "rms"}));
    f("attention", attention, "how tokens see each other");
  }
  std::vector<Problem> problems() const override {
    if (d_model % n_heads == 0) return {};
    return {{"n_heads", fmt::format("must divide d_model = {}, got {}", d_model, n_heads)}};
  }
};

struct TrainSample : Options {
  std::int64_t steps = 1000;
  std::uint64_t seed = 1;
  double lr = 1e-3;
  bool resume = false;
  std::vector<double> betas = {0.9, 0.999};
  std::vector<std::int64_t> evaluate_at = {};
  std::vector<std::string> watch = {"loss"};
  Choice optimizer{kOptimizerSamples, "plain"};
  void describe(Fields& f) override {
    f("steps", steps, "optimizer steps", at_least(0));
    f("seed", seed, "of all random numbers");
    f("lr", lr, "learning rate at the peak", above(0));
    f("resume", resume, "continue the newest checkpoint");
    f("betas", betas, "decay of the moments", between(0, 1));
    f("evaluate_at", evaluate_at, "further steps with an evaluation", at_least(0));
    f("watch", watch, "metrics on the progress line", one_of({"loss", "accuracy", "perplexity"}));
    f("optimizer", optimizer, "how gradients become steps");
  }
};

struct SampleOptions : Options {
  std::string name = "sample";
  ModelSample model;
  TrainSample train;
  void describe(Fields& f) override {
    f("name", name, "of the run");
    f("model", model, "the network");
    f("train", train, "how it is trained");
  }
};

}  // namespace tempera
