#include "core/ops/table.h"

#include <algorithm>
#include <vector>

#include "core/nearest.h"
#include "core/ops/broadcast_to.h"
#include "core/ops/channel_norm.h"
#include "core/ops/concat.h"
#include "core/ops/conv.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/embedding.h"
#include "core/ops/fft_conv.h"
#include "core/ops/gather.h"
#include "core/ops/gradient_flow.h"
#include "core/ops/gru.h"
#include "core/ops/inverse.h"
#include "core/ops/layer_norm.h"
#include "core/ops/linear.h"
#include "core/ops/linear_cross_entropy.h"
#include "core/ops/mask.h"
#include "core/ops/matmul.h"
#include "core/ops/order.h"
#include "core/ops/pad.h"
#include "core/ops/permute.h"
#include "core/ops/pool.h"
#include "core/ops/precise_cross_entropy.h"
#include "core/ops/reductions.h"
#include "core/ops/reshape.h"
#include "core/ops/roll.h"
#include "core/ops/rope.h"
#include "core/ops/scans.h"
#include "core/ops/slice.h"
#include "core/ops/softmax.h"
#include "core/ops/triangular_solve.h"
#include "core/ops/unfold.h"
#include "core/pointwise.h"
#include "core/recompute.h"
#include "core/rowwise.h"

namespace tempera {
namespace {

// Elementwise operations and reductions list themselves in their files.
constexpr const Op* kOps[] = {
    // the ground
    &pointwise_op,
    &rowwise_op,
    &recompute_op,
    &straight_through_op,
    // products
    &linear_op,
    &matmul_op,
    // normalisation
    &softmax_op,
    &log_softmax_op,
    &layer_norm_op,
    &rms_norm_op,
    &group_norm_op,
    &batch_norm_op,
    // recurrence
    &gru_op,
    // scans and order
    &cumsum_op,
    &cummax_op,
    &sort_op,
    &topk_op,
    // shapes and movement
    &reshape_op,
    &permute_op,
    &slice_op,
    &concat_op,
    &stack_op,
    &pad_op,
    &roll_op,
    &flip_op,
    &broadcast_to_op,
    &repeat_op,
    &tile_op,
    &unfold_op,
    // positions
    &rope_op,
    // indices and masks
    &gather_op,
    &scatter_add_op,
    &index_select_op,
    &embedding_op,
    &masked_fill_op,
    &triangle_op,
    // convolution and pooling
    &conv1d_op,
    &conv2d_op,
    &max_pool1d_op,
    &max_pool2d_op,
    &avg_pool1d_op,
    &avg_pool2d_op,
    &fft_conv_op,
    // linear algebra
    &inverse_op,
    &triangular_solve_op,
    // random
    &dropout_op,
    // losses
    &cross_entropy_op,
    &linear_cross_entropy_op,
    &precise_cross_entropy_op,
    &stablemax_cross_entropy_op,
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
  std::vector<std::string_view> names;
  for (const Op* op : all_ops()) names.push_back(op->name);
  fail("find_op", "there is no operation `{}`{}", name, did_you_mean(name, names));
}

}  // namespace tempera
