// Memory that is only ever taken from the top and given back all at once: for the small records of a step.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tempera {

class Bump {
 public:
  struct Mark {
    std::size_t chunk = 0, offset = 0;
  };

  // Lives until rewind() below it; destructors are the caller's business. alignment <= 64.
  void* allocate(std::size_t bytes, std::size_t alignment);
  Mark mark() const { return top_; }
  // Gives back everything allocated since; the chunks are kept for reuse.
  void rewind(Mark mark) { top_ = mark; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  struct Chunk {
    std::unique_ptr<std::byte[], Free> memory;
    std::size_t bytes = 0;
  };
  std::vector<Chunk> chunks_;
  Mark top_;
};

}  // namespace tempera
