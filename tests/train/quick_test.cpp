#include "train/quick.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "core/error.h"

using namespace tempera;

namespace {

const std::filesystem::path kQuickstart = std::filesystem::path(TEMPERA_SOURCE_DIR) / "configs/quickstart.yaml";

QuickConfig quickstart(std::vector<std::string> overrides) {
  return read_quick_config(kQuickstart, overrides);
}

std::string message(const std::string& yaml, std::vector<std::string> overrides = {}) {
  const std::filesystem::path file = "quick_test.yaml";
  std::ofstream(file) << yaml;
  std::string text = "no error";
  try {
    read_quick_config(file, overrides);
  } catch (const Error& e) {
    text = e.what();
  }
  std::filesystem::remove(file);
  return text;
}

}  // namespace

TEST_CASE("the quickstart learns the digits, to the same bits on any number of threads", "[quick]") {
  const QuickResult one = run_quick(quickstart({"epochs=8"}));
  CHECK(one.accuracy > 0.95);
  CHECK(one.loss < 0.1);
  const QuickResult three = run_quick(quickstart({"epochs=8", "threads=3"}));
  CHECK(one.weights == three.weights);
  CHECK(one.weights != run_quick(quickstart({"epochs=8", "seed=8"})).weights);
  CHECK(run_quick(quickstart({"epochs=8", "dtype=float64"})).accuracy > 0.95);
}

TEST_CASE("the quickstart's file holds the defaults", "[quick]") {
  CHECK(quickstart({}).text() == QuickConfig().text());
}

TEST_CASE("a bad configuration is refused with its place", "[quick][errors]") {
  CHECK(message("data: x.csv\n") == "no error");
  CHECK(message("data: x.csv\nepoch: 3\n") ==
        "config: quick_test.yaml:2:1: unknown key 'epoch'; known: batch, data, dtype, epochs, learning_rate, seed, "
        "threads, weight_decay, width");
  CHECK(message("seed: 1\nseed: 2\n") == "config: quick_test.yaml:2:1: key 'seed' stands here a second time");
  CHECK(message("width: 1.5\n") == "config: quick_test.yaml:1:1: width is '1.5'; an integer in [1, 65536] was wanted");
  CHECK(message("learning_rate: -1\n") ==
        "config: quick_test.yaml:1:1: learning_rate is '-1'; a number in [0, 10] was wanted");
  CHECK(message("learning_rate: nan\n") ==
        "config: quick_test.yaml:1:1: learning_rate is 'nan'; a number in [0, 10] was wanted");
  CHECK(message("dtype: float16\n") ==
        "config: quick_test.yaml:1:1: dtype is 'float16'; float32 or float64 was wanted");
  CHECK(message("width: [1]\n") == "config: quick_test.yaml:1:1: 'key: value' was wanted");
  CHECK(message("just words\n") == "config: quick_test.yaml:1:1: 'key: value' lines were wanted");
  CHECK(message("a: [\n").starts_with("config: quick_test.yaml:2:1: this is not YAML: "));
  CHECK(message("seed: 1\n") == "config: quick_test.yaml: the key 'data' is missing; it names the file of digits");
  CHECK(message("data: x\n", {"seed"}) == "config: command line: 'seed' came; key=value was wanted");
  CHECK(message("data: x\n", {"threads=0"}) ==
        "config: command line: threads is '0'; an integer in [1, 1024] was wanted");
  CHECK_THROWS_WITH(read_quick_config("no/such.yaml"), "config: 'no/such.yaml' cannot be opened");
}

TEST_CASE("training that diverges stops and says so", "[quick][errors]") {
  CHECK_THROWS_WITH(run_quick(quickstart({"learning_rate=10", "weight_decay=10", "epochs=200"})),
                    Catch::Matchers::StartsWith("train: the loss is "));
}
