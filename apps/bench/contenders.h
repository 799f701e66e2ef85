// Ways to do one thing, each in a process of its own, that take turns: ours and PyTorch's, on one thread and on all.
//
// Line by line on standard input and output:
//   -> {..}                                  when it is ready
//   <- run SECONDS
//   -> {"ms": [..], "cpu": s, ..}            of each round; processor seconds of them all
//   <- (end of file)                         ends the process
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "apps/bench/child.h"

namespace tempera::bench {

struct Contender {
  std::string name;  // "tempera", "eager", "compile"
  int threads = 1;
  std::unique_ptr<Child> child = {};
  double ready_ms = 0, memory = 0;  // milliseconds from the program's start; largest resident memory in bytes
  nlohmann::json ready = {};        // what it said first
  std::vector<nlohmann::json> turns = {};

  bool own() const { return name == "tempera"; }
  double median_ms() const;      // of all rounds
  double median_cpu_ms() const;  // processor time of a round
};

// How many turns, and which contenders.
struct Turns {
  std::vector<int> threads;  // the last is the figure, the others tell how it scales
  bool peer = false, compile = true;
  int repeat = 5;
  double seconds = 0.5;  // of a turn
};

// One thread and all there are, unless a number was given.
std::vector<int> thread_counts(bool given, int threads);

using Command = std::function<std::vector<std::string>(const Contender&)>;

// Starts it; false where the program ends before it is ready.
bool start(Contender& contender, const std::vector<std::string>& command);

// All contenders, ours first in the order of `threads`, after a turn that warms them up. `what` is measured. Throws
// Error where ours does not run; a peer that does not is left out with a note.
std::vector<Contender> take_turns(const Turns& turns, const std::string& what, const Command& command);

// The fastest contender that is not ours. Throws Error where there is none.
const Contender& best_peer(std::span<const Contender> all);

// Answers the lines above: `round` is what is measured, `around(turn)` runs the turn and adds to what is said.
void serve(const nlohmann::json& ready, int least, const std::function<void()>& round,
           const std::function<void(const std::function<void()>& turn, nlohmann::json& said)>& around = {});

// The processor seconds of this process, all threads together.
double process_seconds();

}  // namespace tempera::bench
