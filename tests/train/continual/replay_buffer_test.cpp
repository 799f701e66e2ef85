#include "train/continual/replay_buffer.h"

#include <map>
#include <set>

#include "tests/support/twins.h"

using namespace tempera;

namespace {

std::unique_ptr<ReplayBuffer> buffer(std::string_view selection, std::int64_t size, std::uint64_t seed,
                                     bool logits = false) {
  return make_replay_buffer(selection, size, 4, logits, DType::float64, Rng(seed, "test"));
}

}  // namespace

TEST_CASE("a reservoir keeps each sample with the same probability", "[continual][replay_buffer]") {
  constexpr int kSeeds = 2000, kOffered = 30, kRoom = 6;
  std::map<std::int32_t, int> kept;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const auto all = buffer("reservoir", kRoom, static_cast<std::uint64_t>(seed));
    for (std::int32_t i = 0; i < kOffered; ++i) all->offer(i, i % 4, Tensor(), 0);
    std::set<std::int32_t> distinct;
    for (Index slot = 0; slot < all->size(); ++slot) {
      ++kept[all->sample(slot)];
      distinct.insert(all->sample(slot));
      CHECK(all->label(slot) == all->sample(slot) % 4);
    }
    REQUIRE(distinct.size() == kRoom);
  }
  // Binomial with p = 6 / 30: five deviations either way, so that 30 of them stay within but once in 60,000.
  const double mean = kSeeds * 0.2, deviation = std::sqrt(kSeeds * 0.2 * 0.8);
  for (std::int32_t i = 0; i < kOffered; ++i) CHECK(std::abs(kept[i] - mean) < 5 * deviation);
}

TEST_CASE("a balanced buffer holds as many of each class, however rare", "[continual][replay_buffer]") {
  const auto all = buffer("balanced", 12, 3);
  const auto plain = buffer("reservoir", 12, 3);
  std::int32_t sample = 0;
  const auto come = [&](std::int32_t label, int times) {
    for (int i = 0; i < times; ++i, ++sample) {
      all->offer(sample, label, Tensor(), 0);
      plain->offer(sample, label, Tensor(), 0);
    }
  };
  come(0, 500);
  come(1, 4);
  come(2, 300);
  come(3, 2);
  const auto count = [](const ReplayBuffer& of) {
    std::vector<int> counts(4);
    for (Index slot = 0; slot < of.size(); ++slot) ++counts[static_cast<std::size_t>(of.label(slot))];
    return counts;
  };
  const std::vector<int> counts = count(*all);
  CHECK(counts[3] == 2);  // all there were
  CHECK(counts[1] >= 3);
  CHECK(std::abs(counts[0] - counts[2]) <= 1);
  CHECK(count(*plain)[1] + count(*plain)[3] <= 2);  // the check can fail
}

TEST_CASE("logits are kept with their samples, and the state goes on", "[continual][replay_buffer]") {
  for (const char* selection : {"reservoir", "balanced"}) {
    const Tensor logits = random_tensor({40, 4}, 1);
    const auto whole = buffer(selection, 5, 7, true);
    for (std::int32_t i = 0; i < 40; ++i) whole->offer(i, i * i % 4, logits, i);
    for (const std::int32_t cut : {0, 3, 5, 17, 40}) {
      const auto first = buffer(selection, 5, 7, true), second = buffer(selection, 5, 7, true);
      for (std::int32_t i = 0; i < cut; ++i) first->offer(i, i * i % 4, logits, i);
      const Learner::State from = first->state(), to = second->state();
      for (std::size_t i = 0; i < to.size(); ++i) Tensor(to[i].second).copy_from(from[i].second);
      CHECK(second->size() == std::min(cut, 5));
      for (std::int32_t i = cut; i < 40; ++i) second->offer(i, i * i % 4, logits, i);
      for (Index slot = 0; slot < 5; ++slot) {
        CHECK(second->sample(slot) == whole->sample(slot));
        Tensor row = Tensor::zeros({1, 4}, DType::float64);
        second->copy_logits(slot, row, 0);
        CHECK(row.to_vector() == logits.rows(whole->sample(slot), 1).to_vector());
      }
    }
  }
}

TEST_CASE("a buffer without room keeps nothing", "[continual][replay_buffer]") {
  const auto none = buffer("reservoir", 0, 1);
  none->offer(1, 2, Tensor(), 0);
  CHECK(none->size() == 0);
  CHECK(none->state().empty());
  CHECK(error_of([] { buffer("reservoir", -1, 1); }) ==
        "replay buffer: room for -1 samples was asked for; 0 is the least");
  CHECK(error_of([] { buffer("newest", 1, 1); }) ==
        "replay buffer: selection 'newest' is not known; reservoir and balanced are");
}
