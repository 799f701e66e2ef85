#include "train/continual/replay_buffer.h"

#include <cstring>
#include <vector>

namespace tempera {
namespace {

class Reservoir final : public ReplayBuffer {
 public:
  using ReplayBuffer::ReplayBuffer;

 protected:
  Index choose(std::int64_t n, std::int32_t, const Rng& draws) override {
    const auto slot = static_cast<Index>(draws.below(0, static_cast<std::uint64_t>(n) + 1));
    return slot < room() ? slot : -1;
  }
};

class Balanced final : public ReplayBuffer {
 public:
  using ReplayBuffer::ReplayBuffer;

 protected:
  Index choose(std::int64_t, std::int32_t label, const Rng& draws) override {
    kept_.assign(static_cast<std::size_t>(classes()), 0);
    for (Index slot = 0; slot < room(); ++slot) ++kept_[static_cast<std::size_t>(this->label(slot))];
    const Index most = *std::max_element(kept_.begin(), kept_.end());
    std::int32_t largest = -1;
    for (std::int32_t c = 0; c < classes(); ++c)
      if (kept_[static_cast<std::size_t>(c)] == most) {
        mark(c);
        if (largest < 0) largest = c;
      }
    if (!marked(label)) return one_of(largest, most, draws);
    const Index own = kept_[static_cast<std::size_t>(label)];
    if (draws.uniform(1) * offered(label) >= static_cast<double>(own)) return -1;
    return one_of(label, own, draws);
  }

 private:
  // Any of the `count` slots of that class.
  Index one_of(std::int32_t wanted, Index count, const Rng& draws) const {
    auto left = static_cast<Index>(draws.below(0, static_cast<std::uint64_t>(count)));
    for (Index slot = 0;; ++slot)
      if (label(slot) == wanted && left-- == 0) return slot;
  }

  std::vector<Index> kept_;  // of each class
};

Index checked_room(std::int64_t size) {
  require(size >= 0, "replay buffer", "room for {} samples was asked for; 0 is the least", size);
  return size;
}

}  // namespace

ReplayBuffer::ReplayBuffer(std::int64_t size, Index classes, bool logits, DType dtype, const Rng& rng)
    : room_(checked_room(size)),
      classes_(classes),
      samples_(Tensor::zeros({room_}, DType::int32)),
      labels_(Tensor::zeros({room_}, DType::int32)),
      logits_(logits ? Tensor::zeros({room_, classes}, dtype) : Tensor()),
      counts_(Tensor::zeros({1 + 2 * classes}, DType::float64)),
      rng_(rng) {}

void ReplayBuffer::offer(std::int32_t sample, std::int32_t label, const Tensor& logits, Index row) {
  if (room_ == 0 || label < 0) return;  // a sample without a class teaches nothing again
  const std::int64_t n = offered();
  counts_.set(0, static_cast<double>(n + 1));
  counts_.set(1 + label, offered(label) + 1);
  const Index slot = n < room_ ? n : choose(n, label, rng_.at_step(static_cast<std::uint64_t>(n)));
  if (slot < 0) return;
  samples_.data<std::int32_t>()[slot] = sample;
  labels_.data<std::int32_t>()[slot] = label;
  if (logits_.defined()) logits_.rows(slot, 1).copy_from(logits.rows(row, 1));
}

void ReplayBuffer::copy_logits(Index slot, Tensor& to, Index row) const {
  to.rows(row, 1).copy_from(logits_.rows(slot, 1));
}

Learner::State ReplayBuffer::state() const {
  if (room_ == 0) return {};
  Learner::State state{{"buffer.samples", samples_}, {"buffer.labels", labels_}, {"buffer.counts", counts_}};
  if (logits_.defined()) state.emplace_back("buffer.logits", logits_);
  return state;
}

std::unique_ptr<ReplayBuffer> make_replay_buffer(std::string_view selection, std::int64_t size, Index classes,
                                                 bool logits, DType dtype, const Rng& rng) {
  if (selection == "balanced") return std::make_unique<Balanced>(size, classes, logits, dtype, rng);
  require(selection == "reservoir", "replay buffer", "selection '{}' is not known; reservoir and balanced are",
          selection);
  return std::make_unique<Reservoir>(size, classes, logits, dtype, rng);
}

}  // namespace tempera
