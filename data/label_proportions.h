// Documents of several labels, of which the shares are to be told.
#pragma once

#include "data/generated.h"

namespace tempera {

// Martins & Astudillo 2016, From Softmax to Sparsemax (arXiv 1602.02068), the simulation of section 4.1: each label has
// a distribution of its own over words = `words_per_label` labels words, drawn from the flat Dirichlet distribution. A
// document draws k in fewest .. most, k of the labels, their shares (1 / k each, or from the flat Dirichlet
// distribution), its length in shortest .. longest, and each word by one of its labels.
//   inputs float32 [words]: how often each word is there, over the length
//   targets float32 [labels]: the shares, 0 for the labels that are not there
// Samples are drawn once and kept.
struct LabelProportionsDataOptions : DrawnDataOptions {
  LabelProportionsDataOptions() {
    train = 1200;
    valid = test = 1000;
  }
  int labels = 10, words_per_label = 10;
  int fewest = 1, most = 5;
  std::string shares = "uniform";
  int shortest = 200, longest = 2000;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
