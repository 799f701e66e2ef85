#include "data/latest_symbol.h"

namespace tempera {
namespace {

constexpr int kLongest = 1 << 20;

void draw_stream(const LatestSymbolDataOptions& o, const Rng& draws, Batch& out, Index row) {
  const Rng marks = draws.sub("marks"), kinds = draws.sub("kinds");
  std::int32_t* read = out.inputs.data<std::int32_t>() + row * o.length;
  std::int32_t* said = out.targets.data<std::int32_t>() + row * o.length;
  int last = 0;
  for (int i = 0; i < o.length; ++i) {
    const auto at = static_cast<std::uint64_t>(i);
    const bool symbol = i == 0 || marks.uniform(at) < o.share;
    const auto kind =
        static_cast<std::int32_t>(kinds.below(at, static_cast<std::uint64_t>(symbol ? o.symbols : o.fillers)));
    read[i] = symbol ? o.fillers + kind : kind;
    if (symbol) last = i;
    said[i] = i - last >= o.nearest && i - last <= o.farthest ? read[last] : -1;
  }
}

}  // namespace

void LatestSymbolDataOptions::describe(Fields& f) {
  f("length", length, "tokens of a sample", between(1, kLongest));
  f("symbols", symbols, "kinds of tokens that are asked for", between(2, 4096));
  f("fillers", fillers, "kinds of tokens that say nothing", between(1, 4096));
  f("share", share, "probability of a symbol", between(0, 1));
  f("nearest", nearest, "tokens back to the symbol, at least; others are not asked for", between(0, kLongest));
  f("farthest", farthest, "tokens back to the symbol, at most", between(0, kLongest));
  describe_parts(f);
}

std::vector<Problem> LatestSymbolDataOptions::problems() const {
  std::vector<Problem> found;
  if (nearest > farthest)
    found.push_back({"nearest", fmt::format("{} exceeds farthest, {}; lower it", nearest, farthest)});
  if (nearest >= length)
    found.push_back({"nearest", fmt::format("no symbol is {} tokens back in {} tokens; lower it", nearest, length)});
  if (nearest > 0 && share == 1) found.push_back({"share", "every token is a symbol, none is farther back; lower it"});
  return found;
}

std::unique_ptr<DataSource> LatestSymbolDataOptions::make() const {
  for (const Problem& problem : problems()) fail("latest_symbol", "{}: {}", problem.key, problem.message);
  const Description description{.inputs = {length},
                                .input_type = DType::int32,
                                .targets = {length},
                                .vocabulary = fillers + symbols,
                                .classes = fillers + symbols};
  return make_parts(
      Task::language_model, "data/latest_symbol", [&](std::string_view, std::int64_t size, const Rng& rng) {
        return std::make_shared<DrawnSet>(size, description, rng, [o = *this](const Rng& draws, Batch& out, Index row) {
          draw_stream(o, draws, out, row);
        });
      });
}

}  // namespace tempera
