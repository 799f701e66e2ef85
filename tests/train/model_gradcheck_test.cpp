#include "train/model_gradcheck.h"

#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/reductions.h"
#include "layers/linear.h"
#include "tests/support/language.h"

using namespace tempera;

namespace {

std::vector<Example> no_examples() {
  return {};
}
const Op wrong_op{"wrong", no_examples};

// y = x, with a gradient that is `factor` times what it should be.
Var scaled_gradient(const Var& x, double factor) {
  return Tape::record(wrong_op, {x}, x.value(), [factor](const Tensor& dy, Gradients& dx) {
    Tensor gradient = dy.clone();
    gradient.vec<double>() *= factor;
    dx.add(0, gradient);
  });
}

// Two layers and the sum of squares; the gradient of the second one's weight may be wrong.
struct TwoLayers : Learner {
  struct Net : Module {
    Net(Activation activation) : first(3, 4, {true, activation, Init::normal(0.5)}), second(4, 2) {}
    void visit(ParameterVisitor& v) override {
      v("first", first);
      v("second", second);
    }
    Linear first, second;
  };

  explicit TwoLayers(Activation activation, double factor_ = 1) : net(activation), factor(factor_) {}
  Module& module() override { return net; }
  double weight(const Batch& samples) const override { return static_cast<double>(samples.size()); }
  Var loss(Context& context, const Batch& samples, double normaliser, std::span<double>) const override {
    const Var x = context.tape().constant(samples.inputs.to(DType::float64));
    const Var h = run(context, "first", net.first, x);
    const Var w = scaled_gradient(context[net.second.weight], factor);
    return sum(square(linear(h, w, context[net.second.bias]))) * (1 / normaliser);
  }
  int sum_count() const override { return 0; }
  NamedValues metrics(std::span<const double>) const override { return {}; }

  Net net;
  double factor;
};

Batch three_numbers(const Tensor& inputs) {
  Batch batch;
  batch.inputs = inputs;
  batch.ids = Tensor::zeros({inputs.dim(0)}, DType::int32);
  return batch;
}

ModelGradcheck check(TwoLayers& learner, const Tensor& inputs, const ModelGradcheckOptions& options = {}) {
  Parameters parameters(learner.module(), DType::float64, Rng(3, "module"));
  return gradcheck_model(learner, parameters, three_numbers(inputs), options);
}

}  // namespace

TEST_CASE("the gradients of a model are compared per parameter", "[gradcheck]") {
  TwoLayers learner(Activation::tanh);
  const ModelGradcheck result = check(learner, random_tensor({5, 3}, 1));
  CHECK(result.ok);
  REQUIRE(result.parameters.size() == 4);
  CHECK(result.parameters[0].name == "first.weight");
  CHECK(result.parameters[0].shape == Shape{4, 3});
  CHECK(result.parameters[0].checked == 8);
  CHECK(result.parameters[1].checked == 4);
  for (const ParameterCheck& p : result.parameters) {
    CHECK(p.ok);
    CHECK(p.worst.relative < 1e-8);
    CHECK(p.worst.where.front() == '[');
    CHECK(p.kinks == 0);
  }
  CHECK(result.text().find("all 4 parameters agree with finite differences") != std::string::npos);
  ModelGradcheckOptions all;
  all.entries = 0;
  all.threads = 3;
  CHECK(check(learner, random_tensor({5, 3}, 1), all).parameters[0].checked == 12);
}

TEST_CASE("a wrong gradient of one module is caught and named", "[gradcheck]") {
  for (const double factor : {1 + 1e-4, -1.0, 0.0, 2.0}) {
    TwoLayers learner(Activation::tanh, factor);
    const ModelGradcheck result = check(learner, random_tensor({5, 3}, 1));
    CHECK_FALSE(result.ok);
    for (const ParameterCheck& p : result.parameters) CHECK(p.ok == (p.name != "second.weight"));
    const ParameterCheck& wrong = result.parameters[2];
    CHECK(wrong.worst.analytic == Approx(factor * wrong.worst.numeric).epsilon(1e-8).margin(1e-12));
    const std::string text = result.text();
    CHECK(text.find("   WRONG\n") != std::string::npos);
    CHECK(text.find("1 of 4 parameters disagree with finite differences (tolerance 1e-06); worst: second.weight[") !=
          std::string::npos);
  }
}

