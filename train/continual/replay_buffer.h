// A memory of a few samples of a stream.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

#include "core/random.h"
#include "train/learner.h"

namespace tempera {

// Kept are the index of each sample in its set, its class, and where wanted the logits that the model gave it then.
// What becomes of the n-th sample that is offered is a function of the random stream, n, and what is kept.
class ReplayBuffer {
 public:
  // Room for `size` >= 0 samples of `classes` classes; with their logits [classes] of `dtype` where `logits`.
  ReplayBuffer(std::int64_t size, Index classes, bool logits, DType dtype, const Rng& rng);
  virtual ~ReplayBuffer() = default;

  // Takes the sample in, or does not. logits [B, classes], of which `row` is the sample's; looked at where they are
  // kept.
  void offer(std::int32_t sample, std::int32_t label, const Tensor& logits, Index row);

  Index size() const { return std::min(room_, static_cast<Index>(offered())); }
  Index room() const { return room_; }
  std::int32_t sample(Index slot) const { return samples_.data<std::int32_t>()[slot]; }
  std::int32_t label(Index slot) const { return labels_.data<std::int32_t>()[slot]; }
  void copy_logits(Index slot, Tensor& to, Index row) const;  // to [.., classes]

  // Samples and all that decides about further ones.
  Learner::State state() const;

 protected:
  // Where sample number `n` (from 0) goes, none being free; -1: nowhere. `draws` are its own.
  virtual Index choose(std::int64_t n, std::int32_t label, const Rng& draws) = 0;
  std::int64_t offered() const { return static_cast<std::int64_t>(counts_.at(0)); }
  // Of a class: how many were offered, and whether it is marked.
  double offered(std::int32_t label) const { return counts_.at(1 + label); }
  bool marked(std::int32_t label) const { return counts_.at(1 + classes_ + label) != 0; }
  void mark(std::int32_t label) { counts_.set(1 + classes_ + label, 1); }
  Index classes() const { return classes_; }

 private:
  Index room_, classes_;
  Tensor samples_, labels_;  // int32 [size]
  Tensor logits_;            // [size, classes]
  Tensor counts_;            // float64 [1 + 2 classes]: offered in all, of each class; marks of the classes
  Rng rng_;
};

// reservoir  with n offered before, a full buffer draws r in 0 .. n and replaces slot r where there is one: after n
//            samples each is kept with probability size / n (Vitter 1985, "Random sampling with a reservoir").
// balanced   a class that has ever been the most frequent here is full. A sample of a class that is not replaces one of
//            the most frequent class; of one that is, one of its own, with probability kept / offered of that class
//            (Chrysakis & Moens 2020, "Online continual learning from imbalanced data").
std::unique_ptr<ReplayBuffer> make_replay_buffer(std::string_view selection, std::int64_t size, Index classes,
                                                 bool logits, DType dtype, const Rng& rng);

}  // namespace tempera
