#include "core/nearest.h"

#include <catch2/catch.hpp>
#include <vector>

#include "core/error.h"
#include "core/fields.h"
#include "core/ops/table.h"

using namespace tempera;

TEST_CASE("edits are counted: insert, delete, replace, swap of neighbours", "[nearest]") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("dropout", "dropout") == 0);
  CHECK(edit_distance("drpout", "dropout") == 1);
  CHECK(edit_distance("droppout", "dropout") == 1);
  CHECK(edit_distance("drapout", "dropout") == 1);
  CHECK(edit_distance("drpoout", "dropout") == 1);
  CHECK(edit_distance("ca", "abc") == 3);  // restricted: a swapped pair is not edited again
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("N-Heads", "n_heads") == 0);
  CHECK(edit_distance(std::string(1000, 'a'), "a") == 1000);
}

TEST_CASE("the nearest name is found, and none that is far", "[nearest]") {
  const std::vector<std::string_view> names{"dropout", "d_model",        "n_heads",    "lr",
                                            "steps",   "evaluate_every", "evaluate_at"};
  CHECK(nearest("drpout", names) == "dropout");
  CHECK(nearest("dmodel", names) == "d_model");
  CHECK(nearest("D-Model", names) == "d_model");
  CHECK(nearest("l", names) == "lr");
  CHECK(nearest("rl", names) == "lr");
  CHECK(nearest("drop", names) == "dropout");          // a beginning
  CHECK(nearest("evaluate", names) == "evaluate_at");  // three edits of eleven
  CHECK(nearest("eval", names).empty());               // the beginning of two
  CHECK(nearest("xy", names).empty());
  CHECK(nearest("optimizer", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("abc", {}).empty());
  CHECK(did_you_mean("step", names) == "; did you mean `steps`?");
  CHECK(did_you_mean("zzz", names).empty());
}

TEST_CASE("of equally near names the one with the longer common beginning is meant", "[nearest]") {
  const std::vector<std::string_view> names{"beta", "betas2", "bets"};
  CHECK(nearest("bett", names) == "beta");
  CHECK(nearest("betas", {names.data() + 1, 2}) == "betas2");
}

TEST_CASE("look-ups of operations and kinds suggest the nearest", "[nearest]") {
  CHECK(find_op("softmax").name == "softmax");
  CHECK_THROWS_WITH(find_op("sofmax"), "find_op: there is no operation `sofmax`; did you mean `softmax`?");
  CHECK_THROWS_WITH(find_op("zzzzzz"), "find_op: there is no operation `zzzzzz`");
  static constexpr Kind kKinds[] = {{"softmax", "", []() -> std::unique_ptr<Options> { return nullptr; }}};
  CHECK_THROWS_WITH(Choice(kKinds, "sotfmax"), "Choice: there is no kind `sotfmax`; did you mean `softmax`?");
}
