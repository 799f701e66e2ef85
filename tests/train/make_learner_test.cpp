#include "train/make_learner.h"

#include "attention/attention.h"
#include "layers/models.h"
#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"

using namespace tempera;

namespace {

std::string refusal(const std::string& data, const std::string& model, const std::string& more = {}) {
  return TestFolder().error_of(
      [&] { TestExperiment("data: {" + data + "}\nmodel: {" + model + "}\nattention: {heads: 2}\n" + more); });
}

const std::string kSmall = ", d_model: 8, n_layers: 1";
const std::string kModular = "type: modular, p: 5";
const std::string kReverse = "type: sequences, longest: 4";
const std::string kPairs = "type: topic_pairs";
const std::string kDigits = "type: digits, file: " + source_file("data/files/digits.csv").string();

}  // namespace

TEST_CASE("models that do not fit the task are refused with the mend", "[tasks][errors]") {
  const TestFolder folder;
  const std::string text = "type: text, length: 8, path: " + folder.write("t.txt", std::string(400, 'a')).string();
  CHECK(refusal(kModular, "type: decoder" + kSmall) ==
        "configuration: model.type decoder reads single samples and answers for each token, but the data are "
        "classification for single samples; choose encoder, mlp or cnn, or other data");
  CHECK(refusal(text, "type: encoder" + kSmall) ==
        "configuration: model.type encoder reads single samples and answers for the whole, but the data are language "
        "model for single samples; choose decoder, or other data");
  CHECK(refusal(text, "type: encoder_decoder" + kSmall).find("choose decoder, or other data") != std::string::npos);
  CHECK(refusal(kModular, "type: two_tower" + kSmall).find("choose encoder, mlp or cnn") != std::string::npos);
  CHECK(refusal(kPairs, "type: encoder" + kSmall).find("choose two_tower, or other data") != std::string::npos);
  CHECK(refusal(kPairs, "type: encoder_decoder" + kSmall).find("choose two_tower") != std::string::npos);
  CHECK(refusal(kReverse, "type: two_tower" + kSmall).find("choose encoder_decoder") != std::string::npos);
  CHECK(refusal(kReverse, "type: decoder" + kSmall).find("choose encoder_decoder") != std::string::npos);
  CHECK(refusal(kReverse, "type: encoder_decoder" + kSmall) == "no error");
  CHECK(refusal(kPairs, "type: two_tower" + kSmall) == "no error");
  CHECK(refusal(text, "type: decoder" + kSmall) == "no error");
}

TEST_CASE("inputs that a transformer cannot take are refused", "[tasks][errors]") {
  const TestFolder folder;
  const std::string csv = "type: csv, target: \"y\", split: {valid: 0, test: 0}, path: " +
                          folder.write("t.csv", "x,y\n1,a\n2,b\n").string();
  CHECK(refusal(csv, "type: encoder" + kSmall) ==
        "configuration: model.type encoder reads sequences or images, but a sample is 1 numbers; choose mlp");
  CHECK(refusal("type: parity, bits: 40", "type: encoder, max_length: 39" + kSmall) ==
        "configuration: a sample has up to 40 tokens, but model.max_length is 39; raise it");
  CHECK(refusal("type: parity, bits: 40", "type: encoder, max_length: 39, positions: none" + kSmall) == "no error");
  CHECK(refusal(kReverse, "type: encoder_decoder, max_length: 4" + kSmall) ==
        "configuration: a sample has up to 5 tokens, but model.max_length is 4; raise it");
}

TEST_CASE("heads that do not fit the task are refused with the mend", "[tasks][errors]") {
  const auto with = [](const std::string& data, const std::string& head) {
    return refusal(data, "type: mlp", "head: {type: " + head + "}\ntrain: {batch: 1}\n");
  };
  const TestFolder folder;
  const std::string path = folder.write("t.csv", "x,y\n1,0\n2,1\n").string();
  const std::string csv = "type: csv, target: \"y\", split: {valid: 0, test: 0}, path: " + path + ", task: ";
  CHECK(with(kDigits, "squared_error") ==
        "configuration: head.type squared_error does not fit the task, classification of 10 classes; choose "
        "cross_entropy");
  CHECK(with(kDigits, "binary_cross_entropy").find("choose cross_entropy") != std::string::npos);
  CHECK(with(csv + "regression", "cross_entropy") ==
        "configuration: head.type cross_entropy does not fit the task, regression; choose squared_error");
  CHECK(with(csv + "regression", "binary_cross_entropy").find("choose squared_error") != std::string::npos);
  CHECK(with(csv + "multi_label", "cross_entropy").find("choose binary_cross_entropy") != std::string::npos);
  CHECK(with(csv + "multi_label", "squared_error").find("choose binary_cross_entropy") != std::string::npos);
  CHECK(with(csv + "classification", "binary_cross_entropy") == "no error");
}

TEST_CASE("every reason comes at once", "[tasks][errors]") {
  CHECK(refusal(kModular, "type: decoder" + kSmall, "head: {type: squared_error}\n") ==
        "configuration: model.type decoder reads single samples and answers for each token, but the data are "
        "classification for single samples; choose encoder, mlp or cnn, or other data\n"
        "  head.type squared_error does not fit the task, classification of 5 classes; choose cross_entropy");
}

TEST_CASE("a tied head wants a table of tokens that are the answers", "[tasks][errors][tied]") {
  CHECK(refusal(kModular, "type: encoder" + kSmall, "head: {tied: true}\n") ==
        "configuration: head.tied needs a table of tokens that are also the answers, which model.type encoder has "
        "not; leave it out");
  CHECK(refusal(kReverse, "type: encoder_decoder" + kSmall, "head: {tied: true}\n") == "no error");
}

TEST_CASE("a decoder's layers are causal, an encoder's are not", "[tasks]") {
  // T5's buckets are split by the place: 32 for both directions, or 32 for the past alone. What a mixer is asked for
  // is what the passes do.
  for (const auto& [model, data, wanted] :
       {std::tuple{"type: encoder" + kSmall, kModular, std::vector<std::string>{"0 both"}},
        std::tuple{"type: two_tower" + kSmall, kPairs, std::vector<std::string>{"0 both"}},
        std::tuple{"type: encoder_decoder, n_decoder_layers: 1" + kSmall, kReverse,
                   std::vector<std::string>{"0 both", "1 past", "1 memory"}}}) {
    ExperimentOptions options;
    read_config({"test.yaml", "data: {" + data + "}\nmodel: {" + model + "}\n"}, {}, options);
    std::vector<std::string> asked;
    const auto& attention = options.attention.as<AttentionOptions>();
    const MixerFactory factory = [&](const MixerPlace& at) {
      asked.push_back(fmt::format("{} {}", at.layer, at.cross ? "memory" : at.causal ? "past" : "both"));
      return attention.make({.d_model = 8, .causal = at.causal, .cross = at.cross});
    };
    make_model(options.model, InputSpec::tokens(12), factory);
    CHECK(asked == wanted);
  }
}
