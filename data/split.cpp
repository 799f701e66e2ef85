#include "data/split.h"

#include "core/random.h"

namespace tempera {

Split split(std::int64_t size, double valid, double test, std::uint64_t seed) {
  require(valid >= 0 && test >= 0 && valid + test <= 1, "split",
          "parts of {} and {} were asked for; fractions that sum to at most 1 were wanted", valid, test);
  Split parts;
  const Rng rng(seed, "data/split");
  for (std::int64_t i = 0; i < size; ++i) {
    const double u = rng.uniform(static_cast<std::uint64_t>(i));
    (u < test ? parts.test : u < test + valid ? parts.valid : parts.train).push_back(static_cast<std::int32_t>(i));
  }
  const auto check = [&](const char* name, double fraction, const std::vector<std::int32_t>& part) {
    require(fraction <= 0 || !part.empty(), "split",
            "none of {} samples fell into the {} part of {}; enlarge the part or the set", size, name, fraction);
  };
  check("training", 1 - valid - test, parts.train);
  check("validation", valid, parts.valid);
  check("test", test, parts.test);
  return parts;
}

std::shared_ptr<const Dataset> subset(const std::shared_ptr<const Dataset>& whole, std::vector<std::int32_t> part) {
  if (part.empty()) return nullptr;
  return std::make_shared<Subset>(whole, std::move(part));
}

}  // namespace tempera
