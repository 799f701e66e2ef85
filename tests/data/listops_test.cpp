#include "data/listops.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

std::int32_t value_of(std::string_view text) {
  return listops_value(listops_tokens(text, "test"));
}

// Sample i of a set as text, and its class.
std::pair<std::string, std::int32_t> sample(const Dataset& set, std::int64_t i) {
  Batch batch;
  set.fill(std::span(&i, 1), batch);
  const auto n = static_cast<std::size_t>(batch.lengths.at(0));
  return {listops_text({batch.inputs.data<std::int32_t>(), n}), static_cast<std::int32_t>(batch.targets.at(0))};
}

}  // namespace

TEST_CASE("trees have their values", "[data][listops]") {
  CHECK(value_of("[MAX 2 9 [MIN 4 7 ] 0 ]") == 9);
  CHECK(listops_tokens("[MAX 2 9 [MIN 4 7 ] 0 ]", "test").size() == 9);
  CHECK(value_of("[MED 1 4 ]") == 2);  // 2.5 without its fraction
  CHECK(value_of("[MED 9 1 4 ]") == 4);
  CHECK(value_of("[SM 9 8 7 ]") == 4);
  CHECK(value_of("[MIN [SM 9 9 ] [MED 9 9 8 8 ] ]") == 8);
  CHECK(value_of("7") == 7);
  // As the files write it.
  CHECK(value_of("( ( ( [MAX 2 ) 9 ) ] )") == 9);
  CHECK(listops_text(listops_tokens("( ( ( [MAX 2 ) 9 ) ] )", "test")) == "[MAX 2 9 ]");
}

TEST_CASE("what is no tree is told", "[data][listops][errors]") {
  CHECK_THROWS_WITH(listops_tokens("[MEAN 1 2 ]", "a.tsv:2"),
                    "a.tsv:2: '[MEAN' is no word of ListOps; digits, [MIN, [MAX, [MED, [SM and ] are");
  CHECK_THROWS_WITH(value_of("[MAX 1"), "listops: the tree of 2 tokens has no end; 1 brackets are open");
  CHECK_THROWS_WITH(value_of("1 2"), "listops: token 1, 2, stands behind the end of the tree");
  CHECK_THROWS_WITH(value_of("]"), "listops: token 0 closes no operation with arguments");
  CHECK_THROWS_WITH(value_of("[MAX ]"), "listops: token 1 closes no operation with arguments");
}

TEST_CASE("drawn trees are trees of the lengths that are wanted, each in one part", "[data][listops]") {
  ListOpsDataOptions o;
  o.shortest = 4;
  o.longest = 12;
  o.depth = 4;
  o.arguments = 3;
  o.train = o.valid = o.test = 400;
  const auto source = o.make();
  std::set<std::string> parts[3];
  for (std::size_t p = 0; p < 3; ++p) {
    const Dataset& set = *std::array{source->train, source->valid, source->test}[p];
    for (std::int64_t i = 0; i < set.size(); ++i) {
      const auto [text, value] = sample(set, i);
      const auto tokens = listops_tokens(text, "test");
      CHECK((tokens.size() >= 4 && tokens.size() <= 12));
      CHECK(listops_value(tokens) == value);
      int depth = 0, deepest = 0;
      for (const std::int32_t token : tokens) {
        if (token >= 10 && token < 14) deepest = std::max(deepest, ++depth);
        if (token == 14) --depth;
      }
      CHECK(deepest < 4);
      parts[p].insert(text);
    }
  }
  for (const std::string& text : parts[1]) CHECK_FALSE((parts[0].contains(text) || parts[2].contains(text)));
  for (const std::string& text : parts[2]) CHECK_FALSE(parts[0].contains(text));
}

TEST_CASE("long trees are those of the Long Range Arena", "[data][listops]") {
  // Of its generator: mean length 1064, classes 0 and 9 at 17.1 and 17.3 %, the others at 7.6 to 9.1 %, with a point
  // for chance; and what the first operation alone foretells (MIN: 0 at .575, MAX: 9 at .553).
  ListOpsDataOptions o;
  const auto source = o.make();
  Batch batch;
  std::vector<std::int64_t> ids;
  constexpr std::int64_t kTrees = 3000;
  for (std::int64_t i = 0; i < kTrees; ++i) ids.push_back(i);
  source->train->fill(ids, batch);
  double length = 0, least_of_min = 0, mins = 0;
  std::vector<double> classes(10, 0);
  for (Index i = 0; i < batch.size(); ++i) {
    length += batch.lengths.at(i);
    ++classes[static_cast<std::size_t>(batch.targets.at(i))];
    const bool min = batch.inputs.at(i * o.longest) == 10;
    mins += min;
    least_of_min += min && batch.targets.at(i) == 0;
  }
  CHECK(std::abs(length / kTrees - 1064) < 5 * 400 / std::sqrt(kTrees));
  for (std::size_t c = 0; c < 10; ++c) {
    INFO(c << ' ' << classes[c] / kTrees);
    const double share = c == 0 ? 0.171 : c == 9 ? 0.173 : 0.0835;
    CHECK(std::abs(classes[c] / kTrees - share) < (c == 0 || c == 9 ? 0.03 : 0.027));
  }
  CHECK(std::abs(least_of_min / mins - 0.575) < 0.08);
}

TEST_CASE("trees are read as they were published", "[data][listops]") {
  const TestFolder folder;
  ListOpsDataOptions o;
  o.folder = folder.path.string();
  CHECK_THROWS_WITH(o.make(), Catch::Contains("basic_train.tsv' is not there; put basic_train.tsv, basic_val.tsv and "
                                              "basic_test.tsv of the Long Range Arena's release"));
  for (const char* name : {"train", "val", "test"})
    std::ofstream(folder.path / fmt::format("basic_{}.tsv", name))
        << "Source\tTarget\n( ( ( [MAX 2 ) 9 ) ] )\t9\n( ( ( [MED 1 ) 4 ) ] )\t2\n";
  const auto source = o.make();
  CHECK(source->train->size() == 2);
  CHECK(sample(*source->test, 1) == std::pair<std::string, std::int32_t>("[MED 1 4 ]", 2));
  std::ofstream(folder.path / "basic_val.tsv") << "Source\tTarget\n( [MAX 2 )\tx\n";
  CHECK_THROWS_WITH(o.make(), Catch::Contains("basic_val.tsv:2: the target is 'x'; a digit was wanted"));
}

TEST_CASE("trees that cannot be are told", "[data][listops][errors]") {
  ListOpsDataOptions o;
  o.depth = 1;
  REQUIRE(o.problems().size() == 1);
  CHECK(o.problems()[0].message == "1 gives single digits alone; raise it, or set shortest to 1");
}
