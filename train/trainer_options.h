// What a training loop is told. Every section is declared here once, for the library and for configurations.
#pragma once

#include <string>

#include "core/fields.h"
#include "train/average.h"
#include "train/clipping.h"
#include "train/early_stopping.h"
#include "train/optimizer/segments.h"
#include "train/perpendicular.h"

namespace tempera {

struct EvaluationOptions : Options {
  std::int64_t every = 200;
  std::int64_t samples = 512;
  Variants tests;  // of the data, where somebody said what they are (see train/further_tests.h)
  bool outliers = false;
  bool abstention = false;
  bool heads = false;
  void describe(Fields& f) override;
};

struct CheckpointOptions : Options {
  std::int64_t every = 500;
  std::int64_t keep = 2;
  void describe(Fields& f) override;
};

struct TrainerOptions : Options {
  std::int64_t steps = 1000;
  std::int64_t batch = 32;
  std::int64_t accumulate = 1;
  std::int64_t shard = 0;
  bool drop_last = true;
  std::int64_t prefetch = 2;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string dtype = "float32";
  bool matrix_units = false;
  bool watch = false;

  GradientOptions gradient;
  ClippingOptions clip;  // norm 1
  ParameterRules parameters;
  AverageOptions average;  // none
  EvaluationOptions evaluate;
  EarlyStoppingOptions stopping;
  CheckpointOptions checkpoint;

  TrainerOptions();
  // The loop itself, `train:` in a configuration; and its sections, which stand beside it there.
  void describe(Fields& f) override;
  void describe_sections(Fields& f);
  std::vector<Problem> problems() const override;
};

}  // namespace tempera
