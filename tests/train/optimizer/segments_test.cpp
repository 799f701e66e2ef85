#include "train/optimizer/segments.h"

#include <catch2/catch.hpp>

#include "tests/support/twins.h"

using namespace tempera;

namespace {

struct Names : Module {
  explicit Names(std::vector<std::pair<std::string, Shape>> list) {
    for (auto& [name, shape] : list) parameters.emplace_back(name, Parameter(shape, Init::zeros(), shape.rank() > 1));
  }
  void visit(ParameterVisitor& v) override {
    for (auto& [name, parameter] : parameters) v(name, parameter);
  }
  std::vector<std::pair<std::string, Parameter>> parameters;
};

Names transformer() {
  return Names({{"token_embedding.weight", {11, 4}},
                {"positions.weight", {6, 4}},
                {"blocks.0.attention.query.weight", {4, 4}},
                {"blocks.0.attention.heads.weight", {4, 4}},
                {"blocks.0.norm.weight", {4}},
                {"blocks.0.conv.weight", {4, 4, 3}},
                {"head.weight", {11, 4}},
                {"decoder.head.weight", {11, 4}}});
}

}  // namespace

TEST_CASE("patterns are matched against whole names", "[segments]") {
  CHECK(matches_pattern("head.weight", "head.weight"));
  CHECK_FALSE(matches_pattern("head", "head.weight"));
  CHECK(matches_pattern("*", ""));
  CHECK(matches_pattern("", ""));
  CHECK_FALSE(matches_pattern("", "a"));
  CHECK(matches_pattern("*.bias", "blocks.0.bias"));
  CHECK_FALSE(matches_pattern("*.bias", "bias"));
  CHECK(matches_pattern("blocks.?.norm*", "blocks.3.norm1.weight"));
  CHECK_FALSE(matches_pattern("blocks.?.norm*", "blocks.13.norm1.weight"));
  CHECK(matches_pattern("*a*b*c", "xxaxbabc"));
  CHECK_FALSE(matches_pattern("*a*b*c", "xxaxbab"));
  // A backtracking matcher would take 2^20 steps and more here.
  CHECK_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", std::string(60, 'a')));
}

TEST_CASE("segments tell hidden matrices from tables", "[segments]") {
  Names model = transformer();
  const Parameters parameters(model, DType::float32, Rng(1, "run"));
  const auto segments = segments_of(parameters);
  REQUIRE(segments.size() == 8);
  std::vector<bool> hidden, decay;
  for (const Segment& s : segments) hidden.push_back(s.hidden_matrix), decay.push_back(s.decay);
  CHECK(hidden == std::vector<bool>{false, false, true, true, false, false, false, false});
  CHECK(decay == std::vector<bool>{true, true, true, true, false, true, true, true});
  CHECK(segments[0].rows == 11);
  CHECK(segments[0].cols == 4);
  CHECK(segments[4].rows == 1);
  CHECK(segments[4].cols == 4);
  CHECK(segments[5].rows == 1);
  CHECK(segments[5].cols == 48);
  CHECK(segments[1].offset == parameters.entries()[1].offset);
  SECTION("by rules of one's own") {
    ParameterRules rules;
    rules.tables = {"blocks.*"};
    rules.no_decay = {"*.weight"};
    rules.lr_factors = {"head.*=0.5", "*head*=3"};
    const auto own = segments_of(parameters, rules);
    CHECK(own[0].hidden_matrix);
    CHECK_FALSE(own[2].hidden_matrix);
    CHECK(std::none_of(own.begin(), own.end(), [](const Segment& s) { return s.decay; }));
    CHECK(own[0].lr_factor == 1);
    CHECK(own[3].lr_factor == 3);
    CHECK(own[6].lr_factor == 1.5);
    CHECK(own[7].lr_factor == 3);
  }
}

TEST_CASE("frozen parameters have no segment", "[segments]") {
  Names model = transformer();
  model.parameters[0].second.trainable = false;
  const Parameters parameters(model, DType::float32, Rng(1, "run"));
  CHECK(segments_of(parameters).size() == 7);
}

TEST_CASE("parameter rules say what is wrong", "[segments][errors]") {
  Names model = transformer();
  const Parameters parameters(model, DType::float32, Rng(1, "run"));
  ParameterRules rules;
  rules.no_decay = {"hed.*"};
  CHECK(
      error_of([&] { segments_of(parameters, rules); }) ==
      "parameter rules: no parameter matches 'hed.*'; names are matched whole and look like 'token_embedding.weight'");
  for (const std::string wrong : {"head.*", "head.*=", "head.*=x", "=2", "head.*=-1", "head.*=1 ", "head.*=inf"}) {
    rules.no_decay = {};
    rules.lr_factors = {wrong};
    CHECK(error_of([&] { segments_of(parameters, rules); }) ==
          "parameter rules: lr_factors: '" + wrong +
              "' came; pattern=factor with a factor of at least 0 was wanted, as in 'head.*=0.1'");
  }
}
