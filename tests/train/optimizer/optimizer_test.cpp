// The contract of every optimizer, and the rules written out.
#include "train/optimizer/optimizer.h"

#include <Eigen/SVD>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "tests/support/twins.h"
#include "tests/train/optimizer/support.h"
#include "train/optimizer/adam.h"
#include "train/optimizer/lion.h"
#include "train/optimizer/muon.h"
#include "train/optimizer/sgd.h"

using namespace tempera;

namespace {

// One scalar parameter through some gradients.
std::vector<double> path(const OptimizerOptions& options, double start, std::initializer_list<double> gradients,
                         double lr) {
  const auto optimizer = options.make({{.offset = 0, .size = 1}});
  Tensor value = Tensor::full({1}, DType::float64, start);
  std::vector<double> points;
  std::int64_t step = 0;
  for (const double g : gradients) {
    optimizer->step(value, Tensor::full({1}, DType::float64, g), {.step = ++step, .lr = lr});
    points.push_back(value.item());
  }
  return points;
}

std::vector<double> close(std::initializer_list<double> values) {
  return values;
}

struct Large : Module {
  Parameter matrix{{130, 70}, Init::normal(1)}, vector{{20011}, Init::normal(1), false};
  void visit(ParameterVisitor& v) override {
    v("matrix", matrix);
    v("vector", vector);
  }
};

struct Run {
  explicit Run(const OptimizerOptions& options, DType dtype = DType::float32, const ParameterRules& rules = {})
      : parameters(model, dtype, Rng(1, "run")), optimizer(options.make(segments_of(parameters, rules))) {}

  void step(int t, int threads = 1) {
    Tensor gradients = Tensor::empty({parameters.flat_size()}, parameters.dtype());
    Rng(2, "g", static_cast<std::uint64_t>(t)).fill_normal(gradients, 0, 1);
    optimizer->step(parameters.flat(), gradients, {.step = t, .lr = 0.01, .threads = threads});
  }

  Large model;
  Parameters parameters;
  std::unique_ptr<Optimizer> optimizer;
};

void with_decay(OptimizerOptions& options, double decay) {
  if (auto* o = dynamic_cast<SgdOptions*>(&options)) o->weight_decay = decay;
  if (auto* o = dynamic_cast<AdamOptions*>(&options)) o->weight_decay = decay;
  if (auto* o = dynamic_cast<LionOptions*>(&options)) o->weight_decay = decay;
  if (auto* o = dynamic_cast<MuonOptions*>(&options)) o->weight_decay = decay;
}

}  // namespace

TEST_CASE("the first step of AdamW is the sign of the gradient and the decay", "[optimizer]") {
  AdamWOptions adamw;  // weight decay 0.01
  const double p = path(adamw, 1, {0.5}, 0.1)[0];
  CHECK(p == Approx(0.899).epsilon(1e-7));
  CHECK(p == Approx(1 - 0.1 * 0.01 - 0.1 * 0.5 / (0.5 + 1e-8)).epsilon(1e-15));
}

TEST_CASE("Lion moves by the sign of its interpolation", "[optimizer]") {
  LionOptions lion;
  lion.betas = {0.5, 0.75};
  lion.weight_decay = 0;
  // c = 0.5 m + 0.5 g:   1 -> +,   m = 1/2 then c = 1/4 - 1/8 -> +,   m = 5/16, c = 5/32 - 1/2 -> -,   c = 0 -> stays
  const auto points = path(lion, 0, {2, -0.25, -1}, 1);
  CHECK(points == close({-1, -2, -1}));
  CHECK(path(lion, 3, {0, 0}, 1) == close({3, 3}));
  lion.weight_decay = 0.5;
  CHECK(path(lion, 3, {0, 1}, 0.5) == close({2.25, 2.25 * 0.75 - 0.5}));
}

