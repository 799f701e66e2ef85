// One training step, cut into shards whose number does not depend on the machine.
//
// Each shard runs forward and backward on a tape of its own, in one oneTBB task; the gradients are summed along a fixed
// binary tree over the shards, each pair as soon as both sides are there. So the same bits come out on any number of
// threads, and gradient accumulation is nothing but more shards. A step with a single shard runs its operations on all
// threads instead.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "core/function_ref.h"
#include "layers/context.h"
#include "train/profile.h"

namespace tempera {

// Sums gradient buffers along the tree ((0 + 1) + (2 + 3)) + ...: the shape depends on the number of leaves alone,
// the order of arrival changes nothing. A buffer that was added is spent; at most about log2(leaves) per thread wait.
class TreeSum {
 public:
  explicit TreeSum(Index leaves);
  // Gives the gradient of leaf `leaf`. `recycle` takes buffers that are free again. Thread-safe.
  void add(Index leaf, Tensor buffer, FunctionRef<void(Tensor)> recycle);
  // The sum, when every leaf was added; the tree is empty then, for the next one.
  Tensor take();

 private:
  std::vector<std::vector<Tensor>> waiting_;  // [level][place]: a left or right side that waits for the other
  std::vector<Index> width_;                  // nodes of each level
  std::mutex mutex_;
};

struct ShardResult {
  double loss = 0;  // summed over the shards in order
  // Sums that the losses report (correct answers, tokens), in order of the shards.
  std::vector<double> sums;
};

class ShardRunner {
 public:
  // Computes the loss of shard number `shard` on context.tape(); the losses of all shards add up to the step's loss.
  // `sums` has `sums` entries, zero at the start.
  using Body = FunctionRef<Var(Context& context, Index shard, std::span<double> sums)>;

  ShardRunner(const Parameters& parameters, const Rng& rng, int threads, int sums = 0);
  ~ShardRunner();

  // Runs `shards` shards of step `step`; first_sample(shard) is the place of a shard's first sample in the batch.
  // gradients() holds the sum afterwards. An exception of a shard is thrown on, after the others have ended. The result
  // is valid until the next call. Once every number of shards has come, nothing is allocated any more.
  const ShardResult& run(std::uint64_t step, Index shards, FunctionRef<Index(Index)> first_sample, Body body);

  // The same without gradients, for evaluation; contexts are not in training.
  const ShardResult& evaluate(Index shards, Body body);

  const Tensor& gradients() const { return gradients_; }
  Tensor& gradients() { return gradients_; }
  std::size_t peak_bytes() const;  // of all tapes
  void watch(bool on);             // see Tape::watch
  // Shards run one after another and show it what they compute; null: no longer.
  void observe(Profile* profile);

 private:
  struct Worker;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  Tensor gradients_;
};

}  // namespace tempera
