// Which part of a run failed. Readers, models and files throw plain Error; whoever calls them knows what for, and says
// it with blame(). Programs turn the kinds into exit codes (apps/support/exit_code.h).
#pragma once

#include <utility>

#include "core/error.h"

namespace tempera {

// The parts that a configuration names do not fit together, or the place for the run is taken.
class SetupError : public Error {
 public:
  explicit SetupError(const Error& cause) : Error(cause) {}
};

// Data that cannot be read, or are not what they should be.
class DataError : public Error {
 public:
  explicit DataError(const Error& cause) : Error(cause) {}
};

// A checkpoint that cannot be written, read, or gone on from.
class CheckpointError : public Error {
 public:
  explicit CheckpointError(const Error& cause) : Error(cause) {}
};

// f(), whose Errors come out as errors of kind E with the same message.
template <class E, class F>
decltype(auto) blame(F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const E&) {
    throw;
  } catch (const Error& error) {
    throw E(error);
  }
}

}  // namespace tempera