TEST_CASE("100 steps of Lion follow its algorithm", "[optimizer]") {
  SmallModel model;
  Parameters parameters(model, DType::float64, Rng(1, "run"));
  LionOptions options;
  const auto optimizer = options.make(segments_of(parameters));
  Vector<double> p = parameters.flat().vec<double>(), m = Vector<double>::Zero(p.size());
  for (int t = 1; t <= 100; ++t) {
    const Tensor gradients = golden_gradient(parameters, t);
    const auto g = gradients.vec<double>();
    for (const Parameters::Entry& entry : parameters.entries())
      for (Index i = entry.offset; i < entry.offset + entry.size; ++i) {
        const double c = 0.9 * m[i] + 0.1 * g[i];
        p[i] -= 0.01 * ((c > 0) - (c < 0) + (entry.parameter->decay ? 0.1 * p[i] : 0));
        m[i] = 0.99 * m[i] + 0.01 * g[i];
      }
    optimizer->step(parameters.flat(), gradients, {.step = t, .lr = 0.01});
  }
  CHECK((p - parameters.flat().vec<double>()).abs().maxCoeff() <= 1e-12);
}

TEST_CASE("Muon makes the singular values of a matrix alike", "[optimizer]") {
  SmallModel model;
  Parameters parameters(model, DType::float64, Rng(1, "run"));
  const Tensor before = parameters.flat().clone();
  Tensor gradients = Tensor::empty({parameters.flat_size()}, DType::float64);
  Rng(2, "g").fill_normal(gradients, 0, 1);
  MuonOptions options;
  options.make(segments_of(parameters))->step(parameters.flat(), gradients, {.lr = 1});
  const Tensor was = parameters.view(before, parameters.find("tall"));
  const Eigen::MatrixXd update = was.mat<double>() - model.tall.value.mat<double>();
  const Eigen::VectorXd values = Eigen::JacobiSVD<Eigen::MatrixXd>(update).singularValues() / std::sqrt(7.0 / 3);
  CHECK(values.minCoeff() > 0.5);
  CHECK(values.maxCoeff() < 1.3);
}

TEST_CASE("every optimizer gives the same bits on any number of threads", "[optimizer]") {
  for (const Kind& kind : optimizer_kinds())
    for (const DType dtype : {DType::float32, DType::float64}) {
      INFO(kind.name << ", " << to_string(dtype));
      Run one(*optimizer_options(kind.name), dtype), four(*optimizer_options(kind.name), dtype);
      for (int t = 1; t <= 3; ++t) {
        one.step(t);
        four.step(t, 4);
      }
      CHECK(same_bits(one.parameters.flat(), four.parameters.flat()));
    }
}

TEST_CASE("every optimizer goes on from its states bit for bit", "[optimizer]") {
  for (const Kind& kind : optimizer_kinds()) {
    INFO(kind.name);
    Run whole(*optimizer_options(kind.name)), resumed(*optimizer_options(kind.name));
    for (int t = 1; t <= 4; ++t) whole.step(t);
    resumed.optimizer->prepare(resumed.parameters.flat_size(), DType::float32);
    resumed.parameters.flat().copy_from(whole.parameters.flat());
    const auto from = whole.optimizer->states(), to = resumed.optimizer->states();
    REQUIRE(from.size() == to.size());
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < from.size(); ++i) {
      CHECK(from[i].name == to[i].name);
      CHECK(names.insert(from[i].name).second);
      to[i].tensor->copy_from(*from[i].tensor);
    }
    for (int t = 5; t <= 8; ++t) {
      whole.step(t);
      resumed.step(t);
    }
    CHECK(same_bits(whole.parameters.flat(), resumed.parameters.flat()));
  }
}

TEST_CASE("weight decay reaches the parameters that ask for it, and no other", "[optimizer]") {
  for (const Kind& kind : optimizer_kinds()) {
    INFO(kind.name);
    const auto options = optimizer_options(kind.name);
    with_decay(*options, 0);
    Run without(*options);
    with_decay(*options, 0.5);
    Run with(*options);
    without.step(1);
    with.step(1);
    CHECK_FALSE(same_bits(with.model.matrix.value, without.model.matrix.value));
    CHECK(same_bits(with.model.vector.value, without.model.vector.value));
    ParameterRules rules;
    rules.no_decay = {"mat*"};
    Run excepted(*options, DType::float32, rules);
    excepted.step(1);
    CHECK(same_bits(excepted.parameters.flat(), without.parameters.flat()));
  }
}

