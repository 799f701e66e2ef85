#include <algorithm>

#include "data/recall.h"

namespace tempera {
namespace {

// Pairs of places in the haystack, and those where the needle that is asked for may lie.
struct Slots {
  explicit Slots(const NeedleDataOptions& o)
      : all((o.length - 1) / 2),
        first(std::min(static_cast<int>(o.from * all), all - 1)),
        last(std::clamp(static_cast<int>(o.to * all), first + 1, all)) {}
  int all, first, last;
};

void draw_haystack(const NeedleDataOptions& o, const Rng& draws, Batch& out, Index row) {
  const Slots slots(o);
  const Rng hay = draws.sub("hay"), rng = draws.sub("values");
  const auto below = [](const Rng& from, std::uint64_t index, int count) {
    return static_cast<std::int32_t>(from.below(index, static_cast<std::uint64_t>(count)));
  };
  std::int32_t* read = out.inputs.data<std::int32_t>() + row * o.length;
  for (int i = 0; i < o.length; ++i) read[i] = o.values + o.keys + below(hay, static_cast<std::uint64_t>(i), o.fillers);
  const std::vector<std::int32_t> keys = draw_distinct(draws.sub("keys"), 0, o.needles, o.keys);
  // Needle 0 is asked for; the others take what slots it leaves.
  const int asked = slots.first + below(draws, 0, slots.last - slots.first);
  const std::vector<std::int32_t> others = draw_distinct(draws.sub("slots"), 0, o.needles - 1, slots.all - 1);
  std::int32_t* said = out.targets.data<std::int32_t>() + row * o.length;
  std::fill_n(said, o.length, -1);
  for (int i = 0; i < o.needles; ++i) {
    const int other = i == 0 ? asked : others[static_cast<std::size_t>(i - 1)];
    const int slot = i > 0 && other >= asked ? other + 1 : other;
    const std::int32_t value = below(rng, static_cast<std::uint64_t>(i), o.values);
    read[2 * slot] = o.values + keys[static_cast<std::size_t>(i)];
    read[2 * slot + 1] = value;
    if (i == 0) said[o.length - 1] = value;
  }
  read[o.length - 1] = o.values + keys[0];
}

}  // namespace

void NeedleDataOptions::describe(Fields& f) {
  f("length", length, "tokens of a sample, the question included", between(3, 1 << 20));
  f("needles", needles, "keys with values in the haystack, of which one is asked for", at_least(1));
  f("keys", keys, "kinds of keys", between(1, 1 << 16));
  f("values", values, "kinds of values", between(2, 1 << 16));
  f("fillers", fillers, "kinds of tokens of the haystack", between(1, 1 << 16));
  f("from", from, "share of the haystack before the needle that is asked for, at least", from_up_to(0, 1));
  f("to", to, "share of the haystack before the needle that is asked for, at most", between(0, 1));
  describe_parts(f);
}

std::vector<Problem> NeedleDataOptions::problems() const {
  std::vector<Problem> found;
  if (needles > keys)
    found.push_back(
        {"needles", fmt::format("{} needles need as many keys, but there are {}; lower it", needles, keys)});
  if (needles > (length - 1) / 2)
    found.push_back({"needles", fmt::format("{} needles and a question take {} tokens, but length is {}; lower it",
                                            needles, 2 * needles + 1, length)});
  if (from > to) found.push_back({"from", fmt::format("{} exceeds to, {}; lower it", from, to)});
  return found;
}

std::unique_ptr<DataSource> NeedleDataOptions::make() const {
  for (const Problem& problem : problems()) fail("needle", "{}: {}", problem.key, problem.message);
  const int vocabulary = values + keys + fillers;
  const Description description{.inputs = {length},
                                .input_type = DType::int32,
                                .targets = {length},
                                .vocabulary = vocabulary,
                                .classes = vocabulary};
  return make_parts(Task::language_model, "data/needle", [&](std::string_view, std::int64_t size, const Rng& rng) {
    return std::make_shared<DrawnSet>(size, description, rng, [o = *this](const Rng& draws, Batch& out, Index row) {
      draw_haystack(o, draws, out, row);
    });
  });
}

}  // namespace tempera