TEST_CASE("kinks are counted and said", "[gradcheck]") {
  TwoLayers learner(Activation::relu);
  Parameters parameters(learner.module(), DType::float64, Rng(3, "module"));
  // Inputs and first bias are 0, so all hidden numbers lie at the corner; the second bias gives the loss a slope there.
  learner.net.second.bias.value.fill(0.5);
  ModelGradcheckOptions options;
  options.noise = 0;
  const ModelGradcheck result =
      gradcheck_model(learner, parameters, three_numbers(Tensor::zeros({2, 3}, DType::float64)), options);
  CHECK(result.ok);
  for (const ParameterCheck& p : result.parameters) CHECK(p.kinks == (p.name == "first.bias" ? 4 : 0));
  CHECK(result.text().find("4 entries lie at a kink, a corner of the loss such as that of ReLU at 0") !=
        std::string::npos);
}

TEST_CASE("a language model agrees, and the figures do not depend on threads", "[gradcheck]") {
  TinyLanguage tiny(5, 8);
  Batch batch;
  batch.inputs = random_tokens({2, 6}, 5, 1);
  batch.targets = random_tokens({2, 6}, 5, 2);
  batch.ids = Tensor::zeros({2}, DType::int32);
  batch = first_tokens(batch, 4);
  CHECK(batch.inputs.shape() == Shape{2, 4});
  CHECK(batch.targets.shape() == Shape{2, 4});
  std::string texts[2];
  for (const int threads : {1, 3}) {
    Parameters parameters(tiny.learner.module(), DType::float64, Rng(3, "module"));
    ModelGradcheckOptions options;
    options.entries = 2;
    options.threads = threads;
    const ModelGradcheck result = gradcheck_model(tiny.learner, parameters, batch, options);
    INFO(result.text());
    CHECK(result.ok);
    texts[threads == 3] = result.text();
  }
  CHECK(texts[0] == texts[1]);
}

TEST_CASE("gradients of float32 are not compared", "[gradcheck][errors]") {
  TwoLayers learner(Activation::tanh);
  Parameters parameters(learner.module(), DType::float32, Rng(3, "module"));
  CHECK(error_of([&] {
          gradcheck_model(learner, parameters, three_numbers(random_tensor({1, 3}, 1)), {});
        }) == "gradcheck: the parameters are float32; finite differences need float64");
}

TEST_CASE("batches are cut to their first tokens", "[gradcheck]") {
  Batch batch;
  batch.inputs = tokens({2, 3}, {1, 2, 3, 4, 5, 6});
  batch.targets = tokens({2}, {7, 8});
  batch.lengths = tokens({2}, {1, 3});
  const Batch part = first_tokens(batch, 2);
  CHECK(part.inputs.to_vector() == std::vector<double>{1, 2, 4, 5});
  CHECK(part.targets.to_vector() == std::vector<double>{7, 8});
  CHECK(part.lengths.to_vector() == std::vector<double>{1, 2});
  CHECK(first_tokens(batch, 3).inputs.shares_buffer(batch.inputs));
  batch.second_inputs = tokens({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  batch.second_lengths = tokens({2}, {4, 2});
  batch.targets = tokens({2, 4}, {2, 3, 4, 0, 6, 7, 8, 0});
  const Batch pair = first_tokens(batch, 3);
  CHECK(pair.second_inputs.to_vector() == std::vector<double>{1, 2, 3, 5, 6, 7});
  CHECK(pair.targets.to_vector() == std::vector<double>{2, 3, 4, 6, 7, 8});
  CHECK(pair.second_lengths.to_vector() == std::vector<double>{3, 2});
  batch.targets = tokens({2}, {7, 8});
  batch.inputs = Tensor::zeros({2, 9}, DType::float32);  // numbers, not a sequence
  CHECK(first_tokens(batch, 2).inputs.shape() == Shape{2, 9});
}
