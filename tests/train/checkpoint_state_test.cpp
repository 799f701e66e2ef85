#include "train/checkpoint_state.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace tempera;

namespace {

// The state with one value replaced by another text, and what a later version may add.
std::string state_with(std::string_view key, std::string_view value, std::string_view more = "") {
  const auto pick = [&](std::string_view name, std::string_view usual) { return name == key ? value : usual; };
  return fmt::format(R"({{"step": {}, "seed": {}, "config": {}, "numbers": {}{}}})", pick("step", "7"),
                     pick("seed", "18446744073709551615"), pick("config", "\"abc\""),
                     pick("numbers", R"({"best": "3ff0000000000000"})"), more);
}

}  // namespace

TEST_CASE("a state comes back to the bit", "[checkpoint]") {
  CheckpointState state;
  state.step = std::numeric_limits<std::int64_t>::max();
  state.seed = std::numeric_limits<std::uint64_t>::max();
  state.config = "a \"quoted\"\n name";
  state.numbers = {{"best", 0.1}, {"never", std::numeric_limits<double>::infinity()}, {"zero", -0.0}};
  const auto again = parse_state(format_state(state));
  REQUIRE(again);
  CHECK(again->step == state.step);
  CHECK(again->seed == state.seed);
  CHECK(again->config == state.config);
  CHECK(again->numbers == state.numbers);
  CHECK(std::signbit(again->numbers.at("zero")));
  CHECK(parse_state(format_state(CheckpointState{}))->numbers.empty());
}

TEST_CASE("keys that nobody knows are passed over", "[checkpoint]") {
  const std::string more =
      R"(, "later": {"step": 3, "deep": [1, -2, 0.5, null, true, "text", {"numbers": {"best": 1}}]}, "list": [[]])";
  const auto state = parse_state(state_with("", "", more));
  REQUIRE(state);
  CHECK(state->step == 7);
  CHECK(state->seed == std::numeric_limits<std::uint64_t>::max());
  CHECK(state->numbers == std::map<std::string, double>{{"best", 1.0}});
}

TEST_CASE("a state with a value of another kind is refused", "[checkpoint]") {
  REQUIRE(parse_state(state_with("", "")));
  const std::vector<std::pair<std::string_view, std::vector<std::string_view>>> wrong{
      {"step", {"-1", "9223372036854775808", "0.5", "\"7\"", "null", "true", "[]", "{}"}},
      {"seed", {"-1", "1e3", "\"7\"", "null", "false", "[1]", "{}"}},
      {"config", {"1", "-1", "0.5", "null", "true", "[\"abc\"]", "{\"a\": 1}"}},
      {"numbers",
       {"1", "null", "[]", "\"\"", R"({"best": 1})", R"({"best": "xyz"})", R"({"best": ""})",
        R"({"best": "10000000000000000"})", R"({"best": null})", R"({"best": []})", R"({"best": {}})"}}};
  for (const auto& [key, values] : wrong)
    for (const std::string_view value : values) {
      INFO(key << ": " << value);
      CHECK_FALSE(parse_state(state_with(key, value)));
    }
}

TEST_CASE("a state that lacks something is refused", "[checkpoint]") {
  for (const std::string_view text :
       {"", "null", "7", "\"step\"", "[]", "{}", R"({"step": 1, "seed": 1, "config": ""})",
        R"({"step": 1, "seed": 1, "numbers": {}})", R"({"step": 1, "config": "", "numbers": {}})",
        R"({"seed": 1, "config": "", "numbers": {}})", R"({"step": 1, "seed": 1, "config": "", "numbers": {})",
        R"([{"step": 1, "seed": 1, "config": "", "numbers": {}}])"}) {
    INFO(text);
    CHECK_FALSE(parse_state(text));
  }
}
