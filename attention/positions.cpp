#include "attention/positions.h"

#include <cmath>

#include "attention/biases/alibi.h"
#include "attention/biases/bucket_bias.h"
#include "core/kind_of.h"

namespace tempera {
namespace {

struct RopePositions : PositionOptions {
  double base = 10000;
  double fraction = 1;

  void describe(Fields& f) override {
    f("base", base, "of the wave lengths: pair t turns by base^(-2 t / width) a token", above(0));
    f("fraction", fraction, "of the head's width that is rotated, rounded down to whole pairs", between(0, 1));
  }
  std::optional<RopeOptions> rotation(Index width) const override {
    const auto pairs = static_cast<Index>(std::floor(fraction * static_cast<double>(width) / 2));
    if (pairs == 0) return std::nullopt;
    return RopeOptions{.base = base, .width = 2 * pairs};
  }
};

AlibiSlopes slopes_named(std::string_view name) {
  return name == "balanced" ? AlibiSlopes::balanced : name == "growing" ? AlibiSlopes::growing : AlibiSlopes::falling;
}

void describe_slopes(Fields& f, std::string& slopes) {
  f("slopes", slopes, "near keys are favoured, far ones, or both by one half of the heads each",
    one_of({"falling", "balanced", "growing"}));
}

struct AlibiPositions : PositionOptions {
  std::string slopes = "falling";

  void describe(Fields& f) override { describe_slopes(f, slopes); }
  std::unique_ptr<ScoreBias> bias(Index heads, bool) const override {
    return std::make_unique<Alibi>(heads, slopes_named(slopes));
  }
};

struct RopeAlibiPositions : RopePositions {
  std::string slopes = "balanced";

  void describe(Fields& f) override {
    RopePositions::describe(f);
    describe_slopes(f, slopes);
  }
  std::unique_ptr<ScoreBias> bias(Index heads, bool) const override {
    return std::make_unique<Alibi>(heads, slopes_named(slopes));
  }
};

struct BucketPositions : PositionOptions {
  int buckets = 32;
  int max_distance = 128;

  void describe(Fields& f) override {
    f("buckets", buckets, "of distances; half of them for either side where attention is not causal", at_least(2));
    f("max_distance", max_distance, "from which on all distances share a bucket", at_least(2));
  }
  std::unique_ptr<ScoreBias> bias(Index heads, bool causal) const override {
    return std::make_unique<BucketBias>(heads, buckets, max_distance, causal);
  }
};

constexpr Kind kKinds[] = {
    kind_of<PositionOptions>("none", "no positions here"),
    kind_of<RopePositions>("rope", "queries and keys are rotated by their position"),
    kind_of<AlibiPositions>("alibi", "scores fall linearly with distance, at a fixed slope per head"),
    kind_of<RopeAlibiPositions>("rope_alibi", "both: rotations, and slopes that may be balanced"),
    kind_of<BucketPositions>("t5", "a learned number per head and bucket of distances is added to the scores"),
};

}  // namespace

std::span<const Kind> position_kinds() {
  return kKinds;
}

}  // namespace tempera
