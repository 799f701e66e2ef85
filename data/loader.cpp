#include "data/loader.h"

#include <atomic>
#include <exception>
#include <tbb/task_arena.h>
#include <vector>

#include "core/handover.h"

namespace tempera {
namespace {

// waiting -> reading -> ready. Whoever moves a slot from waiting to reading, a task or next(), reads it.
enum Phase : int { waiting, reading, ready };

struct Slot {
  std::atomic<int> phase{ready};
  std::atomic<std::int64_t> step{-1};
  std::vector<std::int64_t> samples;
  Batch batch;
  std::exception_ptr error;
};

// Apart from the arena of the training step, so that a thread that waits for its shards never picks up a batch to read
// instead. One place is kept for callers, of which there are none: asking for a worker per core makes oneTBB complain.
tbb::task_arena& arena() {
  static tbb::task_arena shared(tbb::task_arena::automatic, 1);
  return shared;
}

}  // namespace

// Tasks hold it too: one that begins after the loader is gone finds its slot taken and leaves.
struct Loader::State {
  State(std::shared_ptr<const Dataset> s, const Sampler& order, const LoaderOptions& o)
      : set(std::move(s)), sampler(order), options(o), slots(static_cast<std::size_t>(o.depth) + 1), step(o.first) {}

  Slot& slot(std::int64_t n) { return slots[static_cast<std::size_t>(n) % slots.size()]; }

  // Fills the slot if it still waits for step n.
  void read(Slot& s, std::int64_t n) {
    int expected = waiting;
    if (s.step != n || !s.phase.compare_exchange_strong(expected, reading)) return;
    try {
      s.error = nullptr;
      sampler.samples(s.step, s.samples);
      std::span<const std::int64_t> samples = s.samples;
      if (options.rows) {
        const auto [first, last] = options.rows(std::ssize(samples));
        samples = samples.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
      }
      set->fill(samples, s.batch);
    } catch (...) {
      s.error = std::current_exception();
    }
    s.phase = ready;
    s.phase.notify_all();
  }

  std::shared_ptr<const Dataset> set;
  Sampler sampler;
  LoaderOptions options;
  std::vector<Slot> slots;  // the batch in the caller's hands and those read ahead
  std::int64_t step;
  std::int64_t asked = 0;  // steps before this one have a slot
};

Loader::Loader(std::shared_ptr<const Dataset> set, const Sampler& sampler, const LoaderOptions& options) {
  require(options.depth >= 0 && options.depth <= 1024, "Loader", "a depth in 0..1024 was wanted, not {}",
          options.depth);
  require(0 <= options.first && options.first <= options.last, "Loader", "steps [{}, {}) were asked for", options.first,
          options.last);
  state_ = std::make_shared<State>(std::move(set), sampler, options);
  state_->asked = options.first;
}

Loader::~Loader() {
  for (Slot& slot : state_->slots) {
    int expected = waiting;
    if (!slot.phase.compare_exchange_strong(expected, ready) && expected == reading) slot.phase.wait(reading);
  }
}

std::int64_t Loader::step() const {
  return state_->step;
}

bool Loader::done() const {
  return state_->step == state_->options.last;
}

const Batch& Loader::next() {
  State& s = *state_;
  require(!done(), "Loader", "all steps before {} have been given", s.options.last);
  const std::int64_t n = s.step;
  const std::int64_t ahead = s.options.last - n <= s.options.depth ? s.options.last : n + s.options.depth + 1;
  for (; s.asked < ahead; ++s.asked) {
    Slot& slot = s.slot(s.asked);
    slot.step = s.asked;
    slot.phase = waiting;
    if (s.asked == n) continue;
    hand_over();
    arena().enqueue([kept = state_, state = state_.get(), &slot, step = s.asked]() TEMPERA_COPIED_TASK {
      take_over();
      state->read(slot, step);
      hand_over();
    });
  }
  Slot& slot = s.slot(n);
  s.read(slot, n);
  slot.phase.wait(reading);
  if (slot.error) std::rethrow_exception(slot.error);
  ++s.step;
  return slot.batch;
}

}  // namespace tempera
