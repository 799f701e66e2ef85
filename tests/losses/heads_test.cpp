// The contract of every head, and what each kind adds to it.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/gradcheck.h"
#include "losses/cross_entropy_head.h"
#include "losses/elementwise_head.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

constexpr Index kWidth = 6, kOutputs = 5;

std::unique_ptr<HeadOptions> options_of(const Kind& kind) {
  std::unique_ptr<Options> options = kind.make();
  return std::unique_ptr<HeadOptions>(dynamic_cast<HeadOptions*>(options.release()));
}

// Samples of three targets each, of the kind a head wants; a few are missing.
Tensor targets_for(std::string_view kind, Index samples) {
  if (kind != "binary_cross_entropy" && kind != "squared_error") {
    Tensor t = Tensor::empty({samples, 3}, DType::int32);
    for (Index i = 0; i < t.size(); ++i) t.set(i, i % 7 == 5 ? -1 : static_cast<double>(i * 3 % kOutputs));
    return t;
  }
  Tensor t = Tensor::empty({samples, 3, kOutputs}, DType::float64);
  Rng(4, "targets").fill_uniform(t, 0, 1);
  for (Index i = 0; i < t.size(); i += 7) t.set(i, kNaN);
  return t;
}

Tensor weights_for(Index samples) {
  Tensor weights = Tensor::empty({samples}, DType::float64);
  for (Index i = 0; i < samples; ++i) weights.set(i, static_cast<double>(i % 4) / 2);
  return weights;
}

struct Fixture {
  explicit Fixture(const HeadOptions& options, DType dtype = DType::float64, Index samples = 8)
      : head(options.make({kWidth, kOutputs, nullptr})), parameters(*head, dtype, Rng(1, "run")) {
    x = Tensor::empty({samples, 3, kWidth}, dtype);
    Rng(2, "x").fill_normal(x, 0, 1);
  }

  struct Result {
    double loss = 0;
    std::vector<double> sums;
    Tensor gradients, dx;
  };
  Result run(const Targets& targets, double normaliser, Index first, Index count, int threads = 1) {
    Tape tape(threads);
    Context context(tape, parameters, Rng(1, "run"));
    Result result{0, std::vector<double>(head->sum_names().size()), parameters.make_flat(), {}};
    context.set_gradients(result.gradients);
    context.begin(1, first);
    const Var features = tape.leaf(x.rows(first, count));
    const Var loss = head->loss(context, features, targets, normaliser, result.sums);
    CHECK(loss.shape() == Shape{});
    tape.backward(loss);
    result.loss = loss.value().item();
    result.dx = tape.grad(features).clone();
    return result;
  }

  std::unique_ptr<Head> head;
  Parameters parameters;
  Tensor x;
};

Targets part(const Targets& targets, Index first, Index count) {
  return {targets.values.rows(first, count), targets.weights.rows(first, count)};
}

double metric(const Head& head, std::string_view name, std::span<const double> sums) {
  for (const Metric& m : head.metrics(sums))
    if (m.name == name) return m.value;
  FAIL("no metric " << name);
  return 0;
}

}  // namespace

TEST_CASE("the shards of a batch add up: loss, gradients and sums", "[heads]") {
  for (const Kind& kind : head_kinds()) {
    INFO(kind.name);
    Fixture f(*options_of(kind));
    const Targets targets(targets_for(kind.name, 8), weights_for(8));
    const double normaliser = f.head->weight(targets);
    const auto whole = f.run(targets, normaliser, 0, 8);
    double weight = 0, loss = 0;
    std::vector<double> sums(whole.sums.size());
    Vector<double> gradients = Vector<double>::Zero(f.parameters.flat_size());
    for (Index first = 0; first < 8; first += 2) {
      weight += f.head->weight(part(targets, first, 2));
      const auto shard = f.run(part(targets, first, 2), normaliser, first, 2);
      loss += shard.loss;
      gradients += shard.gradients.vec<double>();
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += shard.sums[i];
    }
    CHECK(weight == normaliser);
    CHECK(loss == Approx(whole.loss).epsilon(1e-13));
    CHECK((gradients - whole.gradients.vec<double>()).abs().maxCoeff() <= 1e-13);
    for (std::size_t i = 0; i < sums.size(); ++i) CHECK(sums[i] == Approx(whole.sums[i]).epsilon(1e-13));
    // The first metric is the loss that was trained on.
    const NamedValues metrics = f.head->metrics(whole.sums);
    CHECK(metrics[0].name == "loss");
    CHECK(metrics[0].value == Approx(whole.loss).epsilon(1e-13));
    std::set<std::string_view> names;
    for (const Metric& m : metrics) CHECK((names.insert(m.name).second && std::isfinite(m.value)));
  }
}

