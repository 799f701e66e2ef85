#include "data/generated.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "data/table.h"
#include "tests/support/folder.h"

using namespace tempera;

namespace {

Batch whole(const Dataset& set) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < set.size(); ++i) all.push_back(i);
  Batch batch;
  set.fill(all, batch);
  return batch;
}

}  // namespace

TEST_CASE("modular arithmetic", "[data][generated]") {
  CHECK(modular(5, "+", 4, 7) == 2);
  CHECK(modular(2, "-", 4, 7) == 5);
  CHECK(modular(5, "*", 4, 7) == 6);
  for (const std::int64_t p : {2, 3, 113})
    for (std::int64_t a = 0; a < p; ++a)
      for (std::int64_t b = 1; b < p; ++b) REQUIRE(modular(modular(a, "/", b, p), "*", b, p) == a);
  CHECK_THROWS_WITH(modular(1, "^", 2, 7), "modular: the operation '^' came; one of + - * / was wanted");
}

TEST_CASE("every pair is in one part of the modular set", "[data][generated]") {
  const std::string operation = GENERATE("+", "-", "*", "/");
  ModularDataOptions options;
  options.operation = operation;
  options.p = 23;
  options.valid = 0.2;
  const auto source = options.make();
  std::set<std::pair<double, double>> pairs;
  for (const auto& part : {source->train, source->valid, source->test}) {
    const Batch batch = whole(*part);
    for (Index i = 0; i < batch.size(); ++i) {
      const double a = batch.inputs.at(3 * i), b = batch.inputs.at(3 * i + 1);
      pairs.emplace(a, b);
      CHECK(batch.inputs.at(3 * i + 2) == 23);
      CHECK(batch.targets.at(i) ==
            static_cast<double>(modular(static_cast<std::int64_t>(a), operation, static_cast<std::int64_t>(b), 23)));
    }
  }
  CHECK(pairs.size() == (operation == "/" ? 23 * 22 : 23 * 23));
  CHECK(source->train->description().vocabulary == 24);
}

TEST_CASE("the default of modular addition is the paper's", "[data][generated]") {
  const auto source = ModularDataOptions().make();
  CHECK(source->valid == nullptr);
  CHECK(source->train->size() + source->test->size() == 113 * 113);
  CHECK(std::abs(static_cast<double>(source->train->size()) - 0.3 * 113 * 113) < 210);  // four deviations
  ModularDataOptions all;
  all.train = 1;
  CHECK(all.make()->test == nullptr);
}

TEST_CASE("modular samples come in three forms", "[data][generated]") {
  ModularDataOptions o;
  o.p = 5;
  o.train = 1;
  o.zero = false;
  const Batch tokens = whole(*o.make()->train);
  CHECK(tokens.size() == 16);
  CHECK(tokens.inputs.rows(5, 1).to_vector() == std::vector<double>{2, 2, 5});
  o.inputs = "pair";
  const auto pair = o.make();
  CHECK(pair->train->description().vocabulary == 5);
  CHECK(whole(*pair->train).inputs.rows(5, 1).to_vector() == std::vector<double>{2, 2});
  o.inputs = "one_hot";
  const Batch ones = whole(*o.make()->train);
  CHECK(ones.inputs.dtype() == DType::float32);
  CHECK(ones.inputs.rows(5, 1).to_vector() == std::vector<double>{0, 0, 1, 0, 0, 0, 0, 1, 0, 0});
  CHECK(ones.targets.to_vector() == tokens.targets.to_vector());
  CHECK(ones.targets.at(5) == 4);
}

TEST_CASE("bits are tokens or numbers", "[data][generated]") {
  ParityDataOptions o;
  o.train = 100;
  const Batch tokens = whole(*o.make()->train);
  o.inputs = "numbers";
  const Batch numbers = whole(*o.make()->train);
  CHECK(numbers.inputs.dtype() == DType::float32);
  CHECK(numbers.inputs.to_vector() == tokens.inputs.to_vector());
  CHECK(numbers.targets.to_vector() == tokens.targets.to_vector());
}

TEST_CASE("modular options that cannot be are told", "[data][generated][errors]") {
  ModularDataOptions options;
  options.operation = "/";
  options.p = 9;
  options.train = 0.9;
  options.valid = 0.2;
  const std::vector<Problem> problems = options.problems();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].message == "division needs a prime, not 9");
  CHECK(problems[1].message == "train 0.9 and valid 0.2; a positive part and a sum of at most 1 were wanted");
  CHECK_THROWS_WITH(options.make(), "modular: p: division needs a prime, not 9");
}

TEST_CASE("the class of a parity sample is the parity of the relevant bits", "[data][generated]") {
  ParityDataOptions options;
  options.bits = GENERATE(1, 40, 64, 130);
  options.relevant = options.bits == 1 ? 1 : 3;
  options.train = 500;
  options.seed = 9;
  const std::vector<std::int32_t> places = parity_places(options.bits, options.relevant, 9);
  const auto source = options.make();
  const Batch batch = whole(*source->train);
  double ones = 0;
  for (Index i = 0; i < batch.size(); ++i) {
    int parity = 0;
    for (const std::int32_t place : places) parity ^= static_cast<int>(batch.inputs.at(i * options.bits + place));
    REQUIRE(batch.targets.at(i) == parity);
  }
  for (const double x : batch.inputs.to_vector()) ones += x;
  const double n = static_cast<double>(batch.inputs.size());
  CHECK(std::abs(ones - n / 2) < 2 * std::sqrt(n));  // four deviations
  CHECK(whole(*source->valid).inputs.to_vector() != batch.inputs.rows(0, 1).to_vector());
  Batch one;
  source->train->fill(std::vector<std::int64_t>{77}, one);
  CHECK(one.inputs.to_vector() == batch.inputs.rows(77, 1).to_vector());
  CHECK_THROWS_WITH(parity_places(3, 4, 0),
                    "parity: 4 relevant of 3 bits came; 1 <= relevant <= bits <= 4096 was wanted");
}

TEST_CASE("every kind in the table makes options for data", "[data][table]") {
  std::set<std::string_view> names;
  for (const Kind& kind : dataset_kinds()) {
    INFO(kind.name);
    CHECK(names.insert(kind.name).second);
    CHECK_FALSE(kind.doc.empty());
    CHECK(dynamic_cast<DataOptions*>(kind.make().get()) != nullptr);
  }
}

TEST_CASE("a source describes itself", "[data][table]") {
  ModularDataOptions options;
  options.p = 5;
  options.train = 1;
  CHECK(options.make()->describe() ==
        "task        classification\n"
        "train       25 samples; inputs int32 [3], vocabulary 6; targets int32 [], 5 classes\n"
        "validation  none\n"
        "test        none\n");
}
