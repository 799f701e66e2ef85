// What programs tell their caller: 0 done, 1 failed, 2 configuration, 3 data, 4 numbers that are not finite,
// 5 checkpoint, 130 stopped by a signal and saved.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "core/tape.h"
#include "train/config/config_error.h"
#include "train/errors.h"

namespace tempera {

enum ExitCode { kDone = 0, kFailed = 1, kConfig = 2, kData = 3, kNumeric = 4, kCheckpoint = 5, kInterrupted = 130 };

template <class Kind>
bool is(const std::exception& error) {
  return dynamic_cast<const Kind*>(&error) != nullptr;
}

inline ExitCode exit_code(const std::exception& error) {
  if (is<ConfigError>(error) || is<SetupError>(error)) return kConfig;
  if (is<DataError>(error)) return kData;
  if (is<NonFiniteError>(error)) return kNumeric;
  if (is<CheckpointError>(error)) return kCheckpoint;
  return kFailed;
}

// program(), and where it throws, the message on stderr and its code.
template <class F>
int run_program(F&& program) {
  try {
    return program();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return exit_code(error);
  }
}

// The same, after the command line was read into `app`; one that cannot be read counts as a configuration.
template <class F>
int run_program(CLI::App& app, int argc, char** argv, F&& program) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kConfig;
  }
  return run_program(program);
}

}  // namespace tempera
