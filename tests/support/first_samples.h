// The first samples of a set as one batch.
#pragma once

#include <numeric>

#include "data/dataset.h"

namespace tempera {

inline Batch first_of(const Dataset& set, std::int64_t count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), 0);
  Batch batch;
  set.fill(ids, batch);
  return batch;
}

}  // namespace tempera
