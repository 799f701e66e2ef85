// Whether an expectation holds, from what runs of several seeds ended with.
//
// above, below: d_i is by how much seed i exceeds what was claimed; with a margin,
//   above:  d_i = of_i - times other_i - by          below:  d_i = times other_i - of_i - by
// holds where the paired t test (train/claims/paired_test.h) says that the mean of d is above zero, p <= 0.05; fails
// where it says so of -d; else undecided. One seed decides nothing.
// at_least, at_most: holds or fails by the mean, or by every seed.
//
// A run that never reached a threshold counts with its number of steps, which is too small: so where the lower side of
// a comparison has such seeds, or at_most is wanted, the expectation cannot hold.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/claims/claim.h"
#include "train/claims/paired_test.h"
#include "train/output/interval.h"

namespace tempera {

// One seed's value; nan where there is none. A censored one is a lower bound.
struct Observed {
  double value = 0;
  bool censored = false;
};

enum class Outcome { holds, fails, undecided };
std::string_view to_string(Outcome outcome);

struct Verdict {
  Outcome outcome = Outcome::undecided;
  std::string reason = {};  // why it is undecided, and what limits it otherwise; may be empty
  MeanInterval of = {}, other = {};
  PairedTest test = {};  // of a comparison
};

constexpr double kSignificance = 0.05;

// `of` and `other` have an entry for each seed, in one order; `other` is looked at only where the expectation compares.
Verdict decide(const Expectation& expectation, std::span<const Observed> of, std::span<const Observed> other = {});

}  // namespace tempera
