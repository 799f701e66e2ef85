#include <algorithm>
#include <cmath>

#include "data/recall.h"
#include "data/sequences.h"

namespace tempera {
namespace {

// Draws without putting back, each in proportion to its weight: the order of log(u_g) / weight_g, the largest first
// (Efraimidis & Spirakis 2006, "Weighted random sampling with a reservoir").
std::vector<std::int32_t> draw_gaps(const AssociativeRecallDataOptions& o, const Rng& draws) {
  std::vector<std::pair<double, std::int32_t>> places;
  for (std::int32_t g = 0; g < (o.length - 2 * o.pairs) / 2; ++g) {
    const double u = 1 - draws.uniform(static_cast<std::uint64_t>(g));  // in (0, 1]
    places.emplace_back(std::log(u) * std::pow(g + 1, 1 - o.power), g);
  }
  std::partial_sort(places.begin(), places.begin() + o.pairs, places.end(), std::greater<>());
  std::vector<std::int32_t> gaps;
  for (int i = 0; i < o.pairs; ++i) gaps.push_back(places[static_cast<std::size_t>(i)].second);
  return gaps;
}

void draw_recall(const AssociativeRecallDataOptions& o, const Rng& draws, Batch& out, Index row) {
  const int half = o.vocabulary / 2;
  const std::vector<std::int32_t> keys = draw_distinct(draws.sub("keys"), 0, o.pairs, half - 1),
                                  values = draw_distinct(draws.sub("values"), 0, o.pairs, o.vocabulary - half),
                                  gaps = draw_gaps(o, draws.sub("gaps"));
  std::int32_t* read = out.inputs.data<std::int32_t>() + row * o.length;
  std::int32_t* said = out.targets.data<std::int32_t>() + row * o.length;
  std::fill_n(said, o.length, -1);
  const Rng fillers = draws.sub("filler");
  for (int i = 0; i < o.length; ++i)
    read[i] = o.filler == "zero" ? 0
                                 : static_cast<std::int32_t>(fillers.below(static_cast<std::uint64_t>(i),
                                                                           static_cast<std::uint64_t>(o.vocabulary)));
  for (int i = 0; i < o.pairs; ++i) {
    const auto pair = static_cast<std::size_t>(i);
    const int again = 2 * o.pairs + 2 * gaps[pair];
    read[2 * i] = read[again] = keys[pair] + 1;
    read[2 * i + 1] = said[again] = values[pair] + half;
  }
}

}  // namespace

void AssociativeRecallDataOptions::describe(Fields& f) {
  f("length", length, "tokens of a sample", between(4, 1 << 20));
  f("pairs", pairs, "keys with values, each of which is asked for once", at_least(1));
  f("vocabulary", vocabulary, "tokens: filler and keys in its lower half, values in its upper", between(4, 1 << 20));
  f("power", power, "how soon keys are asked for: near 0 soon, 1 anywhere", between(0, 1));
  f("filler", filler, "what stands elsewhere: token 0, or any token", one_of({"zero", "any"}));
  describe_parts(f);
}

std::vector<Problem> AssociativeRecallDataOptions::problems() const {
  std::vector<Problem> found;
  if (4 * pairs > length)
    found.push_back({"pairs", fmt::format("{} pairs and as many questions take {} tokens, but length is {}; lower it",
                                          pairs, 4 * pairs, length)});
  if (pairs > vocabulary / 2 - 1)
    found.push_back({"vocabulary", fmt::format("{} tokens have {} keys, fewer than {} pairs; raise it", vocabulary,
                                               vocabulary / 2 - 1, pairs)});
  return found;
}

std::unique_ptr<DataSource> AssociativeRecallDataOptions::make() const {
  for (const Problem& problem : problems()) fail("associative_recall", "{}: {}", problem.key, problem.message);
  const Description description{.inputs = {length},
                                .input_type = DType::int32,
                                .targets = {length},
                                .vocabulary = vocabulary,
                                .classes = vocabulary};
  return make_parts(
      Task::language_model, "data/associative_recall", [&](std::string_view, std::int64_t size, const Rng& rng) {
        return std::make_shared<DrawnSet>(size, description, rng, [o = *this](const Rng& draws, Batch& out, Index row) {
          draw_recall(o, draws, out, row);
        });
      });
}

}  // namespace tempera
