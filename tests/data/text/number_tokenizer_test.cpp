#include "data/text/number_tokenizer.h"

#include "tests/support/twins.h"

using namespace tempera;

TEST_CASE("numbers are read and written as they are", "[text]") {
  const NumberTokenizer numbers(20);
  CHECK(numbers.encode(" 3 14\n15\t0 ") == std::vector<std::int32_t>{3, 14, 15, 0});
  CHECK(numbers.encode("").empty());
  CHECK(numbers.decode(std::vector<std::int32_t>{3, 14}) == "3 14 ");
  CHECK(numbers.encode(numbers.decode(std::vector<std::int32_t>{7, 19})) == std::vector<std::int32_t>{7, 19});
}

TEST_CASE("what is no token is refused with its place", "[text][errors]") {
  const NumberTokenizer numbers(20);
  for (const char* wrong : {"20", "-1", "3x", "x", "99999999999"})
    CHECK(error_of([&] { numbers.encode(std::string("3 ") + wrong); }) ==
          fmt::format("numbers: '{}' at offset 2 is no token; the tokens of this model are the numbers from 0 to 19, "
                      "with spaces between them",
                      wrong));
  CHECK(error_of([&] { numbers.to_json(); }) == "numbers: tokens that are mere numbers have no tokenizer.json");
}
