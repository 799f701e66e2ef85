#include "core/bump.h"

#include <algorithm>
#include <new>

namespace tempera {
namespace {
constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::align_val_t kAlignment{64};
}  // namespace

void Bump::Free::operator()(std::byte* memory) const {
  ::operator delete(memory, kAlignment);
}

void* Bump::allocate(std::size_t bytes, std::size_t alignment) {
  for (; top_.chunk < chunks_.size(); top_ = {top_.chunk + 1, 0}) {
    const std::size_t start = (top_.offset + alignment - 1) / alignment * alignment;
    if (start + bytes > chunks_[top_.chunk].bytes) continue;
    top_.offset = start + bytes;
    return chunks_[top_.chunk].memory.get() + start;
  }
  const std::size_t size = std::max(bytes, kChunkBytes);
  chunks_.push_back(
      {std::unique_ptr<std::byte[], Free>(static_cast<std::byte*>(::operator new(size, kAlignment))), size});
  top_.offset = bytes;
  return chunks_.back().memory.get();
}

}  // namespace tempera
