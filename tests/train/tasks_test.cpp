// Every kind of task trains from a configuration, to the same bits on one thread and on two.
#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/twins.h"
#include "train/make_learner.h"
#include "train/optimizer/adam.h"

using namespace tempera;

namespace {

// The experiment after its training; equal weights on 1 and 2 threads are checked on the way.
std::unique_ptr<TestExperiment> trained(const ConfigText& config, std::vector<std::string> overrides) {
  std::string hash;
  std::unique_ptr<TestExperiment> run;
  for (const char* threads : {"train.threads=1", "train.threads=2"}) {
    overrides.emplace_back(threads);
    run = std::make_unique<TestExperiment>(config, overrides);
    overrides.pop_back();
    CHECK(run->trainer().run());
    if (hash.empty()) hash = run->trainer().weights_hash();
    CHECK(run->trainer().weights_hash() == hash);
  }
  return run;
}

// Rows whose text is written with the first or the second half of the alphabet.
std::string letters_table() {
  std::string table = "text,label\n";
  const Rng rng(2, "letters");
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::uint64_t half = i % 2;
    for (std::uint64_t n = 0; n < 1 + rng.below(100 * i, 7); ++n)
      table += static_cast<char>('a' + 13 * half + rng.below(100 * i + n + 1, 13));
    table += half ? ",late\n" : ",early\n";
  }
  return table;
}

// x, y; their sum and product; whether each is positive.
std::string numbers_table() {
  std::string table = "x,y,sum,product,positive x,positive y\n";
  const Rng rng(3, "numbers");
  for (std::uint64_t i = 0; i < 300; ++i) {
    const double x = rng.uniform(2 * i, -2, 2), y = rng.uniform(2 * i + 1, -2, 2);
    table += fmt::format("{:.4f},{:.4f},{:.4f},{:.4f},{:d},{:d}\n", x, y, x + y, x * y, x > 0, y > 0);
  }
  return table;
}

// The same samples with other tokens in the padding, and more of it.
class Repadded : public Dataset {
 public:
  Repadded(std::shared_ptr<const Dataset> whole, Index more)
      : Dataset(whole->size(), wider(*whole, more)), whole_(whole) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    Batch one;
    whole_->fill(std::span(&sample, 1), one);
    const auto copy = [&](const Tensor& from, const Tensor& lengths, Tensor& to, double padding) {
      for (Index i = 0; i < to.dim(1); ++i)
        to.set(row * to.dim(1) + i, i < static_cast<Index>(lengths.item()) ? from.at(i) : padding);
    };
    copy(one.inputs, one.lengths, out.inputs, 1);
    out.lengths.set(row, one.lengths.item());
    if (one.second_inputs.defined()) {
      copy(one.second_inputs, one.second_lengths, out.second_inputs, 1);
      out.second_lengths.set(row, one.second_lengths.item());
    }
    if (out.targets.rank() == 1) out.targets.set(row, one.targets.item());
    else copy(one.targets, one.second_lengths, out.targets, -1);
  }

 private:
  static Description wider(const Dataset& set, Index more) {
    Description d = set.description();
    for (Shape* shape : {&d.inputs, &d.targets, &d.second_inputs})
      if (shape->rank() > 0) *shape = {(*shape)[0] + more};
    return d;
  }
  std::shared_ptr<const Dataset> whole_;
};

struct StepFigures {
  double loss;
  Tensor gradients;
};

// The first step over `set` in place of the experiment's own data.
StepFigures step_over(TestExperiment& run, const std::shared_ptr<const Dataset>& set) {
  const ExperimentOptions& o = run.options;
  const auto learner =
      make_learner(o.model, {o.attention, o.cross_attention}, o.head, run.experiment->data(), DType::float64);
  Trainer trainer(o.train, *learner, set, AdamWOptions(), [](std::int64_t) { return 1e-3; });
  const double loss = trainer.step().metrics[0].value;
  return {loss, trainer.gradients().clone()};
}

}  // namespace

TEST_CASE("an encoder-decoder learns to reverse", "[tasks]") {
  const auto run =
      trained(shipped_config("text/reverse.yaml"),
              {"data.longest=4", "data.symbols=4", "data.valid=200", "model.d_model=16", "model.n_layers=1",
               "model.n_decoder_layers=1", "attention.heads=2", "train.steps=250", "train.batch=32", "lr=1e-2"});
  CHECK(run->valid("accuracy") > 0.6);  // chance is about 1/4
  CHECK(run->valid("exact_match") > 0.2);
}

