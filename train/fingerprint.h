// When are two runs the same? Where their configurations agree in all that may change a bit of the result.
#pragma once

#include <filesystem>
#include <string>

#include "train/experiment.h"

namespace tempera {

// 16 hexadecimal digits of what the configuration changes of the defaults, but for where the run writes and how many
// threads it takes. An option that a later version adds, with a default that keeps to what was, changes none.
std::string fingerprint(ExperimentOptions& options);

// How the configuration in a run's folder differs from this one: "lr is 0.001 there and 0.002 here, ...", at most a
// few.
std::string config_changes(const std::filesystem::path& folder, ExperimentOptions& options);

// Whether a key that the run in this folder knows as well has another value here. With equal fingerprints a later
// version has changed a default.
bool defaults_changed(const std::filesystem::path& folder, ExperimentOptions& options);

}  // namespace tempera
