// A run that begins with the weights of another one.
//
//   start_from: {run: softmax-64}          attention: {normalizer: {type: ssmax}}
//
// `{seed}` in its name stands for train.seed: a variant of a claim goes on from another variant with the same seed by
// `start_from: {run: "softmax-seed{seed}"}`. The run's parameters are taken by name; those that only the new model has
// keep their initial values, those that only the other had are left behind. Both are refused unless `differ` names a
// part of theirs, so that a slip does not pass for a switch. The optimizer, the step and the data begin anew.
#pragma once

#include <filesystem>

#include "core/fields.h"
#include "layers/module.h"

namespace tempera {

struct StartOptions : Options {
  std::string run = "";
  std::string checkpoint = "";
  std::vector<std::string> differ = {".normalizer."};

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
  // The run's name, with the seed in the place of `{seed}`.
  std::string run_for(std::uint64_t seed) const;
};

// Fills the parameters; does nothing where no run is named. `runs` is where runs are looked for by name. Returns what
// was done, as a line for people. Throws SetupError where there is no such run, and CheckpointError where the
// checkpoint or its parameters do not fit, with every reason at once.
std::string start_from(const StartOptions& options, std::uint64_t seed, const std::filesystem::path& runs,
                       Parameters& parameters);

}  // namespace tempera
