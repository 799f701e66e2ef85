#include "core/ops/table.h"

#include <algorithm>
#include <vector>

#include "core/ops/elementwise.h"
#include "core/ops/reductions.h"
#include "core/ops/softmax.h"
#include "core/pointwise.h"
#include "core/recompute.h"

namespace tempera {
namespace {

// Elementwise operations and reductions list themselves in their files.
constexpr const Op* kOps[] = {
    &pointwise_op,
    &recompute_op,
    // normalisation
    &softmax_op,
};

}  // namespace

std::span<const Op* const> all_ops() {
  static const std::vector<const Op*> ops = [] {
    std::vector<const Op*> all(std::begin(kOps), std::end(kOps));
    for (const auto family : {elementwise_ops(), reduction_ops()}) all.insert(all.end(), family.begin(), family.end());
    std::sort(all.begin(), all.end(), [](const Op* a, const Op* b) { return a->name < b->name; });
    return all;
  }();
  return ops;
}

const Op& find_op(std::string_view name) {
  for (const Op* op : all_ops())
    if (op->name == name) return *op;
  fail("find_op", "there is no operation '{}'", name);
}

}  // namespace tempera
