#include <numeric>

#include "data/generated.h"

namespace tempera {

std::vector<std::int32_t> draw_distinct(const Rng& draws, std::uint64_t first, int count, int of) {
  require(count >= 0 && count <= of, "draw_distinct", "{} distinct numbers of {} were asked for", count, of);
  std::vector<std::int32_t> all(static_cast<std::size_t>(of));
  std::iota(all.begin(), all.end(), 0);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t other = draws.below(first + static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(of - i));
    std::swap(all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>(i) + other]);
  }
  all.resize(static_cast<std::size_t>(count));
  return all;
}

void DrawnDataOptions::describe_parts(Fields& f) {
  f("train", train, "samples to train on", between(1, 2147483647));
  f("valid", valid, "samples for validation", between(0, 2147483647));
  f("test", test, "samples for the test", between(0, 2147483647));
  f("seed", seed, "decides every sample");
}

std::unique_ptr<DataSource> DrawnDataOptions::make_parts(Task task, std::string_view stream,
                                                         const MakePart& part) const {
  const Rng rng(seed, stream);
  auto source = std::make_unique<DataSource>();
  source->task = task;
  const auto make = [&](std::string_view name, std::int64_t size) {
    return size > 0 ? part(name, size, rng.sub(name)) : nullptr;
  };
  source->train = make("train", train);
  source->valid = make("valid", valid);
  source->test = make("test", test);
  return source;
}

std::vector<Problem> DrawnSequencesOptions::problems() const {
  if (shortest <= longest) return {};
  return {{"shortest", fmt::format("{} exceeds longest, {}; lower it", shortest, longest)}};
}

std::size_t DrawnSequencesOptions::drawn_length(const Rng& draws) const {
  return static_cast<std::size_t>(shortest) + draws.below(0, static_cast<std::uint64_t>(longest - shortest) + 1);
}

}  // namespace tempera