TEST_CASE("the gradients of every head agree with finite differences", "[heads][gradcheck]") {
  for (const Kind& kind : head_kinds()) {
    INFO(kind.name);
    Fixture f(*options_of(kind), DType::float64, 2);
    const Targets targets(targets_for(kind.name, 2), weights_for(2));
    const double normaliser = f.head->weight(targets);
    // The whole flat buffer by differences of the loss.
    const auto analytic = f.run(targets, normaliser, 0, 2);
    const auto loss_at = [&](Tensor& where, Index i, double value) {
      const double before = where.at(i);
      where.set(i, value);
      const double loss = f.run(targets, normaliser, 0, 2).loss;
      where.set(i, before);
      return loss;
    };
    const auto check = [&](Tensor& where, const Tensor& gradient) {
      for (Index i = 0; i < where.size(); ++i) {
        const double h = 1e-5, at = where.at(i);
        const double numeric = (loss_at(where, i, at + h) - loss_at(where, i, at - h)) / (2 * h);
        CHECK(gradient.at(i) == Approx(numeric).epsilon(1e-7).margin(1e-9));
      }
    };
    check(f.parameters.flat(), analytic.gradients);
    check(f.x, analytic.dx);
  }
}

TEST_CASE("every head gives the same bits on any number of threads", "[heads]") {
  for (const Kind& kind : head_kinds()) {
    INFO(kind.name);
    Fixture f(*options_of(kind), DType::float32, 200);
    const Targets targets(targets_for(kind.name, 200));
    const auto one = f.run(targets, 100, 0, 200), four = f.run(targets, 100, 0, 200, 4);
    CHECK(one.loss == four.loss);
    CHECK(one.sums == four.sums);
    CHECK(same_bits(one.gradients, four.gradients));
    CHECK(same_bits(one.dx, four.dx));
  }
}

TEST_CASE("without any target a head costs nothing and moves nothing", "[heads]") {
  for (const Kind& kind : head_kinds()) {
    INFO(kind.name);
    Fixture f(*options_of(kind));
    const Targets none(targets_for(kind.name, 8), Tensor::zeros({8}, DType::float64));
    CHECK(f.head->weight(none) == 0);
    const auto result = f.run(none, 0, 0, 8);
    CHECK(result.loss == 0);
    CHECK((result.gradients.vec<double>() == 0).all());
    CHECK((result.dx.vec<double>() == 0).all());
    CHECK(result.sums == std::vector<double>(result.sums.size()));
    CHECK(std::isnan(f.head->metrics(result.sums)[0].value));
  }
}

TEST_CASE("the logits of a head are those of its loss", "[heads]") {
  Fixture f(CrossEntropyHeadOptions{});
  Tape tape;
  Context context(tape, f.parameters);
  context.begin(0, 0);
  const Var z = f.head->logits(context, tape.constant(f.x));
  CHECK(z.shape() == Shape{8, 3, kOutputs});
  const Tensor t = targets_for("cross_entropy", 8);
  double nll = 0, count = 0;
  for (Index row = 0; row < t.size(); ++row) {
    if (t.at(row) == -1) continue;
    double total = 0;
    for (Index c = 0; c < kOutputs; ++c) total += std::exp(z.value().at(row * kOutputs + c));
    nll += std::log(total) - z.value().at(row * kOutputs + static_cast<Index>(t.at(row)));
    ++count;
  }
  const auto result = f.run(t, count, 0, 8);
  CHECK(result.loss == Approx(nll / count).epsilon(1e-13));
  CHECK(metric(*f.head, "perplexity", result.sums) == Approx(std::exp(nll / count)).epsilon(1e-13));
  CHECK(metric(*f.head, "bits", result.sums) == Approx(nll / count / std::log(2)).epsilon(1e-13));
}

