#include <algorithm>

#include "data/recall.h"

namespace tempera {
namespace {

constexpr int kMost = 1 << 16;

// Keys by draws 1 .., values behind them. What asks has a part of the row of its own.
class PairRows {
 public:
  PairRows(const PairRecallDataOptions& o, const Rng& draws) : o_(o), width_(2 * o.keys + o.values) {
    keys_ = draw_distinct(draws, 1, o.pairs, o.keys);
    const auto behind = static_cast<std::uint64_t>(o.pairs) + 1;
    for (std::size_t i = 0; i < keys_.size(); ++i)
      values_.push_back(static_cast<std::int32_t>(draws.below(behind + i, static_cast<std::uint64_t>(o.values))));
  }

  std::int32_t value(std::size_t pair) const { return values_[pair]; }
  void put_pairs(float* to) const {
    for (std::size_t i = 0; i < keys_.size(); ++i, to += width_) {
      std::fill(to, to + width_, 0.0f);
      to[keys_[i]] = to[o_.keys + values_[i]] = 1;
    }
  }
  void put_question(std::size_t pair, float* to) const {
    std::fill(to, to + width_, 0.0f);
    to[o_.keys + o_.values + keys_[pair]] = 1;
  }
  Index width() const { return width_; }

 private:
  const PairRecallDataOptions& o_;
  Index width_;
  std::vector<std::int32_t> keys_, values_;
};

}  // namespace

void PairRecallDataOptions::describe(Fields& f) {
  f("pairs", pairs, "keys that a sample shows, each with its value", between(1, kMost));
  f("keys", keys, "kinds of keys", between(1, kMost));
  f("values", values, "kinds of values", between(2, kMost));
  describe_parts(f);
}

std::vector<Problem> PairRecallDataOptions::problems() const {
  if (pairs <= keys) return {};
  return {{"pairs", fmt::format("{} distinct keys of {} cannot be shown; lower it or raise keys", pairs, keys)}};
}

std::unique_ptr<DataSource> PairRecallDataOptions::make() const {
  const Description description{.inputs = {pairs + 1, 2 * keys + values}, .classes = values};
  const auto draw = [o = *this](const Rng& draws, Batch& out, Index row) {
    const PairRows pairs_of(o, draws);
    const std::uint64_t asked = draws.below(0, static_cast<std::uint64_t>(o.pairs));
    float* to = out.inputs.data<float>() + row * (o.pairs + 1) * pairs_of.width();
    pairs_of.put_pairs(to);
    pairs_of.put_question(asked, to + o.pairs * pairs_of.width());
    out.targets.data<std::int32_t>()[row] = pairs_of.value(asked);
  };
  return make_parts(Task::classification, "data/pair_recall", [&](std::string_view, std::int64_t size, const Rng& rng) {
    return std::make_shared<DrawnSet>(size, description, rng, draw);
  });
}

std::unique_ptr<DataSource> FusedRecallDataOptions::make() const {
  const Description description{.inputs = {2 * pairs, 2 * keys + values}, .targets = {2 * pairs}, .classes = values};
  const auto draw = [o = *this](const Rng& draws, Batch& out, Index row) {
    const PairRows pairs_of(o, draws);
    float* to = out.inputs.data<float>() + row * 2 * o.pairs * pairs_of.width();
    std::int32_t* said = out.targets.data<std::int32_t>() + row * 2 * o.pairs;
    pairs_of.put_pairs(to);
    std::fill_n(said, o.pairs, -1);
    const std::vector<std::int32_t> order = draws.sub("order").permutation(o.pairs);
    for (Index i = 0; i < o.pairs; ++i) {
      const auto pair = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
      pairs_of.put_question(pair, to + (o.pairs + i) * pairs_of.width());
      said[o.pairs + i] = pairs_of.value(pair);
    }
  };
  return make_parts(Task::language_model, "data/fused_recall",
                    [&](std::string_view, std::int64_t size, const Rng& rng) {
                      return std::make_shared<DrawnSet>(size, description, rng, draw);
                    });
}

}  // namespace tempera
