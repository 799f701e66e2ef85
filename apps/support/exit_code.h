// How a program ends, the same for all of them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/tape.h"
#include "train/config/config_error.h"
#include "train/errors.h"

namespace tempera {

enum ExitCode { kDone = 0, kFailed = 1, kConfig = 2, kData = 3, kNumeric = 4, kCheckpoint = 5, kInterrupted = 130 };

// Reads the command line into `app`, then returns body(). What went wrong stands on stderr, and its kind is the exit
// code; a command line that cannot be read counts as a configuration.
template <class Body>
int run_program(CLI::App& app, int argc, char** argv, Body&& body) {
  const auto failed = [](const std::exception& error, ExitCode code) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(code);
  };
  try {
    app.parse(argc, argv);
    return body();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kConfig;
  } catch (const ConfigError& error) {
    return failed(error, kConfig);
  } catch (const SetupError& error) {
    return failed(error, kConfig);
  } catch (const DataError& error) {
    return failed(error, kData);
  } catch (const NonFiniteError& error) {
    return failed(error, kNumeric);
  } catch (const CheckpointError& error) {
    return failed(error, kCheckpoint);
  } catch (const std::exception& error) {
    return failed(error, kFailed);
  }
}

}  // namespace tempera