TEST_CASE("learning rate factors scale the step of their parameters", "[optimizer]") {
  for (const Kind& kind : optimizer_kinds()) {
    INFO(kind.name);
    const auto options = optimizer_options(kind.name);
    ParameterRules rules;
    rules.lr_factors = {"matrix=0", "vec*=0.5", "*tor=0.5"};
    Run plain(*options, DType::float64), scaled(*options, DType::float64, rules);
    const Tensor start = plain.parameters.flat().clone();
    plain.step(1);
    scaled.step(1);
    CHECK(same_bits(scaled.model.matrix.value, scaled.parameters.view(start, scaled.parameters.find("matrix"))));
    const Tensor from = plain.parameters.view(start, plain.parameters.find("vector"));
    for (const Index i : {Index{0}, Index{20010}}) {
      const double whole = plain.model.vector.value.at(i) - from.at(i);
      CHECK(scaled.model.vector.value.at(i) - from.at(i) == Approx(whole / 4).epsilon(1e-10));
    }
  }
}

TEST_CASE("a gradient that is scaled while it is read equals a gradient that was scaled", "[optimizer]") {
  for (const Kind& kind : optimizer_kinds()) {
    INFO(kind.name);
    Run read(*optimizer_options(kind.name)), was(*optimizer_options(kind.name));
    Tensor gradients = Tensor::empty({read.parameters.flat_size()}, DType::float32);
    Rng(2, "g").fill_normal(gradients, 0, 1);
    read.optimizer->step(read.parameters.flat(), gradients, {.gradient_scale = 0.25, .gradient_limit = 0.25});
    for (Index i = 0; i < gradients.size(); ++i) gradients.set(i, std::clamp(gradients.at(i) * 0.25, -0.25, 0.25));
    was.optimizer->step(was.parameters.flat(), gradients, {});
    CHECK(same_bits(read.parameters.flat(), was.parameters.flat()));
  }
}

TEST_CASE("optimizers say what is wrong", "[optimizer][errors]") {
  const auto optimizer = SgdOptions().make({{.offset = 0, .size = 3}});
  Tensor three = Tensor::zeros({3}, DType::float32), two = Tensor::zeros({2}, DType::float32),
         four = Tensor::zeros({4}, DType::float32);
  CHECK(error_of([&] { optimizer->step(three, two, {}); }) ==
        "optimizer: the parameters are float32 [3], but their gradients float32 [2]; both must have one layout");
  CHECK(error_of([&] { optimizer->step(three, Tensor::zeros({3}, DType::float64), {}); }) ==
        "optimizer: the parameters are float32 [3], but their gradients float64 [3]; both must have one layout");
  CHECK(error_of([&] { optimizer->step(three, three, {.step = 0}); }) ==
        "optimizer: step 0 came; steps are counted from 1");
  CHECK(error_of([&] { optimizer->step(two, two, {}); }) ==
        "optimizer: a segment [0, 3) reaches beyond the 2 parameters; make it with segments_of() of this model");
  const auto backwards = SgdOptions().make({{.offset = 1, .size = 1}, {.offset = 0, .size = 1}});
  CHECK(error_of([&] { backwards->step(three, three, {}); }) ==
        "optimizer: a segment begins at 0, but the one before it ends at 2; they must come in order, as segments_of() "
        "gives them");
  optimizer->step(three, three, {});
  CHECK(error_of([&] { optimizer->step(four, four, {}); }) ==
        "optimizer: the states are float32 [3], but the parameters 4 of float32; an optimizer belongs to one model");
  AdamWOptions adam;
  adam.betas = {0.9};
  CHECK(error_of([&] { adam.make({}); }) == "optimizer: betas: two numbers were wanted, as in [0.9, 0.999]");
  LionOptions lion;
  lion.betas = {};
  CHECK(error_of([&] { lion.make({}); }) == "optimizer: betas: two numbers were wanted, as in [0.9, 0.99]");
  MuonOptions muon;
  muon.betas = {1, 2, 3};
  CHECK(error_of([&] { muon.make({}); }) == "optimizer: betas: two numbers were wanted, as in [0.9, 0.95]");
  SgdOptions sgd;
  sgd.nesterov = true;
  sgd.momentum = 0;
  CHECK(error_of([&] { sgd.make({}); }) == "optimizer: nesterov: nesterov needs a momentum above 0");
}
