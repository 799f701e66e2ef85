// Which waves the embeddings of cyclic numbers are made of. Networks that add modulo p come to use few frequencies:
// Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability" (arXiv:2301.05217, section 4).
#pragma once

#include "train/experiment.h"
#include "train/output/run_folder.h"

namespace tempera {

//   P_k = sum_j | sum_n T[n, j] e^(-2 pi i k n / p) |^2        k = 1 .. floor(p / 2)
// as shares of their sum, for the first p rows of a table [>= p, D]. What does not depend on n, k = 0, is left out; a
// table without anything else gives zeros.
std::vector<double> fourier_shares(const Tensor& table, Index p);

class FourierFigures {
 public:
  // Looks at the parameters that numbers of a cycle (DataSource::cycle) meet first: the embedding of tokens, or of
  // one-hot inputs the first layer's columns for each of the two numbers. Holds nothing where there is none.
  explicit FourierFigures(Experiment& experiment);

  // fourier_top5: the share of the five strongest frequencies, the least over the tables. Random tables have about
  // 10 / (p - 1), a little more for few columns.
  NamedValues metrics() const;
  // A row for each table, a column for each frequency; nothing where there is no table.
  std::optional<LabelledMatrix> picture() const;

 private:
  struct Table {
    std::string name;
    const Parameters::Entry* entry;
    bool columns;  // numbers are columns of the parameter, from `first` on, not rows
    Index first;
  };
  std::vector<double> shares(const Table& table) const;

  const Parameters& parameters_;
  Index p_ = 0;
  std::vector<Table> tables_;
};

}  // namespace tempera
