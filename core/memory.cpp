#include "core/memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <new>
#include <utility>

namespace tempera {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr int kStepsPerDoubling = 8;
constexpr int kClasses = 40 * kStepsPerDoubling;

struct SizeClass {
  int index;
  std::size_t bytes;
};

// Class i covers up to (8 + i % 8) * 2^(i / 8) lines of 64 bytes; the first classes are single lines.
SizeClass size_class(std::size_t bytes) {
  const std::size_t lines = std::max<std::size_t>(1, bytes / kAlignment + (bytes % kAlignment != 0));
  if (lines <= kStepsPerDoubling) return {static_cast<int>(lines) - 1, lines * kAlignment};
  const int shift = static_cast<int>(std::bit_width(lines - 1)) - 4;
  const std::size_t step = std::size_t{1} << shift;
  const std::size_t rounded = (lines + step - 1) / step;  // in (8, 16]
  const int index = (shift + 1) * kStepsPerDoubling + static_cast<int>(rounded) - kStepsPerDoubling - 1;
  if (index >= kClasses) throw std::bad_alloc();
  return {index, rounded * step * kAlignment};
}

detail::Block* new_block(std::size_t bytes) {
  if (bytes > SIZE_MAX - sizeof(detail::Block)) throw std::bad_alloc();
  void* memory = ::operator new (sizeof(detail::Block) + bytes, std::align_val_t{kAlignment});
  auto* block = new (memory) detail::Block();
  block->bytes = bytes;
  return block;
}

void delete_block(detail::Block* block) {
  block->~Block();
  ::operator delete (block, std::align_val_t{kAlignment});
}

}  // namespace

struct Pool::State {
  mutable std::mutex mutex;
  std::array<detail::Block*, kClasses> free{};
  std::size_t live = 0, peak = 0, reserved = 0;
};

Pool::Pool() : state_(std::make_unique<State>()) {}

Pool::~Pool() {
  trim();
}

Storage Pool::allocate(const std::shared_ptr<Pool>& pool, std::size_t bytes) {
  const SizeClass wanted = size_class(bytes);
  State& state = *pool->state_;
  detail::Block* block = nullptr;
  {
    const std::lock_guard lock(state.mutex);
    block = std::exchange(state.free[static_cast<std::size_t>(wanted.index)], nullptr);
    if (block) state.free[static_cast<std::size_t>(wanted.index)] = std::exchange(block->next, nullptr);
  }
  if (!block) {
    block = new_block(wanted.bytes);
    block->size_class = wanted.index;
    const std::lock_guard lock(state.mutex);
    state.reserved += wanted.bytes;
  }
  block->pool = pool;
  const std::lock_guard lock(state.mutex);
  state.live += block->bytes;
  state.peak = std::max(state.peak, state.live);
  return Storage(block);
}

void Pool::give_back(detail::Block* block) {
  const std::lock_guard lock(state_->mutex);
  state_->live -= block->bytes;
  auto& head = state_->free[static_cast<std::size_t>(block->size_class)];
  block->next = head;
  head = block;
}

std::size_t Pool::live_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->live;
}

std::size_t Pool::peak_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->peak;
}

std::size_t Pool::reserved_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->reserved;
}

void Pool::reset_peak() {
  const std::lock_guard lock(state_->mutex);
  state_->peak = state_->live;
}

void Pool::trim() {
  const std::lock_guard lock(state_->mutex);
  for (detail::Block*& head : state_->free)
    while (head) {
      detail::Block* block = std::exchange(head, head->next);
      state_->reserved -= block->bytes;
      delete_block(block);
    }
}

Storage Storage::on_heap(std::size_t bytes) {
  return Storage(new_block(size_class(bytes).bytes));
}

void Storage::release() {
  detail::Block* block = std::exchange(block_, nullptr);
  if (!block || block->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  // The block may hold the last handle to its pool, so the handle outlives the return.
  if (const std::shared_ptr<Pool> pool = std::move(block->pool)) pool->give_back(block);
  else delete_block(block);
}

}  // namespace tempera