TEST_CASE("a head may share the embedding's table", "[heads]") {
  struct Tied : Module {
    Parameter embedding{{kOutputs, kWidth}, Init::normal(1), false};
    std::unique_ptr<Head> head;
    void visit(ParameterVisitor& v) override {
      v("embedding", embedding);
      v("head", head);
    }
  } model;
  CrossEntropyHeadOptions options;
  options.bias = false;
  model.head = options.make({kWidth, kOutputs, &model.embedding});
  const Parameters parameters(model, DType::float64, Rng(1, "run"));
  CHECK(parameters.entries().size() == 1);
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const Tensor x = Tensor::from<double>({1, kWidth}, {0, 0, 1, 0, 0, 0});
  const Var z = model.head->logits(context, tape.constant(x));
  for (Index c = 0; c < kOutputs; ++c) CHECK(z.value().at(c) == model.embedding.value.at(c * kWidth + 2));
}

namespace {

// One sample with features e_0, so that the outputs are the first column of the weight plus the bias (here 0).
double loss_of(const HeadOptions& options, std::initializer_list<double> outputs, const Targets& targets,
               std::vector<double>* sums = nullptr) {
  const auto n = static_cast<Index>(outputs.size());
  const auto head = options.make({1, n, nullptr});
  Parameters parameters(*head, DType::float64, Rng(1, "run"));
  parameters.find("weight").parameter->value.copy_from(Tensor::from<double>({n, 1}, outputs));
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  std::vector<double> found(head->sum_names().size());
  const double loss =
      head->loss(context, tape.constant(Tensor::full({1, 1}, DType::float64, 1)), targets, head->weight(targets), found)
          .value()
          .item();
  if (sums) *sums = found;
  return loss;
}

Tensor row(std::initializer_list<double> values) {
  return Tensor::from<double>({1, static_cast<Index>(values.size())}, values);
}

}  // namespace

TEST_CASE("class weights divide by the weights of the targets", "[heads]") {
  CrossEntropyHeadOptions options;
  options.class_weights = {1, 4};
  std::vector<double> sums;
  const double loss = loss_of(options, {1, 0}, Tensor::from<std::int32_t>({1}, {1}), &sums);
  CHECK(loss == Approx(std::log(1 + std::exp(1.0))).epsilon(1e-14));  // F.cross_entropy(.., weight=[1, 4])
  CHECK(sums[1] == 4);
}

TEST_CASE("binary cross-entropy at the ends of the range", "[heads]") {
  BinaryHeadOptions options;
  // F.binary_cross_entropy_with_logits([0, 2, -2, 1000, -1000, 1000], [1, 1, 0, 1, 0, 0], reduction='none')
  //   = ln 2, ln(1 + e^-2) twice, 0, 0, 1000
  const double expected = std::log(2) + 2 * std::log1p(std::exp(-2.0)) + 1000;
  std::vector<double> sums;
  const double loss = loss_of(options, {0, 2, -2, 1000, -1000, 1000}, row({1, 1, 0, 1, 0, 0}), &sums);
  CHECK(loss == Approx(expected / 6).epsilon(1e-14));
  CHECK(sums[0] == 6);
  CHECK(sums[2] == Approx(expected).epsilon(1e-14));
  CHECK(sums[3] == 4);
  SECTION("small losses keep their digits") {
    CHECK(loss_of(options, {30, -30}, row({1, 0})) == Approx(std::log1p(std::exp(-30.0))).epsilon(1e-12));
  }
  SECTION("missing targets and int32 labels") {
    CHECK(loss_of(options, {0, 2}, row({1, kNaN})) == Approx(std::log(2)).epsilon(1e-14));
    CHECK(loss_of(options, {0, 2}, Tensor::from<std::int32_t>({1, 2}, {1, -1})) == Approx(std::log(2)).epsilon(1e-14));
  }
  SECTION("positive weights are those of PyTorch") {
    // F.binary_cross_entropy_with_logits([1, 1], [1, 0], pos_weight=[3, 3]) = (3 ln(1 + e^-1) + ln(1 + e)) / 2
    options.positive_weights = {3, 3};
    CHECK(loss_of(options, {1, 1}, row({1, 0})) ==
          Approx((3 * std::log1p(std::exp(-1.0)) + std::log1p(std::exp(1.0))) / 2).epsilon(1e-14));
  }
}

