#include "train/config/read_config.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/approved.h"
#include "tests/support/config_errors.h"

using namespace tempera;

TEST_CASE("a configuration fills every kind of field", "[config]") {
  SampleOptions options;
  const Origins origins =
      read_config({"sample.yaml", R"(# a comment
name: "run 7"
model:
  d_model: 64
  n_heads: 8
  dropout: 0
  window: 32
  logit_cap: null
  norm: rms
  attention: {type: linear, features: relu}
train:
  steps: 9223372036854775807
  seed: 18446744073709551615
  lr: 1e-3
  resume: true
  betas: [.5, 1.]
  evaluate_at:
    - 10
    - 20
  watch: []
  optimizer:
    type: averaged
    inner: {type: averaged, inner: {momentum: 0.9}}
)"},
                  {"model.d_model=32", "train.lr=+2.5E-1", "train.watch=[accuracy, loss]"}, options);
  CHECK(options.name == "run 7");
  CHECK(options.model.d_model == 32);
  CHECK(options.model.n_heads == 8);
  CHECK(options.model.dropout == 0);
  CHECK(options.model.activation == "gelu");
  CHECK(options.model.window == 32);
  CHECK_FALSE(options.model.logit_cap.has_value());
  CHECK(options.model.norm == "rms");
  CHECK(options.model.attention.type() == "linear");
  CHECK(options.model.attention.as<LinearSample>().features == "relu");
  CHECK(options.model.attention.as<LinearSample>().chunk == 64);
  CHECK(options.train.steps == std::numeric_limits<std::int64_t>::max());
  CHECK(options.train.seed == std::numeric_limits<std::uint64_t>::max());
  CHECK(options.train.lr == 0.25);
  CHECK(options.train.resume);
  CHECK(options.train.betas == std::vector<double>{0.5, 1});
  CHECK(options.train.evaluate_at == std::vector<std::int64_t>{10, 20});
  CHECK(options.train.watch == std::vector<std::string>{"accuracy", "loss"});
  const auto& outer = options.train.optimizer.as<AveragedSample>();
  CHECK(outer.inner.as<AveragedSample>().inner.as<PlainSample>().momentum == 0.9);

  CHECK(origins.at("name").line == 2);
  CHECK(origins.at("name").file == "sample.yaml");
  CHECK(origins.at("model.d_model").file.empty());
  CHECK(origins.at("model.attention.type").line == 10);
  CHECK(origins.at("train.optimizer.inner.inner.momentum").line == 23);
  CHECK(origins.find("model.activation") == origins.end());
}

TEST_CASE("an empty text, and empty sections, leave the defaults", "[config]") {
  for (const char* yaml : {"", "# nothing\n", "---\n", "model:\ntrain: {}\n", "model:\n  attention:\n", "null\n"}) {
    INFO(yaml);
    CHECK(errors_of(yaml) == "no error\n");
  }
}

TEST_CASE("anchors, a byte order mark, and line ends of other systems are read", "[config]") {
  SampleOptions options;
  const Origins origins = read_config(
      {"s.yaml", "\xef\xbb\xbfname: &n \"caf\xc3\xa9\"\r\nmodel:\r\n  attention: &a\r\n    causal: false\r\n"},
      {"train.lr=1"}, options);
  CHECK(options.name == "caf\xc3\xa9");
  CHECK_FALSE(options.model.attention.as<SoftmaxSample>().causal);
  CHECK(origins.at("model.attention.causal").line == 4);
  read_config({"s.yaml", "train: {betas: &b [0.1, 0.2], watch: []}\nmodel: {dropout: &d 0.5, logit_cap: *d}\n"}, {},
              options);
  CHECK(options.model.logit_cap == 0.5);
}

TEST_CASE("an override of a shared section changes one place only", "[config]") {
  SampleOptions options;
  read_config({"s.yaml", "train:\n  optimizer:\n    type: averaged\n    inner: {momentum: &m 0.5}\n"},
              {"train.optimizer.inner.momentum=0.25", "train.optimizer.horizon=7", "train.optimizer.horizon=8"},
              options);
  CHECK(options.train.optimizer.as<AveragedSample>().horizon == 8);
  CHECK(options.train.optimizer.as<AveragedSample>().inner.as<PlainSample>().momentum == 0.25);
  // A shell takes the quotes off a text.
  read_config({"s.yaml", ""}, {"name=010", "train.watch=[loss]"}, options);
  CHECK(options.name == "010");
  // A whole section starts from its defaults.
  read_config({"s.yaml", "model: {dropout: 0.5, d_model: 64}\n"}, {"model={n_heads: 2}"}, options = SampleOptions());
  CHECK(options.model.dropout == 0.1);
  CHECK(options.model.n_heads == 2);
}

