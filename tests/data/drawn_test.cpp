// What all sets that are drawn have in common, and the small ones.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "data/bigram_backcopy.h"
#include "data/images/glyphs.h"
#include "data/latent_classes.h"
#include "data/set_max.h"
#include "data/table.h"

using namespace tempera;

namespace {

Batch samples(const Dataset& set, std::vector<std::int64_t> ids) {
  Batch batch;
  set.fill(ids, batch);
  return batch;
}

std::vector<double> all_of(const Batch& batch) {
  std::vector<double> values = batch.inputs.to_vector();
  for (const Tensor& t : {batch.targets, batch.lengths, batch.second_inputs, batch.second_lengths})
    if (t.defined())
      for (const double x : t.to_vector()) values.push_back(x);
  return values;
}

}  // namespace

TEST_CASE("distinct draws are distinct, in every order", "[data][drawn]") {
  std::map<std::vector<std::int32_t>, int> seen;
  for (std::uint64_t i = 0; i < 6000; ++i) ++seen[draw_distinct(Rng(1, "test", i), 3, 2, 3)];
  REQUIRE(seen.size() == 6);
  for (const auto& [order, count] : seen) CHECK(std::abs(count - 1000) < 5 * std::sqrt(1000));
  CHECK(draw_distinct(Rng(1, "test"), 0, 0, 5).empty());
  CHECK_THROWS_WITH(draw_distinct(Rng(1, "test"), 0, 6, 5), "draw_distinct: 6 distinct numbers of 5 were asked for");
}

TEST_CASE("a drawn sample is a function of seed, part and index", "[data][drawn]") {
  int kinds = 0;
  for (const Kind& kind : dataset_kinds()) {
    const auto made = kind.make();
    auto* options = dynamic_cast<DrawnDataOptions*>(made.get());
    if (!options) continue;
    INFO(kind.name);
    ++kinds;
    options->train = options->valid = options->test = 20;
    const auto source = options->make(), again = options->make();
    const Batch both = samples(*source->train, {3, 7}), one = samples(*source->train, {7});
    CHECK(all_of(one) == all_of(both.rows(1, 1)));
    CHECK(all_of(samples(*again->train, {3, 7})) == all_of(both));
    CHECK(all_of(samples(*source->valid, {3, 7})) != all_of(both));
    CHECK(all_of(samples(*source->valid, {3, 7})) != all_of(samples(*source->test, {3, 7})));
    options->seed = 5;
    CHECK(all_of(samples(*options->make()->train, {3, 7})) != all_of(both));
  }
  CHECK(kinds >= 12);
}

TEST_CASE("the answer to a set is the class of its largest item", "[data][drawn]") {
  SetMaxDataOptions o;
  const auto source = o.make();
  CHECK(source->train->description().inputs == Shape{16, 11});
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 300; ++i) ids.push_back(i);
  const Batch batch = samples(*source->train, ids);
  std::set<double> lengths;
  for (Index s = 0; s < batch.size(); ++s) {
    const double n = batch.lengths.at(s);
    lengths.insert(n);
    double largest = -1, answer = -1;
    for (Index i = 0; i < 16; ++i) {
      double classes = 0;
      const auto at = [&](Index j) { return batch.inputs.at((s * 16 + i) * 11 + j); };
      for (Index c = 0; c < 10; ++c) {
        classes += at(1 + c);
        if (at(1 + c) == 1 && at(0) > largest) answer = static_cast<double>(c);
      }
      CHECK(classes == (static_cast<double>(i) < n ? 1 : 0));
      largest = std::max(largest, at(0));
    }
    CHECK(batch.targets.at(s) == answer);
  }
  CHECK(lengths.size() == 12);  // 5 .. 16
  CHECK(*lengths.begin() == 5);
}

TEST_CASE("the language of bigrams copies behind triggers", "[data][drawn]") {
  BigramBackcopyDataOptions o;
  const auto source = o.make();
  CHECK(source->task == Task::language_model);
  CHECK(source->train->size() == 6000);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 500; ++i) ids.push_back(i);
  const Batch batch = samples(*source->train, ids);
  const std::vector<double> table = bigram_table(o);
  REQUIRE(table.size() == 34 * 33);
  for (std::size_t t = 0; t < 34; ++t) {
    double sum = 0;
    for (std::size_t s = 0; s < 33; ++s) sum += table[t * 33 + s];
    CHECK(std::abs(sum - 1) < 1e-12);
    CHECK(table[t * 33] == table[t * 33 + 1]);  // triggers are alike
  }
  // How often token 1 stands behind the beginning, where no copy can be.
  double ones = 0;
  for (Index s = 0; s < batch.size(); ++s) {
    const auto x = [&](Index i) { return batch.inputs.at(s * 64 + i); };
    CHECK(x(0) == 0);
    for (Index i = 0; i < 64; ++i) {
      const double next = batch.targets.at(s * 64 + i);
      CHECK((next >= 1 && next <= 33));
      if (i < 63) CHECK(next == x(i + 1));
      if (i >= 2 && x(i) <= 3) CHECK(next == x(i - 1));
    }
    ones += x(1) == 1;
  }
  CHECK(std::abs(ones - 500 * table[0]) < 5 * std::sqrt(500 * table[0]));
  o.targets = "copied";
  const Batch copied = samples(*o.make()->train, ids);
  CHECK(copied.inputs.to_vector() == batch.inputs.to_vector());
  for (Index i = 0; i < copied.targets.size(); ++i) {
    const bool trigger = i % 64 >= 2 && copied.inputs.at(i) <= 3;
    CHECK(copied.targets.at(i) == (trigger ? batch.targets.at(i) : -1));
  }
  o.triggers = 33;
  CHECK_THROWS_WITH(o.make(), Catch::Contains("33 of 33 symbols leave none that is no trigger; lower it"));
}

