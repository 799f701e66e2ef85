// A configuration as a test runs it: from its text to a trained experiment.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "train/claims/experiment_file.h"

namespace tempera {

struct TestExperiment {
  TestExperiment(const std::string& yaml, std::vector<std::string> overrides = {})
      : TestExperiment(ConfigText{"test.yaml", yaml}, std::move(overrides)) {}
  explicit TestExperiment(const ConfigText& config, const std::vector<std::string>& overrides = {}) {
    ExperimentFile(config).fill(options, overrides);
    experiment = std::make_unique<Experiment>(options);
  }

  Trainer& trainer() { return experiment->trainer(); }
  // A metric over the whole validation set.
  double valid(std::string_view name) {
    const NamedValues metrics = trainer().evaluate(*experiment->data().valid);
    INFO("metric " << name);
    REQUIRE(metrics.find(name));
    return *metrics.find(name);
  }

  ExperimentOptions options;
  std::unique_ptr<Experiment> experiment;
};

// configs/<name>
ConfigText shipped_config(const std::string& name);

}  // namespace tempera
