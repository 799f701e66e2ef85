// What is said of a configuration of SampleOptions.
#pragma once

#include "tests/support/sample_options.h"
#include "train/config/read_config.h"

namespace tempera {

// All problems, or that there is none, and a line's end.
inline std::string errors_of(std::string_view yaml, std::initializer_list<std::string> overrides = {}) {
  SampleOptions options;
  try {
    read_config({"sample.yaml", std::string(yaml)}, overrides, options);
  } catch (const ConfigError& error) {
    return std::string(error.what()) + "\n";
  }
  return "no error\n";
}

}  // namespace tempera
