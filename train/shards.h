// One training step, cut into shards whose number does not depend on the machine.
//
// Each shard runs forward and backward on a tape of its own, in one oneTBB task; the gradients are summed along a fixed
// binary tree over the shards, each pair as soon as both sides are there. So the same bits come out on any number of
// threads, and gradient accumulation is nothing but more shards. A process with a single shard runs its operations on
// all threads instead. Several processes own sub-trees of that tree (train/distributed/): the same bits once more.
#pragma once

#include <memory>
#include <vector>

#include "core/function_ref.h"
#include "layers/context.h"
#include "train/distributed/rank_split.h"
#include "train/distributed/ranks.h"
#include "train/profile.h"

namespace tempera {

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

  ShardRunner(const Parameters& parameters, const Rng& rng, int threads, int sums = 0, Ranks& ranks = single_rank());
  ~ShardRunner();

  // Which of `shards` shards run here. All ranks give run() and evaluate() the same number of shards, and get the same.
  ShardRange own(Index shards) const;

  // Runs `shards` shards of step `step`; first_sample(shard) is the place of a shard's first sample in the batch.
  // gradients() holds the sum afterwards. An exception of a shard is thrown on, after the others have ended. The result
  // is valid until the next call. Once every number of shards has come, nothing is allocated any more.
  const ShardResult& run(std::uint64_t step, Index shards, FunctionRef<Index(Index)> first_sample, Body body);

  // The same without gradients, for evaluation; contexts are not in training.
  const ShardResult& evaluate(Index shards, Body body);

  // f(0) + f(1) + ... over all shards, each computed where the shard belongs.
  double add_up(Index shards, FunctionRef<double(Index)> f);

  // Runs what lies between two steps: its parallel_tasks() share the threads of the shards.
  void between(FunctionRef<void()> work);

  const Tensor& gradients() const { return gradients_; }
  Tensor& gradients() { return gradients_; }
  std::size_t peak_bytes() const;  // of all tapes
  void watch(bool on);             // see Tape::watch
  void use_matrix_units(bool on);  // see Tape::matrix_units
  // Shards run one after another and show it what they compute; null: no longer.
  void observe(Profile* profile);

 private:
  struct Worker;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  Tensor gradients_;
};

}  // namespace tempera
