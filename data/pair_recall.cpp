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
  std::int32_t key(std::size_t pair) const { return keys_[pair]; }
  // One of the keys that are not shown, each as likely.
  std::int32_t absent_key(const Rng& draws) const {
    auto left = static_cast<std::int64_t>(draws.below(1, static_cast<std::uint64_t>(o_.keys - o_.pairs)));
    std::int32_t key = 0;
    while (shown(key) || left-- > 0) ++key;
    return key;
  }
  void put_question(std::int32_t key, float* to) const {
    std::fill(to, to + width_, 0.0f);
    to[o_.keys + o_.values + key] = 1;
  }
  Index width() const { return width_; }

 private:
  bool shown(std::int32_t key) const { return std::find(keys_.begin(), keys_.end(), key) != keys_.end(); }

  const PairRecallDataOptions& o_;
  Index width_;
  std::vector<std::int32_t> keys_, values_;
};

}  // namespace

void PairRecallDataOptions::describe_pairs(Fields& f) {
  f("pairs", pairs, "keys that a sample shows, each with its value", between(1, kMost));
  f("keys", keys, "kinds of keys", between(1, kMost));
  f("values", values, "kinds of values", between(2, kMost));
  describe_parts(f);
}

void PairRecallDataOptions::describe(Fields& f) {
  describe_pairs(f);
  f("unanswerable", unanswerable, "share of the test's questions whose key was not shown; their target is -1",
    between(0, 1));
}

std::vector<Problem> PairRecallDataOptions::problems() const {
  if (pairs > keys)
    return {{"pairs", fmt::format("{} distinct keys of {} cannot be shown; lower it or raise keys", pairs, keys)}};
  if (unanswerable > 0 && pairs == keys)
    return {{"unanswerable",
             fmt::format("all {} keys are shown, none is left to ask for; set it to 0, or raise keys", keys)}};
  return {};
}

std::unique_ptr<DataSource> PairRecallDataOptions::make() const {
  const Description description{.inputs = {pairs + 1, 2 * keys + values}, .classes = values};
  const auto draw = [o = *this](double unanswered, const Rng& draws, Batch& out, Index row) {
    const PairRows pairs_of(o, draws);
    const std::uint64_t asked = draws.below(0, static_cast<std::uint64_t>(o.pairs));
    float* to = out.inputs.data<float>() + row * (o.pairs + 1) * pairs_of.width();
    pairs_of.put_pairs(to);
    const Rng other = draws.sub("unanswerable");
    const bool known = other.uniform(0) >= unanswered;
    const std::int32_t key = known ? pairs_of.key(asked) : pairs_of.absent_key(other);
    pairs_of.put_question(key, to + o.pairs * pairs_of.width());
    out.targets.data<std::int32_t>()[row] = known ? pairs_of.value(asked) : -1;
  };
  return make_parts(
      Task::classification, "data/pair_recall", [&](std::string_view part, std::int64_t size, const Rng& rng) {
        const auto draw_part = [draw, share = part == "test" ? unanswerable : 0](
                                   const Rng& draws, Batch& out, Index row) { draw(share, draws, out, row); };
        return std::make_shared<DrawnSet>(size, description, rng, draw_part);
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
      pairs_of.put_question(pairs_of.key(pair), to + (o.pairs + i) * pairs_of.width());
      said[o.pairs + i] = pairs_of.value(pair);
    }
  };
  return make_parts(Task::language_model, "data/fused_recall",
                    [&](std::string_view, std::int64_t size, const Rng& rng) {
                      return std::make_shared<DrawnSet>(size, description, rng, draw);
                    });
}

}  // namespace tempera
