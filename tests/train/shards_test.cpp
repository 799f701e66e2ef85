#include "train/shards.h"

#include <catch2/catch.hpp>

#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/matmul.h"

using namespace tempera;

namespace {

struct TwoLayers : Module {
  Parameter up{{24, 8}, Init::fan_in(8)}, bias{{24}, Init::zeros(), false}, down{{1, 24}, Init::fan_in(24)};
  Parameter absent;
  void visit(ParameterVisitor& v) override {
    v("up", up);
    v("bias", bias);
    v("down", down);
    v("absent", absent);
  }
};

struct Setup {
  explicit Setup(int threads)
      : parameters(model, DType::float32, Rng(1, "run")), runner(parameters, Rng(1, "run"), threads, 1) {
    Rng(2, "x").fill_normal(x, 0, 1);
  }

  // A step over 48 samples in shards of `per_shard`.
  ShardResult step(Index per_shard) {
    return runner.run(
        3, x.dim(0) / per_shard, [&](Index shard) { return shard * per_shard; },
        [&](Context& c, Index shard, std::span<double> sums) {
          sums[0] += static_cast<double>(per_shard);
          const Var in = c.tape().constant(x.rows(shard * per_shard, per_shard));
          const Var h = linear(in, c[model.up], c[model.bias], Activation::tanh);
          const Var y = linear(h, c[model.down]);
          const Var ones = c.tape().constant(Tensor::full({1, per_shard}, DType::float32, 1));
          return matmul(ones, square(y));
        });
  }

  TwoLayers model;
  Parameters parameters;
  ShardRunner runner;
  Tensor x = Tensor::empty({48, 8}, DType::float32);
};

}  // namespace

TEST_CASE("the gradient has the same bits on any number of threads", "[shards]") {
  Setup reference(1);
  const ShardResult expected = reference.step(4);
  const std::vector<double> gradient = reference.runner.gradients().to_vector();
  CHECK(expected.sums[0] == 48);
  for (const int threads : {1, 2, 3, 4, 8})
    for (int repetition = 0; repetition < 5; ++repetition) {
      Setup setup(threads);
      for (int step = 0; step < 2; ++step) {
        const ShardResult result = setup.step(4);
        CHECK(result.loss == expected.loss);
        CHECK(setup.runner.gradients().to_vector() == gradient);
      }
    }
}

TEST_CASE("the cut into shards changes the result by rounding only", "[shards]") {
  Setup whole(2), cut(2);
  const double loss = whole.step(48).loss;
  CHECK(cut.step(3).loss == Approx(loss).epsilon(1e-6));
  const std::vector<double> a = whole.runner.gradients().to_vector(), b = cut.runner.gradients().to_vector();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-4));
}

TEST_CASE("a failing shard ends the step with its error, and the next step works", "[shards][errors]") {
  Setup setup(2);
  const auto broken = [&](Context&, Index shard, std::span<double>) -> Var {
    fail("test", "shard {} is broken", shard);
  };
  CHECK_THROWS_WITH(setup.runner.run(
                        1, 5, [](Index) { return 0; }, broken),
                    "test: shard 0 is broken");
  CHECK(setup.step(4).sums[0] == 48);
}

TEST_CASE("parameters lie in one buffer, are named by path and start by their own streams", "[module]") {
  TwoLayers model;
  const Parameters parameters(model, DType::float64, Rng(5, "run"));
  REQUIRE(parameters.entries().size() == 3);
  CHECK(parameters.entries()[1].name == "bias");
  CHECK(parameters.count() == 24 * 8 + 24 + 24);
  CHECK(parameters.entries()[1].offset == 192);
  CHECK(parameters.entries()[2].offset % 16 == 0);
  CHECK(model.up.value.shape() == Shape{24, 8});
  CHECK(std::abs(model.up.value.at(7)) <= 1 / std::sqrt(8.0));
  CHECK(model.bias.value.to_vector() == std::vector<double>(24, 0));
  CHECK_THROWS_WITH(parameters.find("pu"), "Parameters: the model has no parameter 'pu'");
  SECTION("another model with the same name in it starts the same") {
    struct Other : Module {
      Parameter more{{5}, Init::normal(1)}, up{{24, 8}, Init::fan_in(8)};
      void visit(ParameterVisitor& v) override {
        v("more", more);
        v("up", up);
      }
    } other;
    const Parameters others(other, DType::float64, Rng(5, "run"));
    CHECK(other.up.value.to_vector() == model.up.value.to_vector());
  }
}
