// Memory for tensors: 64-byte aligned blocks, counted references, and a pool that keeps what is returned.
//
// A Pool hands out blocks rounded up to size classes (eight per power of two, so at most 12.5 % is lost) and
// keeps returned blocks for the next request of the class. After the first step of a training loop every
// request is served from what the step before returned: steady state touches no heap.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tempera {

class Pool;

namespace detail {

// Stands in front of the bytes it owns; exactly one cache line.
struct alignas(64) Block {
  std::atomic<std::int64_t> references{0};
  std::shared_ptr<Pool> pool;  // empty: plain heap memory, or lying in the pool's free list
  Block* next = nullptr;       // in the free list
  std::size_t bytes = 0;       // usable bytes, a multiple of 64
  int size_class = -1;

  std::byte* data() { return reinterpret_cast<std::byte*>(this) + sizeof(Block); }
};
static_assert(sizeof(Block) == 64);

}  // namespace detail

// A counted reference to a block. Copies share it; the last one gives it back. Counting is atomic: several
// tapes on several threads may read one parameter.
class Storage {
 public:
  Storage() = default;
  Storage(const Storage& other) : Storage(other.block_) {}
  Storage(Storage&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Storage& operator=(Storage other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Storage() { release(); }

  // Plain heap memory that belongs to no pool.
  static Storage on_heap(std::size_t bytes);

  std::byte* data() const { return block_ ? block_->data() : nullptr; }
  std::size_t bytes() const { return block_ ? block_->bytes : 0; }
  std::int64_t references() const { return block_ ? block_->references.load() : 0; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  friend class Pool;
  explicit Storage(detail::Block* block) : block_(block) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void release();

  detail::Block* block_ = nullptr;
};

// Thread-safe. Lives, through the handle, until its owner and its last block are gone.
class Pool {
 public:
  Pool();
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // At least `bytes` bytes, 64-byte aligned, contents undefined. Throws std::bad_alloc.
  static Storage allocate(const std::shared_ptr<Pool>& pool, std::size_t bytes);

  std::size_t live_bytes() const;      // handed out now
  std::size_t peak_bytes() const;      // largest live_bytes() since construction or reset_peak()
  std::size_t reserved_bytes() const;  // taken from the system
  void reset_peak();
  void trim();  // gives every unused block back to the system

 private:
  friend class Storage;
  struct State;
  void give_back(detail::Block* block);
  std::unique_ptr<State> state_;
};

}  // namespace tempera
