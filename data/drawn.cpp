#include "data/generated.h"

namespace tempera {

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
  source->train = part(train, rng.sub("train"));
  if (valid > 0) source->valid = part(valid, rng.sub("valid"));
  if (test > 0) source->test = part(test, rng.sub("test"));
  return source;
}

std::vector<Problem> DrawnSequencesOptions::problems() const {
  if (shortest <= longest) return {};
  return {{"shortest", fmt::format("{} exceeds longest, {}; lower it", shortest, longest)}};
}

std::size_t DrawnSequencesOptions::drawn_length(const Rng& draws) const {
  return static_cast<std::size_t>(shortest) + draws.below(0, static_cast<std::uint64_t>(longest - shortest + 1));
}

}  // namespace tempera
