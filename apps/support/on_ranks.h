// A program that several processes run together.
#pragma once

#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include "apps/support/exit_code.h"
#include "train/distributed/launcher.h"

namespace tempera {

// program(ranks). Where it throws on one of several ranks, that one says who it is and why, and all end with the exit
// code of the error: the others would wait for it for ever.
template <class F>
int on_ranks(F&& program) {
  const std::unique_ptr<Ranks> ranks = blame<SetupError>([] { return join_ranks(); });
  if (ranks->size() == 1) return program(*ranks);
  try {
    return program(*ranks);
  } catch (const std::exception& error) {
    // What befell all is told by the first rank, before the others wake up.
    if (!ranks->leads()) std::this_thread::sleep_for(std::chrono::seconds(1));
    std::fprintf(stderr, "rank %d of %d: %s\n", ranks->rank(), ranks->size(), error.what());
    const ExitCode code = exit_code(error);
    ranks->abort(code);
    return code;
  }
}

}  // namespace tempera