TEST_CASE("unknown keys name the nearest and all known", "[config][approved]") {
  CHECK_APPROVED("errors/unknown_key.txt", errors_of(R"(nmae: x
model:
  drpout: 0.1
  lr: 0.1
  banana: 3
  attention:
    type: softmax
    chunk: 3
    temprature: 2
train: {stesp: 10, lr:0.1}
<<: {name: a}
)"));
}

TEST_CASE("types are told apart, and the mend is named", "[config][approved]") {
  CHECK_APPROVED("errors/wrong_type.txt", errors_of(R"(name: 3
model:
  d_model: "64"
  n_heads: 010
  dropout: 1,5
  activation:
  window: 1e2
  logit_cap: .inf
  norm: [rms]
  attention: linear
train:
  steps: 1_000
  seed: -1
  lr: nan
  resume: yes
  betas: 0.9
  evaluate_at: [1, x, 2.5]
  watch: [loss, no]
  optimizer: {momentum: "0.5", type: plain}
)"));
  CHECK_APPROVED("errors/wrong_type_2.txt", errors_of(R"(name: true
model:
  d_model: 99999999999
  n_heads: 0x10
  dropout: abc
  activation: {a: 1}
  window: 4.0
  attention: []
  norm: ~
  logit_cap: 1e999
train:
  steps: 1.5
  resume: "true"
  lr: 007.5
  betas: {x: 1}
  evaluate_at: []
  optimizer: {type: 3}
)"));
}

TEST_CASE("ranges name the rule", "[config][approved]") {
  CHECK_APPROVED("errors/out_of_range.txt", errors_of(R"(model:
  d_model: 0
  n_heads: 2000
  dropout: 1
  activation: rleu
  window: 0
  norm: batch
  attention: {type: sofmax, temperature: 1}
train:
  steps: -1
  lr: 0
  betas: [0.9, 1.5, -1]
  watch:
    - loss
    - acuracy
)"));
}

TEST_CASE("rules between fields are placed at the key they name", "[config][approved]") {
  CHECK_APPROVED("errors/rules_between_fields.txt",
                 errors_of("model:\n  n_heads: 3\n") + errors_of("name: x\nmodel:\n  d_model: 3\n") +
                     errors_of("name: x\n", {"model.n_heads=5"}) + errors_of("", {"model.d_model=5"}) +
                     // nothing is said of sections where single keys are wrong
                     errors_of("model:\n  n_heads: 3\n  dropout: 2\n"));
}

TEST_CASE("overrides tell their own mistakes", "[config][approved]") {
  std::string text;
  for (const char* argument : {"model.dpth=3",
                               "model.d_modle=3",
                               "lr=1",
                               "modle.dropout=0",
                               "train.lr.x=1",
                               "train.lr=",
                               "train.lr=[1",
                               "train.lr",
                               "=3",
                               "a..b=1",
                               "train.lr=-1",
                               "name=7",
                               "name=",
                               "name=[a]",
                               "model.attention.chunk=3",
                               "model.attention.type=lineer",
                               "train.betas=0.9",
                               "train=3",
                               "train.lr=1: 2",
                               "train.lr={a: 1}",
                               "optimizer.momentum=0"})
    text += errors_of("model: {dropout: 0.2}\n", {argument});
  CHECK_APPROVED("errors/overrides.txt", text + errors_of("model: {dropout: 2}\nx: 1\n", {"y=1", "train.lr=0", "z"}));
}

TEST_CASE("what is no YAML, or not ours, is refused at its place", "[config][approved]") {
  const std::string deep = "name: " + std::string(100, '[') + std::string(100, ']') + "\n";
  std::string laughs = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
  for (char c = 'b'; c <= 'h'; ++c)
    laughs +=
        fmt::format("{0}: &{0} [*{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}]\n", c, static_cast<char>(c - 1));
  std::string text;
  for (const std::string& yaml : std::vector<std::string>{"name: a\nname: b\n",
                                                          "model: {dropout: 0.1, dropout: 0.2}\n",
                                                          "name: &x [*x]\n",
                                                          "name: *y\n",
                                                          deep,
                                                          "name: a\n---\nname: b\n",
                                                          "[a, b]: 1\n",
                                                          "? {a: 1}\n: 1\n",
                                                          "null: 1\n",
                                                          ": 1\n",
                                                          "&k name: 1\n*k : 2\n",
                                                          "model:\n\tdropout: 0.1\n",
                                                          "model:\n  dropout: 0.1\n   n_heads: 3\n",
                                                          "model:\n    dropout: 0.1\n  n_heads: 3\n",
                                                          "name: 'abc\nmodel: 3\n",
                                                          "name: \"abc\n",
                                                          "train: {betas: [0.1, 0.2}\n",
                                                          "train: {lr: 0.1\n",
                                                          "train:\n  betas: [0.1\n",
                                                          "name: a: b\n",
                                                          "name: @x\n",
                                                          "name: !!str 3\n",
                                                          "name: \"\\q\"\n",
                                                          "just text\n",
                                                          "a: 1\nb\n",
                                                          "a: [1",
                                                          "a: [1, 2\nb: 3\n",
                                                          "{a: 1",
                                                          "name:x\n",
                                                          "- 1\n- 2\n",
                                                          "name: a\nmodel\n",
                                                          "name: a\x01z\n",
                                                          "name: \xff\n",
                                                          "name: \xc0\xaf\n",
                                                          std::string("name: \0", 7),
                                                          "name: a\rb\n",
                                                          "# caf\xc3\xa9\ntrain: {x\xc3\xa9: 1, lr: \"\xc3\xa9\"}\n",
                                                          laughs,
                                                          "name: " + std::string(200, 'x') + ": y\n",
                                                          "name: a\n...\nname: b\n",
                                                          "x: " + std::string(1 << 20, 'x')})
    text += errors_of(yaml);
  CHECK_APPROVED("errors/not_yaml.txt", text);
}

TEST_CASE("beyond fifty problems are counted, beyond a thousand not kept", "[config]") {
  std::string yaml;
  for (int i = 0; i < 3000; ++i) yaml += fmt::format("key{}: {}\n", i, i);
  SampleOptions options;
  try {
    read_config({"s.yaml", yaml}, {}, options);
    FAIL("accepted");
  } catch (const ConfigError& error) {
    CHECK(error.problems().size() == 1001);
    CHECK(error.problems().front().message == "unknown key `key0`; known keys: name, model, train");
    CHECK(error.problems().back().message == "and 2000 more");
    CHECK(std::string(error.what()).ends_with("... and 951 more\n1001 problems"));
  }
}

TEST_CASE("files that cannot be read say why", "[config]") {
  CHECK_THROWS_WITH(load_config_text("no/such.yaml"), "no/such.yaml: cannot be opened: No such file or directory");
  CHECK_THROWS_WITH(load_config_text("/"), "/: is a folder; name a YAML file in it");
  const auto path = std::filesystem::temp_directory_path() / "tempera_config_test.yaml";
  std::ofstream(path) << "name: x\n";
  CHECK(load_config_text(path).yaml == "name: x\n");
  CHECK(load_config_text(path).name == path.string());
  std::ofstream(path) << std::string(2'000'000, '#');
  SampleOptions options;
  CHECK_THROWS_AS(read_config(load_config_text(path), {}, options), ConfigError);
  std::filesystem::remove(path);
}

TEST_CASE("one file is laid over another", "[config]") {
  const std::vector<ConfigText> texts{{"base.yaml", "name: base\ntrain: {lr: 0.5, betas: [0.1, 0.2], steps: 7}\n"},
                                      {"other.yaml", "name: other\ntrain: {lr: 0.25, betas: [0.3, 0.4]}\nmodel:\n"}};
  SampleOptions options;
  const std::vector<std::string> overrides{"train.lr=0.125"};
  const Origins origins = read_config(texts, overrides, options);
  CHECK(options.name == "other");
  CHECK(options.train.lr == 0.125);
  CHECK(options.train.steps == 7);
  CHECK(options.train.betas == std::vector<double>{0.3, 0.4});
  CHECK(origins.at("train.steps").file == "base.yaml");
  CHECK(origins.at("train.betas").file == "other.yaml");
  CHECK(origins.at("train.lr").file.empty());
  SECTION("and each mistake has its file") {
    const auto problems = problems_of({{"base.yaml", "nam: a\n"}, {"other.yaml", "\ntrain: {lr: x}\n"}});
    REQUIRE(problems.size() == 2);
    CHECK(problems[0].where() == "base.yaml:1:1");
    CHECK(problems[1].where() == "other.yaml:2:13");
  }
}
