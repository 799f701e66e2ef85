#include "attention/biases/bucket_bias.h"

#include <cmath>

namespace tempera {
namespace {

// The bias depends on the diagonal alone. f(c, offset) for every element of row r.
template <class T, class F>
void each_row(const BiasBlock<T>& block, F&& f) {
  for (Index r = 0; r < block.rows; ++r) f(r * block.stride, block.offset(r));
}

template <class T>
void add_table(const BucketBias& bias, const BiasBlock<T>& block, T* scores) {
  each_row(block, [&](Index at, Index offset) {
    for (Index c = 0; c < block.cols; ++c)
      scores[at + c] += block.parameters[0][bias.bucket(offset + c * block.step())];
  });
}

template <class T>
void add_gradient(const BucketBias& bias, const BiasBlock<T>& block, const T* dscores, T* to) {
  if (!to) return;
  each_row(block, [&](Index at, Index offset) {
    for (Index c = 0; c < block.cols; ++c) to[bias.bucket(offset + c * block.step())] += dscores[at + c];
  });
}

}  // namespace

BucketBias::BucketBias(Index heads, Index buckets, Index max_distance, bool causal)
    : side_(causal ? buckets : buckets / 2), max_distance_(max_distance), causal_(causal) {
  require(side_ >= 2 && side_ / 2 < max_distance, "t5",
          "{} buckets and a largest distance of {} came; wanted at least "
          "{} buckets, and half of a side's buckets below the largest distance",
          buckets, max_distance, causal ? 2 : 4);
  const Index exact = side_ / 2;
  for (Index n = 0; n <= max_distance; ++n) {
    // In double: at exact powers the floor would come out differently in float.
    const double ratio = static_cast<double>(std::max(n, exact)) / static_cast<double>(exact);
    const double log_ratio = std::log(ratio) / std::log(static_cast<double>(max_distance) / static_cast<double>(exact));
    const Index far = exact + static_cast<Index>(log_ratio * static_cast<double>(side_ - exact));
    of_.push_back(n < exact ? n : std::min(far, side_ - 1));
  }
  HeadParameters::add("table", Parameter({heads, buckets}, Init::zeros(), false));
}

void BucketBias::add(const BiasBlock<float>& block, float* scores) const {
  add_table(*this, block, scores);
}
void BucketBias::add(const BiasBlock<double>& block, double* scores) const {
  add_table(*this, block, scores);
}
void BucketBias::backward(const BiasBlock<float>& block, const float* dscores, const HeadValues<float>& to) const {
  add_gradient(*this, block, dscores, to[0]);
}
void BucketBias::backward(const BiasBlock<double>& block, const double* dscores, const HeadValues<double>& to) const {
  add_gradient(*this, block, dscores, to[0]);
}

}  // namespace tempera
