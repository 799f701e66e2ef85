// Further test sets, from the configuration to the report.
#include "train/further_tests.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "data/recall.h"
#include "data/text/text_table.h"
#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "train/config/write_config.h"
#include "train/output/metrics_log.h"
#include "train/output/report_tests.h"
#include "train/run.h"

using namespace tempera;

namespace {

const std::string kRecall = R"(data: {type: pair_recall, pairs: 3, keys: 8, values: 4, valid: 8, test: 40}
model: {type: encoder, d_model: 8, n_layers: 1, positions: none, pooling: last}
attention: {type: softmax, heads: 2}
train: {steps: 3, batch: 8}
)";

std::string error_of(const std::string& yaml) {
  return TestFolder().error_of([&] { TestExperiment experiment(yaml); });
}

// What reading alone finds, without the lines of the file.
std::string problems_of(const std::string& yaml) {
  ExperimentOptions options;
  std::string text;
  try {
    read_config({"a.yaml", yaml}, {}, options);
  } catch (const ConfigError& error) {
    for (const ConfigProblem& problem : error.problems()) text += problem.where() + ": " + problem.message + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("a variant changes some values of what it varies", "[tests][config]") {
  ExperimentOptions options;
  const std::string yaml =
      kRecall + "evaluate:\n  tests:\n    2x: {pairs: 6}\n    far: {pairs: 8, seed: 3}\n    same:\n";
  read_config({"a.yaml", yaml}, {"data.values=5", "evaluate.tests.2x.test=7"}, options);
  const auto& tests = options.train.evaluate.tests.all;
  REQUIRE(tests.size() == 3);
  const auto pairs = [&](std::size_t i) -> const PairRecallDataOptions& {
    return tests[i].choice->as<PairRecallDataOptions>();
  };
  CHECK(tests[0].name == "2x");
  CHECK(pairs(0).pairs == 6);
  CHECK(pairs(0).values == 5);
  CHECK(pairs(0).test == 7);
  CHECK(pairs(1).seed == 3);
  CHECK(pairs(2).pairs == 3);
  // The effective configuration tells what each changes, and reads back to the same.
  const std::string written = write_config(options);
  CHECK(written.find("  tests:\n    \"2x\":\n      pairs: 6\n      test: 7\n    far:\n      pairs: 8\n      seed: 3\n"
                     "    same:\n") != std::string::npos);
  ExperimentOptions again;
  read_config({"b.yaml", written}, {}, again);
  CHECK(write_config(again) == written);
}

TEST_CASE("variants keep sections and choices within", "[tests][config]") {
  ExperimentOptions options;
  read_config({"a.yaml",
               "data: {type: text_table, path: a.csv, split: {test: 0.5}, tokenizer: {type: bytes}}\n"
               "evaluate: {tests: {b: {path: b.csv, split: {seed: 4}}}}\n"},
              {}, options);
  const auto& b = options.train.evaluate.tests.all.at(0).choice->as<TextTableOptions>();
  CHECK(b.path == "b.csv");
  CHECK(b.split.test == 0.5);
  CHECK(b.split.seed == 4);
  CHECK(b.tokenizer.type == "bytes");
  CHECK(write_config(options).find("    b:\n      path: b.csv\n      split:\n        seed: 4\n") != std::string::npos);
}

TEST_CASE("what a variant cannot be is told at its line", "[tests][config][errors]") {
  CHECK(problems_of(kRecall + R"(evaluate:
  tests:
    a: {pair: 4}
    b: {pairs: 0}
    c:
      pairs: 9
    d.e: {pairs: 4}
    f: {type: needle}
    g: 3
)") == "a.yaml:7:9: unknown key `pair` in evaluate.tests.a; did you mean `pairs`? known keys: pairs, keys, values, "
       "train, valid, test, seed, unanswerable\n"
       "a.yaml:8:16: evaluate.tests.b.pairs: must be between 1 and 65536, got 0\n"
       "a.yaml:10:14: evaluate.tests.c.pairs: 9 distinct keys of 8 cannot be shown; lower it or raise keys\n"
       "a.yaml:11:5: evaluate.tests: `d.e` is no name of a variant; letters, digits, - and _ were wanted, at most 32\n"
       "a.yaml:12:9: unknown key `type` in evaluate.tests.f; known keys: pairs, keys, values, train, valid, test, "
       "seed, unanswerable\n"
       "a.yaml:13:8: evaluate.tests.g: wanted a section with keys, got `3`\n");
  CHECK(problems_of(kRecall + "evaluate: {tests: {a: {keys: 2}}}\n") ==
        "a.yaml:5:20: evaluate.tests.a.pairs: 3 distinct keys of 2 cannot be shown; lower it or raise keys (it is not "
        "set here, what is varied holds)\n");
}

TEST_CASE("tests that the model cannot answer are refused before training, all at once", "[tests][errors]") {
  CHECK(error_of(kRecall + "evaluate: {tests: {a: {values: 5}, b: {test: 0, valid: 0}}}\n") ==
        "evaluate.tests: a: its inputs are float32 [4, 21], but float32 [4, 20] in training; only the length of "
        "sequences may change\n"
        "  a: it has 5 classes, but 4 in training; change no option that makes the classes\n"
        "  b: its data have no part to test on; give it a test part");
  const std::string modular =
      "train: {batch: 8}\ndata: {type: modular, p: 7}\nmodel: {type: encoder, d_model: 8, n_layers: 1}\n"
      "attention: {heads: 2}\n";
  CHECK(error_of(modular + "evaluate: {tests: {a: {p: 11}}}\n") ==
        "evaluate.tests: a: its vocabulary has 12, but 8 in training; change no option that makes the tokens\n"
        "  a: it has 11 classes, but 7 in training; change no option that makes the classes");
  CHECK(error_of(modular + "evaluate: {tests: {minus: {operation: \"-\"}}}\n") == "no error");
  const std::string needle =
      "data: {type: needle, length: 16}\nmodel: {type: decoder, d_model: 8, n_layers: 1, "
      "max_length: 16}\nattention: {heads: 2}\n";
  CHECK(error_of(needle + "evaluate: {tests: {2x: {length: 32}}}\n") ==
        "configuration: evaluate.tests.2x: a sample has up to 32 tokens, but model.max_length is 16; raise it");
  CHECK(error_of(needle + "evaluate: {tests: {2x: {length: 16, seed: 1}}}\n") == "no error");
  const TestFolder folder;
  const std::string first = folder.write("a.txt", std::string(400, 'a') + "b").string(),
                    second = folder.write("b.txt", std::string(400, 'a') + "c").string();
  CHECK(error_of("data: {type: text, length: 4, path: " + first +
                 "}\nmodel: {type: decoder, d_model: 8, n_layers: 1}\nattention: {heads: 2}\nevaluate: {tests: {b: "
                 "{path: " +
                 second + "}}}\n") ==
        "evaluate.tests: b: its tokenizer is another one than in training; save that one and name it in "
        "tokenizer.file");
}

TEST_CASE("a run measures its further tests, and the report shows them against the length", "[tests][experiment]") {
  const TestFolder folder;
  std::vector<std::filesystem::path> runs;
  for (const int seed : {1, 2}) {
    TestExperiment test(
        kRecall + "evaluate: {tests: {2x: {pairs: 6}, most: {pairs: 8}}}\n",
        {"folder=" + folder.path.string(), fmt::format("name=seed-{}", seed), fmt::format("train.seed={}", seed)});
    CHECK(test.experiment->plan().find("\ntest.2x     40 samples; inputs float32 [7, 20]") != std::string::npos);
    std::FILE* screen = std::tmpfile();
    {
      Console console(screen);
      CHECK(run_experiment(*test.experiment, console, {}, RunStart::fresh) == RunEnd::done);
    }
    std::fclose(screen);
    runs.push_back(folder.path / fmt::format("seed-{}", seed));
    std::map<std::string, MetricRecord> last;
    for (const MetricRecord& record : read_metrics(runs.back() / "metrics.jsonl")) last[record.split] = record;
    REQUIRE(last.contains("test.2x"));
    const auto value = [&](const std::string& split, std::string_view name) {
      for (const auto& [key, x] : last[split].values)
        if (key == name) return x;
      return std::nan("");
    };
    CHECK(value("test", "length") == 4);
    CHECK(value("test.2x", "length") == 7);
    CHECK(value("test.most", "length") == 9);
    const FurtherTest& twice = test.experiment->further_tests().at(0);
    CHECK(twice.split() == "test.2x");
    const NamedValues metrics = test.trainer().evaluate(*twice.set);
    CHECK(value("test.2x", "loss") == *metrics.find("loss"));
    CHECK(value("test.2x", "accuracy") == *metrics.find("accuracy"));
    CHECK((value("test.2x", "attention_evenness") > 0 && value("test.2x", "attention_evenness") <= 1));
    CHECK((value("test.2x", "attention_top_weight") >= 1.0 / 7 && value("test.2x", "attention_top_weight") <= 1));
  }
  std::vector<ReportRun> all;
  for (const auto& run : runs) all.push_back(read_run(run));
  const std::vector<ReportGroup> groups = group_runs(all);
  REQUIRE(groups.size() == 1);  // they differ by the seed alone
  const TestResults results = test_results(all, groups);
  CHECK(results.by_length);
  REQUIRE(results.groups[0].size() == 3);
  CHECK(results.groups[0][1].split == "test.2x");
  CHECK(results.groups[0][1].values[0].n == 2);
  const TestSection section = test_section(all, groups, 5);
  REQUIRE(section.charts.size() >= 4);
  const auto chart = nlohmann::json::parse(section.charts[0]);
  CHECK(chart["x"] == "length");
  CHECK(chart["curves"][0]["x"] == nlohmann::json({4, 7, 9}));
  CHECK(section.html.find("data-chart=\"5\"") != std::string::npos);
  CHECK(section.html.find("<th>test.most</th><td>9</td>") != std::string::npos);
}

TEST_CASE("tests that differ in more than the length are a table alone", "[tests][report]") {
  ReportRun run;
  const auto record = [&](const std::string& split, double length) {
    MetricRecord r;
    r.split = split;
    r.values = {{"accuracy", 0.5}, {"length", length}};
    run.records.push_back(r);
  };
  record("test", 4);
  const ReportGroup group{"a", {0}};
  const auto results = [&] { return test_results(std::span(&run, 1), std::span(&group, 1)); };
  CHECK(results().groups.empty());
  record("test.b", 8);
  run.config = {{"evaluate.tests.b.length", "8"}};
  CHECK(results().by_length);
  record("test.c", 16);
  run.config.emplace_back("evaluate.tests.c.noise", "0.5");
  CHECK_FALSE(results().by_length);
  run.config.back().first = "evaluate.tests.c.length";
  CHECK(results().by_length);
  run.records.back().values[1].second = 8;
  CHECK_FALSE(results().by_length);
  CHECK(test_section(std::span(&run, 1), std::span(&group, 1), 0).charts.empty());
}
