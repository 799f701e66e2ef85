#include "apps/support/table.h"

#include <catch2/catch.hpp>
#include <limits>

#include "core/error.h"

using namespace tempera;

TEST_CASE("a table is text and JSON", "[table]") {
  Table table("widths", {{"name"}, {"count"}, {"ratio", "{:.2f}"}});
  table.add({std::string("a"), std::int64_t{12}, 2.0});
  table.add({std::string("longer"), std::int64_t{7}, 0.125});
  CHECK(table.text() ==
        "widths\n"
        "  name    count  ratio\n"
        "  a          12   2.00\n"
        "  longer      7   0.12\n");
  CHECK(table.markdown() ==
        "widths\n\n"
        "| name | count | ratio |\n"
        "|---|---|---|\n"
        "| a | 12 | 2.00 |\n"
        "| longer | 7 | 0.12 |\n");
  CHECK(table.json().dump() ==
        R"({"title":"widths","rows":[{"name":"a","count":12,"ratio":2.0},{"name":"longer","count":7,"ratio":0.125}]})");
}

TEST_CASE("a table without rows, with a number that is not finite, and with a row too short", "[table]") {
  Table table("t", {{"x"}});
  CHECK(table.text() == "t\n  x\n");
  CHECK(table.json().dump() == R"({"title":"t","rows":[]})");
  table.add({std::numeric_limits<double>::quiet_NaN()});
  CHECK(table.json().dump() == R"({"title":"t","rows":[{"x":null}]})");
  CHECK(table.markdown() == "t\n\n| x |\n|---|\n| – |\n");
  CHECK_THROWS_WITH(table.add({}), "Table: a row of 0 cells came for 1 columns");
}
