#include "apps/support/exit_code.h"

#include <catch2/catch.hpp>

using namespace tempera;

TEST_CASE("every kind of failure has its exit code", "[exit_code]") {
  const Error cause("reader", "byte 7 is missing");
  CHECK(exit_code(ConfigError({{"a.yaml", 1, 1, "wrong"}})) == 2);
  CHECK(exit_code(SetupError(cause)) == 2);
  CHECK(exit_code(DataError(cause)) == 3);
  CHECK(exit_code(NonFiniteError("nan", "log", "net", 5)) == 4);
  CHECK(exit_code(CheckpointError(cause)) == 5);
  CHECK(exit_code(cause) == 1);
  CHECK(exit_code(std::runtime_error("anything")) == 1);
  CHECK(run_program([] { return 7; }) == 7);
}

TEST_CASE("a part takes the blame for what happens in it", "[exit_code]") {
  CHECK(blame<DataError>([] { return 3; }) == 3);
  CHECK_THROWS_WITH(blame<DataError>([]() -> int { fail("reader", "byte 7 is missing"); }),
                    "reader: byte 7 is missing");
  CHECK_THROWS_AS(blame<DataError>([] { fail("reader", "x"); }), DataError);
  CHECK_THROWS_AS(blame<CheckpointError>([] { blame<DataError>([] { fail("reader", "x"); }); }), CheckpointError);
}
