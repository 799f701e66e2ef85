#include "layers/rows_of.h"

#include "tests/support/twins.h"

using namespace tempera;

TEST_CASE("rows are kept, doubled and dropped", "[layers]") {
  const Tensor x = Tensor::from<std::int32_t>({3, 2}, {0, 1, 10, 11, 20, 21});
  CHECK(rows_of(x, std::vector<Index>{2, 0, 2, 2}).to_vector() == std::vector<double>{20, 21, 0, 1, 20, 21, 20, 21});
  CHECK(rows_of(x, std::vector<Index>{}).shape() == Shape{0, 2});
  CHECK_FALSE(rows_of({}, std::vector<Index>{0}).defined());
  CHECK_FALSE(rows_of(x, std::vector<Index>{0, 1, 2}).shares_buffer(x));
  CHECK(error_of([&] {
          rows_of(x, std::vector<Index>{1, 3});
        }) == "rows_of: row 3 was asked for; int32 [3, 2] has 3 rows");
  CHECK(error_of([&] { rows_of(Tensor::scalar(1), std::vector<Index>{0}); }) ==
        "rows_of: a scalar came; at least one axis was wanted");
}
