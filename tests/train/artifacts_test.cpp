// Figures, attention maps and answers that a run leaves for its report.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "train/answers.h"
#include "train/attention_maps.h"
#include "train/findings.h"

using namespace tempera;

namespace {

nlohmann::json artifact(const RunFolder& run, const std::string& name) {
  std::ifstream file(run.path() / "artifacts" / (name + "-000000.json"));
  REQUIRE(file.good());
  return nlohmann::json::parse(file);
}

double figure(const NamedValues& values, std::string_view name) {
  INFO("metric " << name);
  REQUIRE(values.find(name));
  return *values.find(name);
}

const std::string kDigits = "data: {type: digits, file: " + source_file("data/files/digits.csv").string() +
                            "}\nattention: {heads: 2}\ntrain: {steps: 30}\n";
const std::string kSmall = "d_model: 8, n_layers: 2, max_length: 70";

// Rows of weights sum to one, and none is negative.
void check_rows(const nlohmann::json& head, std::size_t rows, std::size_t columns) {
  REQUIRE(head.size() == rows);
  for (const auto& row : head) {
    REQUIRE(row.size() == columns);
    double sum = 0;
    for (const double weight : row) sum += weight;
    CHECK(sum == Approx(1).margin(1e-4 * static_cast<double>(columns)));
  }
}

}  // namespace

TEST_CASE("what every answer of a classifier says", "[artifacts]") {
  TestExperiment run(kDigits + "model: {type: mlp, hidden: [32]}\n");
  run.trainer().run();
  const Dataset& set = *run.experiment->data().valid;
  const auto metrics = run.trainer().evaluate(set);
  const Findings found = findings(*run.experiment, set, metrics);
  REQUIRE(found.confusion);
  CHECK(found.confusion->rows == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  double right = 0, all = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    all += found.confusion->values[i];
    if (i % 11 == 0) right += found.confusion->values[i];
  }
  CHECK(all == static_cast<double>(set.size()));
  CHECK(right / all == Approx(figure(metrics, "accuracy")));
  CHECK(figure(found.metrics, "top_5") >= right / all);
  const Findings part = findings(*run.experiment, set, metrics, 100);
  CHECK(std::accumulate(part.confusion->values.begin(), part.confusion->values.end(), 0.0) == 100);
  CHECK((figure(found.metrics, "calibration_error") > 0 && figure(found.metrics, "calibration_error") < 1));
}

TEST_CASE("only classes have a confusion matrix, and only up to 50 of them", "[artifacts]") {
  const std::string rest = "model: {type: encoder, d_model: 8, n_layers: 1}\nattention: {heads: 2}\n";
  for (const int p : {50, 51}) {
    TestExperiment run(fmt::format("data: {{type: modular, p: {}, train: 0.9}}\n", p) + rest);
    const Findings found = findings(*run.experiment, *run.experiment->data().test, {});
    CHECK(found.confusion.has_value() == (p == 50));
    CHECK(found.metrics.size() == 2);
  }
  TestExperiment sequences("data: {type: sequences, valid: 10}\nmodel: {type: encoder_decoder, " + kSmall +
                           "}\nattention: {heads: 2}\n");
  const Findings none = findings(*sequences.experiment, *sequences.experiment->data().valid, {});
  CHECK((none.metrics.empty() && !none.confusion));
}

TEST_CASE("the loss of text is also given for its bytes and characters", "[artifacts]") {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "aäb ";  // four characters in five bytes
  TestExperiment run("data: {type: text, length: 8, path: " + folder.write("t.txt", text).string() +
                     ", valid: 0.2, test: 0}\nmodel: {type: decoder, " + kSmall + "}\nattention: {heads: 2}\n");
  const Dataset& set = *run.experiment->data().valid;
  const auto metrics = run.trainer().evaluate(set);
  const auto found = findings(*run.experiment, set, metrics).metrics;
  CHECK(figure(found, "bits_per_character") == Approx(figure(metrics, "bits")));
  CHECK(figure(found, "bits_per_byte") == Approx(figure(metrics, "bits") * 4 / 5).epsilon(0.01));
}