TEST_CASE("squared error weighs and leaves out", "[heads]") {
  const SquaredErrorHeadOptions options;
  std::vector<double> sums;
  CHECK(loss_of(options, {1, 5, 9}, {row({3, 4, kNaN}), row({1, 3, 7})}, &sums) == 7.0 / 4);
  CHECK(sums == std::vector<double>{2, 4, 7, 5, 3});
  // -1 is a number like others.
  CHECK(loss_of(options, {1, 5}, Tensor::from<std::int32_t>({1, 2}, {-1, 5})) == 2);
}

TEST_CASE("heads say what is wrong", "[heads][errors]") {
  CrossEntropyHeadOptions classes;
  const Parameter table({5, 7}, Init::zeros());
  CHECK(error_of([&] {
          classes.make({0, 5, nullptr});
        }) == "cross_entropy head: width 0 and 5 outputs came; both must be above 0");
  CHECK(error_of([&] {
          classes.make({6, 5, &table});
        }) ==
        "cross_entropy head: the tied embedding has shape [5, 7], but 5 outputs of width 6 need [5, 6]; untie it");
  classes.class_weights = {1, 2};
  CHECK(error_of([&] {
          classes.make({6, 5, nullptr});
        }) == "cross_entropy head: 2 class weights came for 5 outputs; one for each was wanted, or none");
  BinaryHeadOptions binary;
  CHECK(error_of([&] {
          loss_of(binary, {0, 0}, row({1}));
        }) == "binary_cross_entropy head: the targets have shape [1, 1]; [.., 2], one for each output, was wanted");
  CHECK(error_of([&] {
          loss_of(binary, {0, 0}, row({0, 2}));
        }) ==
        "binary_cross_entropy head: target 1 is 2; a number in [0, 1] was wanted, or NaN (as int32: -1) where it is "
        "missing");
  CHECK(error_of([&] {
          loss_of(binary, {0, 0}, {row({0, 1}), row({1})});
        }) ==
        "binary_cross_entropy head: the weights are float64 [1, 1], but the targets float64 [1, 2]: floats of that "
        "shape or its first axes were wanted");
  CHECK(error_of([&] {
          loss_of(SquaredErrorHeadOptions{}, {0}, Tensor::zeros({2, 1}, DType::float64));
        }) == "squared_error head: the targets have shape [2, 1], but the outputs [1, 1]; they must be the same");
  binary.positive_weights = {1};
  CHECK(error_of([&] {
          binary.make({6, 5, nullptr});
        }) == "binary_cross_entropy head: 1 positive weights came for 5 outputs; one for each was wanted, or none");
  Fixture f(SquaredErrorHeadOptions{});
  CHECK(error_of([&] { f.run(targets_for("squared_error", 8), -1, 0, 8); }) ==
        "squared_error head: the normaliser is -1; a finite number of at least 0 was wanted, such as the number of "
        "targets");
  CHECK(error_of([&] { f.head->metrics(std::vector<double>(2)); }) ==
        "squared_error head: 2 sums came; 5, one for each of sum_names(), were wanted");
}
