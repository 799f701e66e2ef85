// A claim: what a paper says, as an inequality between trained models that a run can check.
//
// An ordinary configuration carries it beside its settings:
//
//   claim: SSMax keeps the accuracy of attention when the context grows beyond the training length.
//   paper: {figure: "figure 3, 8 times the length", source: Nakanishi 2025}
//   seeds: 5
//   variants:
//     ssmax: {attention.normalizer.type: ssmax}
//     softmax: {attention.normalizer.type: softmax}
//   expect:
//     - {metric: test_accuracy, of: ssmax, above: softmax, by: 0.05}
//     - {metric: test_accuracy, of: ssmax, at_least: 0.9}
//     - {steps_to: {metric: valid_accuracy, at_least: 0.99}, of: ssmax, below: softmax}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/fields.h"
#include "train/config/source.h"

namespace tempera {

// The file as it stands, without the settings of a variant.
inline constexpr std::string_view kOwn = "own";

// The first step at which a recorded metric reaches a threshold; a run that never does counts as "later than its end".
struct StepsTo : Options {
  std::string metric;
  std::optional<double> at_least = std::nullopt, at_most = std::nullopt;
  void describe(Fields& f) override;
};

// One inequality. With `above` or `below` a paired test over the seeds decides (train/claims/verdict.h).
struct Expectation : Options {
  std::string metric;
  StepsTo steps_to;
  std::string of, above, below;
  double by = 0, times = 1;
  std::optional<double> at_least = std::nullopt, at_most = std::nullopt;
  bool every = false;
  std::string paper;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;

  bool counts_steps() const { return !steps_to.metric.empty(); }
  bool compares() const { return !above.empty() || !below.empty(); }
  const std::string& other() const { return above.empty() ? below : above; }
  // "test_accuracy", "steps to valid_accuracy >= 0.99"
  std::string quantity() const;
  // "test_accuracy of ssmax above softmax by 0.05"
  std::string text() const;
};

struct PaperOptions : Options {
  std::string figure, source;
  void describe(Fields& f) override;
};

struct Claim : Options {
  std::string claim, note;
  PaperOptions paper;
  std::vector<std::string> plot, table;
  void describe(Fields& f) override;

  // Beyond what fields can say; ExperimentFile reads them.
  std::vector<std::uint64_t> seeds = {1, 2, 3};
  std::vector<std::string> variants = {};  // those that run, in the order of the file; kOwn where it is asked for
  std::vector<Expectation> expect = {};
  std::vector<Place> places = {};  // of each expectation's metric
};

}  // namespace tempera