TEST_CASE("the rows of the table are Dirichlet", "[data][drawn]") {
  // Without triggers: the mean of an entry is 1 / n, its variance (n - 1) / (n^2 (n a + 1)) for concentration a.
  BigramBackcopyDataOptions o;
  o.symbols = 5;
  o.triggers = 0;
  double sum = 0, squares = 0, count = 0;
  for (o.table_seed = 0; o.table_seed < 400; ++o.table_seed)
    for (const double p : bigram_table(o)) {
      sum += p;
      squares += p * p;
      ++count;
    }
  CHECK(std::abs(sum / count - 0.2) < 1e-12);
  const double variance = squares / count - 0.04;
  CHECK(std::abs(variance - 4.0 / 25 / (5 * 0.15 + 1)) < 0.003);
}

TEST_CASE("glyphs without disturbance are the font's", "[data][drawn]") {
  GlyphsDataOptions o;
  o.strokes = 0;
  o.dropped = o.noise = 0;
  const auto source = o.make();
  CHECK(source->train->size() == 8000);
  CHECK(source->test->size() == 2000);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 200; ++i) ids.push_back(i);
  const Batch batch = samples(*source->train, ids);
  std::set<double> digits;
  for (Index s = 0; s < batch.size(); ++s) {
    const auto digit = static_cast<int>(batch.targets.at(s));
    digits.insert(digit);
    // The first dot's row and column of light, and how many dots the font has.
    int dots = 0, lit = 0;
    for (int row = 0; row < 7; ++row)
      for (const bool dot : glyph_row(digit, row)) dots += dot;
    std::set<double> values;
    for (Index i = 0; i < 784; ++i) {
      const double x = batch.inputs.at(s * 784 + i);
      lit += x != 0;
      if (x != 0) values.insert(x);
    }
    CHECK(lit == 9 * dots);
    REQUIRE(values.size() == 1);
    CHECK((*values.begin() >= 0.6f && *values.begin() <= 1));
  }
  CHECK(digits.size() == 10);
  CHECK(glyph_row(1, 0) == std::array{false, false, true, false, false});
  CHECK(glyph_row(7, 0) == std::array{true, true, true, true, true});
}

TEST_CASE("noise of glyphs has its mean and deviation", "[data][drawn]") {
  GlyphsDataOptions o;
  o.strokes = 0;
  o.dropped = 1;
  std::vector<std::int64_t> ids{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Batch batch = samples(*o.make()->train, ids);
  double sum = 0, squares = 0;
  for (const double x : batch.inputs.to_vector()) sum += x, squares += x * x;
  const double n = 7840;
  CHECK(std::abs(sum / n) < 5 * 0.3 / std::sqrt(n));
  CHECK(std::abs(squares / n - 0.09) < 5 * 0.09 * std::sqrt(2 / n));
  o.strokes = 2;
  o.dropped = o.noise = 0;
  GlyphsDataOptions none = o;
  none.strokes = 0;
  const Batch with = samples(*o.make()->train, ids), without = samples(*none.make()->train, ids);
  for (Index s = 0; s < 10; ++s) {
    int stroke = 0;
    for (Index i = 0; i < 784; ++i) {
      stroke += with.inputs.at(s * 784 + i) == 1;
      if (with.inputs.at(s * 784 + i) != 1) CHECK(with.inputs.at(s * 784 + i) == without.inputs.at(s * 784 + i));
    }
    CHECK((stroke >= 15 && stroke <= 16));  // two lines of eight, that may cross
  }
}

TEST_CASE("latent classes lie around their means", "[data][drawn]") {
  LatentClassesDataOptions o;
  o.noise = o.deviation = 0;
  const auto source = o.make();
  const Batch batch = samples(*source->train, {0, 1, 20, 40});
  CHECK(batch.targets.to_vector() == std::vector<double>{0, 1, 0, 0});
  const auto row = [&](Index i) { return batch.inputs.rows(i, 1).to_vector(); };
  CHECK(row(0) == row(2));
  CHECK(row(0) == row(3));
  CHECK(row(0) != row(1));
  // Training and test are of the same classes.
  CHECK(samples(*source->test, {0}).inputs.to_vector() == row(0));
  for (const double x : row(0)) CHECK(std::abs(x) <= 1);
  o.deviation = 0.7;
  const Batch spread = samples(*o.make()->train, {0, 20});
  CHECK(spread.inputs.rows(0, 1).to_vector() != spread.inputs.rows(1, 1).to_vector());
}

TEST_CASE("label noise is in training alone", "[data][drawn]") {
  LatentClassesDataOptions o;
  o.label_noise = 0.3;
  const auto source = o.make();
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 1000; ++i) ids.push_back(i);
  const Batch train = samples(*source->train, ids), test = samples(*source->test, ids);
  int wrong = 0;
  for (Index i = 0; i < 1000; ++i) {
    CHECK(test.targets.at(i) == static_cast<double>(i % 20));
    wrong += train.targets.at(i) != static_cast<double>(i % 20);
  }
  CHECK(std::abs(wrong - 300) < 5 * std::sqrt(210));
}
