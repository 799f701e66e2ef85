// How far a run has come: one line, drawn over ten times a second on a terminal, printed once per interval elsewhere.
//
//   step 1,200/5,000  24 %  ━━━━╸───────────────  loss 1.843  valid 1.790  31.4 k tokens/s  left 0:42
//
// What does not fit the terminal is left out, the least important first: bar, rate, all values but the first,
// percentage.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/output/console.h"

namespace tempera {

struct ProgressValue {
  std::string_view name;
  double value;
};

struct ProgressOptions {
  std::int64_t first = 0;              // steps done before this process: a resumed run
  std::int64_t total = 0;              // steps of the run
  std::string_view unit = "tokens";    // what `done` counts
  double redraw_seconds = 0.1;         // on a terminal
  double line_seconds = 10;            // elsewhere
  std::function<double()> clock = {};  // seconds, for tests; the steady clock by default
};

class Progress {
 public:
  Progress(Console& console, ProgressOptions options);
  ~Progress();  // leaves the last line on the screen

  // After a step: `step` steps are done, `done` units were read by this process so far. Costs a look at the clock
  // unless something is to be drawn.
  void update(std::int64_t step, std::int64_t done, std::span<const ProgressValue> values);
  // The last state as a line that stays.
  void finish();

 private:
  struct Moment {
    double time;
    std::int64_t step, done;
  };
  struct Shown {
    std::string name;
    double value;
  };
  void draw(double now);
  Console& console_;
  ProgressOptions options_;
  Moment latest_;
  double start_;
  std::deque<Moment> past_;  // of the last half minute: what the rate is measured over
  std::vector<Shown> values_;
  double drawn_ = -1;
  bool stale_ = false;  // the line shown is not the latest
};

// What a progress line says; the rates are per second, nan when unknown.
struct ProgressState {
  std::int64_t step = 0, total = 0;
  std::span<const ProgressValue> values = {};
  double units_per_second = 0, steps_per_second = 0;
  std::string_view unit = "tokens";
  double elapsed = 0;  // seconds; told instead of the time left once all steps are done
};
// The line, at most `width` columns; with `console`, a bar in its style and colours; without, for a file.
std::string progress_line(const ProgressState& state, int width, const Console* console = nullptr);

}  // namespace tempera
