// Which part of a set a sample belongs to.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"

namespace tempera {

struct Split {
  std::vector<std::int32_t> train, valid, test;  // ascending
};

// Each sample draws its part by itself: u = uniform(seed, i); test where u < test, valid where u < test + valid, else
// train. So the sizes are near the fractions, not equal to them, and a set that grows keeps every sample where it was.
// Throws Error unless the fractions are in [0, 1] and their sum too, or where a part of positive fraction gets no
// sample.
Split split(std::int64_t size, double valid, double test, std::uint64_t seed);

// Samples `part` of `whole`; null for an empty part.
std::shared_ptr<const Dataset> subset(const std::shared_ptr<const Dataset>& whole, std::vector<std::int32_t> part);

}  // namespace tempera
