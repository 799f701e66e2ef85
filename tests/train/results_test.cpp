#include "train/results.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "train/output/console.h"
#include "train/run.h"

using namespace tempera;

TEST_CASE("results are named after part and metric", "[results]") {
  CHECK(result_name("test", "accuracy") == "test_accuracy");
  CHECK(result_name("test.8x", "accuracy") == "test.8x.accuracy");
  const std::vector<MetricRecord> records{{5, 0, 0, "valid", {{"loss", 2}}}, {9, 0, 0, "valid", {{"loss", 1}}}};
  CHECK(last_values(records) == Results{{"valid_loss", 1}});
}

TEST_CASE("results are read as they were written", "[results]") {
  const TestFolder folder;
  CHECK_FALSE(has_results(folder.path));
  write_results(folder.path, {{"a", 0.1}, {"b", std::nan("")}});
  const Results results = read_results(folder.path);
  CHECK(*find_result(results, "a") == 0.1);
  CHECK(std::isnan(*find_result(results, "b")));
  CHECK(find_result(results, "c") == nullptr);
  folder.write("results.json", "{\"a\": \"b\"}");
  CHECK(folder.error_of([&] { read_results(folder.path); }) == "results: results.json is damaged: 'a' is no number");
}

TEST_CASE("a run ends with the results that its experiment announces", "[results]") {
  const TestFolder folder;
  const std::string digits = "data: {type: digits, file: \"" + source_file("data/files/digits.csv").string() + "\"}\n";
  const auto run = [&](const std::string& settings) {
    TestExperiment test(settings, {"folder=" + folder.path.string()});
    std::FILE* screen = std::tmpfile();
    {
      Console console(screen);
      run_experiment(*test.experiment, console, {}, RunStart::overwrite);
    }
    std::fclose(screen);
    std::vector<std::string> announced = result_names(*test.experiment), written;
    for (const auto& [name, value] : read_results(folder.path / "run")) {
      written.push_back(name);
      CHECK(std::isfinite(value));
    }
    std::sort(announced.begin(), announced.end());
    std::sort(written.begin(), written.end());
    return std::pair(announced, written);
  };
  const std::string steps = "train: {steps: 6, batch: 8}\nevaluate: {every: 2}\n";
  {
    const auto [announced, written] = run(digits + "model: {type: mlp, hidden: [4]}\n" + steps);
    for (const std::string& name : written) {
      INFO(name);
      CHECK(std::find(announced.begin(), announced.end(), name) != announced.end());
    }
    for (const char* name : {"test_accuracy", "best_test_accuracy", "valid_loss", "best_valid_loss", "train_loss",
                             "test_calibration_error", "steps", "seconds", "parameters", "peak_memory", "best_step"}) {
      INFO(name);
      CHECK(std::find(written.begin(), written.end(), name) != written.end());
      CHECK(std::find(announced.begin(), announced.end(), name) != announced.end());
    }
  }
  {
    const auto [announced, written] =
        run("data: {type: set_max, shortest: 2, longest: 6, train: 64, valid: 8, test: 8}\n"
            "model: {type: encoder, d_model: 8, n_layers: 1, positions: none}\nattention: {heads: 2}\n"
            "train: {steps: 6, batch: 8}\nevaluate: {every: 2, tests: {2x: {shortest: 8, longest: 12}}}\n");
    for (const std::string& name : written) {
      INFO(name);
      CHECK(std::find(announced.begin(), announced.end(), name) != announced.end());
    }
    for (const char* name : {"test.2x.accuracy", "test.2x.attention_entropy", "test_attention_zeros"}) {
      INFO(name);
      CHECK(std::find(written.begin(), written.end(), name) != written.end());
    }
  }
  // A rate that drives the weights away makes the first evaluation the best.
  run(digits + "model: {type: mlp, hidden: [4]}\nlr: 10\nclip: {norm: null}\n" + steps);
  const Results results = read_results(folder.path / "run");
  CHECK(*find_result(results, "best_valid_loss") <= *find_result(results, "valid_loss"));
}
