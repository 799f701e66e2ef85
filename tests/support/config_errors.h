// What is said of a configuration of SampleOptions.
#pragma once

#include <catch2/catch.hpp>

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

// Of files that are laid over one another; the test fails where there is none.
inline std::vector<ConfigProblem> problems_of(const std::vector<ConfigText>& texts) {
  SampleOptions options;
  try {
    read_config(texts, std::vector<std::string>{}, options);
  } catch (const ConfigError& error) {
    return error.problems();
  }
  FAIL("it was read");
  return {};
}

}  // namespace tempera
