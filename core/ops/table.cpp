#include "core/ops/table.h"

#include <algorithm>
#include <vector>

#include "core/nearest.h"
#include "core/ops/elementwise.h"
#include "core/ops/gradient_flow.h"
#include "core/ops/linear.h"
#include "core/ops/matmul.h"
#include "core/ops/softmax.h"
#include "core/pointwise.h"
#include "core/recompute.h"
#include "core/rowwise.h"

namespace tempera {
namespace {

// Elementwise operations list themselves in elementwise.cpp.
constexpr const Op* kOps[] = {
    &pointwise_op,
    &recompute_op,
    &straight_through_op,
    &rowwise_op,
    // products
    &linear_op,
    &matmul_op,
    // normalisation
    &softmax_op,
};

}  // namespace

std::span<const Op* const> all_ops() {
  static const std::vector<const Op*> ops = [] {
    std::vector<const Op*> all(std::begin(kOps), std::end(kOps));
    const auto elementwise = elementwise_ops();
    all.insert(all.end(), elementwise.begin(), elementwise.end());
    std::sort(all.begin(), all.end(), [](const Op* a, const Op* b) { return a->name < b->name; });
    return all;
  }();
  return ops;
}

const Op& find_op(std::string_view name) {
  for (const Op* op : all_ops())
    if (op->name == name) return *op;
  std::vector<std::string_view> names;
  for (const Op* op : all_ops()) names.push_back(op->name);
  fail("find_op", "there is no operation `{}`{}", name, did_you_mean(name, names));
}

}  // namespace tempera
