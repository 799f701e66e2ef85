// A language in which almost everything follows from the token before, and a little must be looked up.
#pragma once

#include "data/generated.h"

namespace tempera {

// Tokens 1 .. symbols, and 0 at the beginning of each sequence. The next token is drawn from row t of a table, t being
// the last token; but behind a trigger at position >= 2 stands what stood before the trigger:
//
//   x_0 = 0        x_{i+1} = x_{i-1}                      if x_i in 1 .. triggers and i >= 2
//                  x_{i+1} ~ table[x_i]                   otherwise
//
// Rows are drawn from a Dirichlet distribution, then each trigger is given the probability `trigger_share` and the row
// is normalised. So a head has something to do at few places and should rest at the others: a task for attention sinks
// and outliers (after An et al. 2025, "Systematic outliers in large language models").
//   inputs int32 [length], targets int32 [length], the tokens behind each
// `targets: copied` keeps the targets behind triggers alone, the others are -1: as a further test set it tells how well
// the copy is known.
struct BigramBackcopyDataOptions : DrawnDataOptions {
  BigramBackcopyDataOptions() { train = 6000; }
  int length = 64, symbols = 33, triggers = 3;
  double concentration = 0.15, trigger_share = 0.06;
  std::uint64_t table_seed = 7;
  std::string targets = "all";
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// The probabilities, [symbols + 1] x [symbols]: entry (t, s) is that of token s + 1 behind token t.
std::vector<double> bigram_table(const BigramBackcopyDataOptions& options);

}  // namespace tempera
