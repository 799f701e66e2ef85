// Proof of a gradient by finite differences.
//
// For random weights w the scalar L(x) = <w, f(x)> is differentiated entry by entry with central differences
// and Ridders' extrapolation (Ridders 1982; Ceres Solver's gradient checker works the same way), in float64,
// and compared with what the tape plays backward:
//
//   error = |analytic - numeric| / max(|analytic|, |numeric|, rms(gradient of that input), 1e-3 min(1, max |f|))
//
// The backward pass runs twice, once into empty gradients and once on top of gradients that are already there,
// so a missing accumulation shows. Where the two one-sided derivatives differ, the entry is a kink: it passes if the
// analytic value lies between them. So is one beside a corner: it passes if the analytic value agrees with differences
// so small that they do not reach it, as far as rounding lets it be seen, while larger ones do not. Both are counted.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/tape.h"

namespace tempera {

using Function = std::function<Var(std::span<const Var>)>;

struct GradcheckOptions {
  double tolerance = 1e-8;
  std::uint64_t seed = 1;          // of the weights w
  double step = 0.02;              // first step of the extrapolation, relative to max(1, |x|)
  GradientProbe* probe = nullptr;  // tampers with the analytic side; to see the check fail
  // Per input; 0: all. Of more, one is drawn from each of so many equal ranges, in place of one of them the entry with
  // the largest gradient.
  Index max_entries = 0;
  std::vector<std::size_t> only;   // inputs to check; empty: all
  std::vector<std::string> names;  // of the inputs, for the report; default "input 0", ...
};

struct GradcheckEntry {
  std::string where;  // "input 0[1, 3]"
  double analytic = 0, numeric = 0;
  double absolute = 0, relative = 0;
  bool kink = false;
};

struct GradcheckReport {
  bool ok = false;
  double worst = 0;  // largest relative error outside kinks
  int kinks = 0;
  double tolerance = 0;
  std::vector<GradcheckEntry> entries;  // worst first

  // The first `rows` entries as a table, worst first.
  std::string table(std::string_view title, std::size_t rows = 8) const;
};

// Inputs must be float64 (int32 inputs are passed through). f must be a pure function.
GradcheckReport gradcheck(const Function& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

// All examples of an operation, `seeds` draws each. Throws nothing; the first failure is in `report`.
struct OpCheck {
  bool ok = true;
  double worst = 0;
  int checks = 0, kinks = 0;
  std::string failure;  // the table of the first failing example
};
OpCheck gradcheck(const Op& op, int seeds, GradientProbe* probe = nullptr);

}  // namespace tempera
