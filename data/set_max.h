// The class of the largest: sets on which attention must stay sharp.
#pragma once

#include "data/generated.h"

namespace tempera {

// Velickovic et al. 2024, "softmax is not enough (for sharp out-of-distribution)": shortest..longest items, item i with
// a priority r_i, uniform in [0, 1), and a class c_i of `classes`; the answer is the class of the item with the largest
// priority. A model that finds it in short sets disperses its attention over long ones.
//   inputs float32 [longest, 1 + classes] with lengths: (r_i, one at 1 + c_i)        targets int32 []
// The paper's query, a number that says nothing, is left out: a class token asks.
struct SetMaxDataOptions : DrawnSequencesOptions {
  SetMaxDataOptions() : DrawnSequencesOptions(5, 16) {}
  int classes = 10;
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
