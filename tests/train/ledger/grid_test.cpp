#include "train/ledger/grid.h"

#include <catch2/catch.hpp>

#include "train/config/config_error.h"

using namespace tempera;

namespace {

Grid grid_of(std::vector<std::string> arguments) {
  return read_grid(arguments);
}

std::string error_of(std::vector<std::string> arguments) {
  try {
    read_grid(arguments);
  } catch (const ConfigError& error) {
    return error.problems().at(0).message;
  }
  return "no error";
}

}  // namespace

TEST_CASE("values stand between commas, and count", "[ledger]") {
  using Values = std::vector<std::string>;
  CHECK(grid_values("1e-3,3e-3") == Values{"1e-3", "3e-3"});
  CHECK(grid_values("0..3") == Values{"0", "1", "2", "3"});
  CHECK(grid_values("-1..1,7") == Values{"-1", "0", "1", "7"});
  CHECK(grid_values("3..3") == Values{"3"});
  CHECK(grid_values("[1, 2],[3]") == Values{"[1, 2]", "[3]"});
  CHECK(grid_values("{type: a, b: [1,2]},'x,y',\"a,'b\"") == Values{"{type: a, b: [1,2]}", "'x,y'", "\"a,'b\""});
  CHECK(grid_values("../a,b..c") == Values{"../a", "b..c"});
  CHECK(grid_values("").empty());
  CHECK(grid_values("a,,b").empty());
  CHECK(grid_values("a,").empty());
}

TEST_CASE("a grid has every combination, the last key fastest", "[ledger]") {
  const Grid grid = grid_of({"lr=0.1,0.2", "seed=0..2", "model.hidden=[4],[8]", "train.steps=5"});
  CHECK(grid.keys == std::vector<std::string>{"lr", "model.hidden", "train.steps"});
  CHECK(grid.seeds == std::vector<std::uint64_t>{0, 1, 2});
  REQUIRE(grid.cells.size() == 4);
  CHECK(grid.cells[1].overrides() == std::vector<std::string>{"lr=0.1", "model.hidden=[8]", "train.steps=5"});
  CHECK(grid.cells[2].overrides()[0] == "lr=0.2");

  const Grid none = grid_of({});
  REQUIRE(none.cells.size() == 1);
  CHECK(none.cells[0].name() == "own");
  CHECK(none.seeds == std::vector<std::uint64_t>{1});

  const Grid variants = grid_of({"variant=a,b", "lr=1"});
  CHECK(variants.cells[1].variant == "b");
  CHECK(variants.cells[1].overrides() == std::vector<std::string>{"lr=1"});
  CHECK(variants.cells[1].name() == "b,lr=1");
}

TEST_CASE("the name of a cell is fit for a folder, and no other cell has it", "[ledger]") {
  CHECK(grid_of({"lr=1e-3", "n=2"}).cells[0].name() == "lr=1e-3,n=2");
  const Grid lists = grid_of({"a=[1],{1}"});
  const std::string first = lists.cells[0].name(), second = lists.cells[1].name();
  CHECK(first.starts_with("a=_1_~"));
  CHECK(second.starts_with("a=_1_~"));
  CHECK(first != second);
  CHECK(grid_of({"path=" + std::string(300, 'x')}).cells[0].name().size() == 109);
  CHECK(grid_of({"..=.."}).cells[0].name().find('/') == std::string::npos);
}

TEST_CASE("what is no grid is refused with the mend", "[ledger]") {
  CHECK(error_of({"lr"}) == "`lr`: wanted key=values, as in lr=1e-3,3e-3 or seed=0..4");
  CHECK(error_of({"lr=1,"}) == "`lr=1,`: a value is missing; values stand between commas, or as 0..4");
  CHECK(error_of({"lr=1", "lr=2"}) == "`lr=2`: lr stands here twice");
  CHECK(error_of({"seed=x"}) == "`seed=x`: `x` is no seed; whole numbers are, as in seed=0..4");
  CHECK(error_of({"train.seed=1"}) == "`train.seed=1`: write seed=...");
  CHECK(error_of({"a=1..200", "b=1..200"}) == "`b=1..200`: the grid has more than 10000 cells");
  CHECK(error_of({"a=1..99999999999"}) == "`a=1..99999999999`: the grid has more than 10000 cells");
}
