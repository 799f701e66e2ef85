#include "attention/visibility.h"

namespace tempera {

void Visibility::check(Index batch, Index keys, std::string_view who) const {
  require(window >= 0 && prefix >= 0 && start >= 0 && key_start >= 0, who,
          "window {}, prefix {}, start {}, key_start {} came; none may be negative", window, prefix, start, key_start);
  if (!lengths.defined()) return;
  require(lengths.dtype() == DType::int32 && lengths.shape() == Shape{batch}, who,
          "the lengths are {}; int32 [{}] was wanted, one for each sequence", lengths, batch);
  const std::int32_t* length = lengths.data<std::int32_t>();
  for (Index b = 0; b < batch; ++b)
    require(length[b] >= 0 && length[b] <= key_start + keys, who,
            "length {} of sequence {} is outside [0, {}], the count of keys", length[b], b, key_start + keys);
}

}  // namespace tempera