TEST_CASE("attention maps of an image are labelled by row and column of its patches", "[artifacts]") {
  const TestFolder folder;
  const RunFolder out(folder.path / "run", RunStart::fresh);
  const bool with_class = GENERATE(false, true);
  TestExperiment run(kDigits + "model: {type: encoder, patch: 2, " + kSmall +
                     (with_class ? ", pooling: cls}\n" : "}\n"));
  write_attention_maps(*run.experiment, out);
  const auto map = artifact(out, "attention-attention");
  const std::size_t tokens = with_class ? 17 : 16;
  REQUIRE(map["tokens"].size() == tokens);
  if (with_class) CHECK(map["tokens"][0] == "class");
  CHECK(map["tokens"][tokens - 16] == "0,0");
  CHECK(map["tokens"][tokens - 1] == "3,3");
  CHECK_FALSE(map.contains("keys"));
  REQUIRE(map["layers"].size() == 2);
  for (const auto& layer : map["layers"]) {
    REQUIRE(layer["heads"].size() == 2);
    for (const auto& head : layer["heads"]) check_rows(head, tokens, tokens);
  }
}

TEST_CASE("attention maps of an encoder-decoder show source, target, and one over the other", "[artifacts]") {
  const TestFolder folder;
  const RunFolder out(folder.path / "run", RunStart::fresh);
  TestExperiment run(
      "data: {type: sequences, shortest: 3, longest: 3, valid: 5}\nmodel: {type: encoder_decoder, "
      "n_decoder_layers: 1, " +
      kSmall + "}\nattention: {heads: 2}\n");
  write_attention_maps(*run.experiment, out);
  const auto encoder = artifact(out, "attention-encoder-attention");
  const auto decoder = artifact(out, "attention-decoder-attention");
  const auto cross = artifact(out, "attention-decoder-cross-attention");
  check_rows(encoder["layers"][1]["heads"][0], 3, 3);
  check_rows(decoder["layers"][0]["heads"][1], 4, 4);
  CHECK(decoder["layers"][0]["heads"][1][0][1] == 0);  // the future
  check_rows(cross["layers"][0]["heads"][1], 4, 3);
  CHECK(cross["tokens"][0] == "begin");
  CHECK(cross["keys"] == encoder["tokens"]);
}

TEST_CASE("answers of sequence to sequence stand beside their sources", "[artifacts]") {
  const TestFolder folder;
  const RunFolder out(folder.path / "run", RunStart::fresh);
  TestExperiment run(
      "data: {type: sequences, task: copy, shortest: 2, longest: 2, symbols: 3, valid: 5}\n"
      "model: {type: encoder_decoder, n_decoder_layers: 1, d_model: 16, n_layers: 1, max_length: 4}\n"
      "attention: {heads: 2}\nlr: 1e-2\ntrain: {steps: 200, batch: 32}\n");
  write_answers(*run.experiment, out);
  const std::string before = artifact(out, "text-answers")["text"];
  CHECK(before.find("wanted: ") != std::string::npos);
  CHECK(std::count(before.begin(), before.end(), '\n') == 5);
  run.trainer().run();
  write_answers(*run.experiment, out);
  std::ifstream file(out.path() / "artifacts/text-answers-000200.json");
  std::istringstream lines(nlohmann::json::parse(file)["text"].get<std::string>());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t arrow = line.find("  \u2192  ");
    REQUIRE(arrow == 3);
    CHECK(line.substr(0, 3) == line.substr(line.size() - 3));
  }
}

TEST_CASE("attention maps of text stop at its 64th token, those of pairs at their own lengths", "[artifacts]") {
  const TestFolder folder;
  const RunFolder out(folder.path / "run", RunStart::fresh);
  SECTION("text") {
    TestExperiment run(
        "data: {type: text, length: 70, path: " + folder.write("t.txt", std::string(2000, 'a')).string() +
        "}\nmodel: {type: decoder, " + kSmall + "}\nattention: {type: linear, heads: 2}\n");
    write_attention_maps(*run.experiment, out);
    const auto map = artifact(out, "attention-attention");
    CHECK(map["tokens"] == std::vector<std::string>(64, "a"));
    check_rows(map["layers"][1]["heads"][1], 64, 64);
  }
  SECTION("pairs") {
    TestExperiment run("data: {type: topic_pairs, shortest: 3, longest: 9, valid: 5}\nmodel: {type: two_tower, " +
                       kSmall + "}\nattention: {heads: 2}\n");
    Batch batch;
    run.experiment->data().valid->fill(std::vector<std::int64_t>{0}, batch);
    write_attention_maps(*run.experiment, out);
    CHECK(artifact(out, "attention-encoder-attention")["tokens"].size() ==
          static_cast<std::size_t>(batch.lengths.at(0)));
    CHECK(artifact(out, "attention-encoder-second-attention")["tokens"].size() ==
          static_cast<std::size_t>(batch.second_lengths.at(0)));
  }
  SECTION("none without attention") {
    TestExperiment run(kDigits + "model: {type: mlp, hidden: [8]}\n");
    write_attention_maps(*run.experiment, out);
    CHECK_FALSE(std::filesystem::exists(out.path() / "artifacts"));
  }
}