TEST_CASE("two towers learn which documents belong together", "[tasks]") {
  for (const char* head : {"head.type=cross_entropy", "head.type=binary_cross_entropy"}) {
    const auto run = trained(shipped_config("text/pairs.yaml"),
                             {"data.valid=300", "data.topics=3", "data.noise=0.2", "model.d_model=16",
                              "attention.heads=2", "train.steps=100", "train.batch=32", "lr=1e-2", head});
    CHECK(run->valid("accuracy") > 0.8);
  }
}

TEST_CASE("an encoder learns the classes of texts of any length", "[tasks]") {
  const TestFolder folder;
  const std::string data = "data.path=" + folder.write("letters.csv", letters_table()).string();
  const ConfigText config{"letters.yaml",
                          "data: {type: text_table, length: 8, split: {valid: 0.3}}\n"
                          "model: {type: encoder, d_model: 16, n_layers: 1, max_length: 16}\n"
                          "attention: {heads: 2}\n"
                          "lr: 1e-2\n"
                          "train: {steps: 60, batch: 32, shard: 8}\n"};
  const auto run = trained(config, {data, "model.pooling=" + GENERATE(std::string("mean"), "cls", "last")});
  CHECK(run->valid("accuracy") > 0.8);
}

TEST_CASE("several labels and several numbers are learned from a table", "[tasks]") {
  const TestFolder folder;
  const std::string path = folder.write("numbers.csv", numbers_table()).string();
  const std::string common = "model: {type: mlp, hidden: [32, 32]}\nlr: 1e-2\ntrain: {steps: 200, batch: 32}\n";
  const ConfigText labels{
      "labels.yaml",
      "data: {type: csv, task: multi_label, targets: [positive x, positive y], ignore: [sum, product]}\n"
      "head: {type: binary_cross_entropy}\n" +
          common};
  CHECK(trained(labels, {"data.path=" + path})->valid("accuracy") > 0.9);
  const ConfigText numbers{"numbers.yaml",
                           "data: {type: csv, task: regression, targets: [sum, product],"
                           " ignore: [positive x, positive y]}\n"
                           "head: {type: squared_error}\n" +
                               common};
  CHECK(trained(numbers, {"data.path=" + path})->valid("mse") < 0.1);  // the variances are 2.7 and 1.8
  const ConfigText one{"one.yaml",
                       "data: {type: csv, task: regression, target: sum,"
                       " ignore: [product, positive x, positive y]}\n"
                       "head: {type: squared_error}\n" +
                           common};
  CHECK(trained(one, {"data.path=" + path})->valid("mse") < 0.1);
}

TEST_CASE("padding changes nothing in loss and gradients", "[tasks][padding]") {
  const TestFolder folder;
  const std::string letters = folder.write("letters.csv", letters_table()).string();
  const std::string tail = "attention: {heads: 2}\ntrain: {steps: 1, batch: 16, dtype: float64}\n";
  const std::string model = "d_model: 8, n_layers: 1, max_length: 20";
  std::vector<std::string> configs;
  for (const char* pooling : {"mean", "cls", "last"})
    configs.push_back(
        fmt::format("data: {{type: text_table, length: 8, path: {}}}\n"
                    "model: {{type: encoder, {}, pooling: {}}}\n{}",
                    letters, model, pooling, tail));
  configs.push_back("data: {type: topic_pairs, longest: 10}\nmodel: {type: two_tower, " + model + "}\n" + tail);
  configs.push_back("data: {type: sequences, longest: 6}\nmodel: {type: encoder_decoder, " + model + "}\n" + tail);
  for (const std::string& config : configs)
    for (const char* attention : {"softmax", "linear"}) {
      INFO(config << attention);
      TestExperiment run(config, {std::string("attention.type=") + attention});
      const std::shared_ptr<const Dataset> own = run.experiment->data().train;
      const StepFigures plain = step_over(run, own);
      const StepFigures other = step_over(run, std::make_shared<Repadded>(own, 0));
      CHECK(other.loss == plain.loss);
      CHECK(same_bits(other.gradients, plain.gradients));
      const StepFigures wider = step_over(run, std::make_shared<Repadded>(own, 5));
      CHECK(wider.loss == Approx(plain.loss).epsilon(1e-12));
      check_close(wider.gradients, plain.gradients, 1e-10);
    }
}
