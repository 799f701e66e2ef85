#include "data/bigram_backcopy.h"

#include <algorithm>
#include <cmath>

namespace tempera {
namespace {

// A draw from the gamma distribution of shape a < 1 and scale 1: one of shape a + 1 (Marsaglia & Tsang 2000, "A simple
// method for generating gamma variables") times u^(1 / a).
double draw_gamma(double a, const Rng& draws) {
  const double d = a + 1 - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  const Rng normals = draws.sub("normal"), uniforms = draws.sub("uniform");
  for (std::uint64_t i = 0;; ++i) {
    const double x = normals.normal(i), root = 1 + c * x, v = root * root * root;
    const double u = 1 - uniforms.uniform(i);  // in (0, 1]
    if (v <= 0 || std::log(u) >= x * x / 2 + d - d * v + d * std::log(v)) continue;
    return d * v * std::pow(draws.uniform(0), 1 / a);
  }
}

void draw_sequence(const BigramBackcopyDataOptions& o, const std::vector<double>& sums, const Rng& draws, Batch& out,
                   Index row) {
  std::int32_t* read = out.inputs.data<std::int32_t>() + row * o.length;
  std::int32_t* said = out.targets.data<std::int32_t>() + row * o.length;
  std::int32_t before = 0, last = 0;
  for (int i = 0; i < o.length; ++i) {
    const bool copied = i >= 2 && last <= o.triggers;
    const auto first = sums.begin() + std::ptrdiff_t{last} * o.symbols, end = first + o.symbols;
    const auto place = std::upper_bound(first, end - 1, draws.uniform(static_cast<std::uint64_t>(i)));
    const std::int32_t next = copied ? before : static_cast<std::int32_t>(place - first) + 1;
    read[i] = last;
    said[i] = copied || o.targets == "all" ? next : -1;
    before = std::exchange(last, next);
  }
}

}  // namespace

std::vector<double> bigram_table(const BigramBackcopyDataOptions& o) {
  const Rng rng(o.table_seed, "data/bigram_backcopy/table");
  std::vector<double> table;
  for (int t = 0; t <= o.symbols; ++t) {
    std::vector<double> p;
    double sum = 0;
    for (int s = 0; s < o.symbols; ++s) {
      const auto place = static_cast<std::uint64_t>(t * o.symbols + s);
      sum += p.emplace_back(draw_gamma(o.concentration, rng.at_step(place)));
    }
    for (double& x : p) x /= sum;
    std::fill_n(p.begin(), o.triggers, o.trigger_share);
    sum = 0;
    for (const double x : p) sum += x;
    for (const double x : p) table.push_back(x / sum);
  }
  return table;
}

void BigramBackcopyDataOptions::describe(Fields& f) {
  f("length", length, "tokens of a sample", between(1, 1 << 20));
  f("symbols", symbols, "kinds of tokens, beside the one at the beginning", between(2, 4096));
  f("triggers", triggers, "tokens behind which the token before them stands again", at_least(0));
  f("concentration", concentration, "of the Dirichlet distribution of the table's rows; near 0: few likely followers",
    from_up_to(1e-3, 1));
  f("trigger_share", trigger_share, "probability of each trigger, before the row is normalised", between(0, 1));
  f("table_seed", table_seed, "decides the table");
  f("targets", targets, "all tokens, or only the copied ones behind triggers", one_of({"all", "copied"}));
  describe_parts(f);
}

std::vector<Problem> BigramBackcopyDataOptions::problems() const {
  if (triggers < symbols) return {};
  return {{"triggers", fmt::format("{} of {} symbols leave none that is no trigger; lower it", triggers, symbols)}};
}

std::unique_ptr<DataSource> BigramBackcopyDataOptions::make() const {
  for (const Problem& problem : problems()) fail("bigram_backcopy", "{}: {}", problem.key, problem.message);
  std::vector<double> sums = bigram_table(*this);
  for (std::size_t i = 0; i < sums.size(); ++i)
    if (i % static_cast<std::size_t>(symbols) > 0) sums[i] += sums[i - 1];
  const Description description{.inputs = {length},
                                .input_type = DType::int32,
                                .targets = {length},
                                .vocabulary = symbols + 1,
                                .classes = symbols + 1};
  return make_parts(
      Task::language_model, "data/bigram_backcopy", [&](std::string_view, std::int64_t size, const Rng& rng) {
        return std::make_shared<DrawnSet>(
            size, description, rng,
            [o = *this, sums](const Rng& draws, Batch& out, Index row) { draw_sequence(o, sums, draws, out, row); });
      });
}

}  // namespace tempera
