#include "core/gradcheck.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/ops/elementwise.h"
#include "core/ops/reductions.h"
#include "core/pointwise.h"
#include "core/random.h"

using namespace tempera;

namespace {

const Op test_op{"test.wrong", nullptr};

// sin(x) with a backward pass of our choosing.
template <class Slope>
Function sine_with(Slope slope) {
  return [slope](std::span<const Var> x) {
    Tensor y = x[0].value().clone();
    y.vec<double>() = y.vec<double>().sin();
    return Tape::record(test_op, {x[0]}, y, [slope, in = x[0].value()](const Tensor& dy, Gradients& dx) {
      Into to = dx.into(0);
      for (Index i = 0; i < in.size(); ++i) to.grad.set(i, (to.add ? to.grad.at(i) : 0) + dy.at(i) * slope(in.at(i)));
    });
  };
}

Tensor points() {
  return Tensor::from<double>({4}, {-1.3, -0.2, 0.4, 1.1});
}

}  // namespace

TEST_CASE("a right gradient passes at full precision", "[gradcheck]") {
  const GradcheckReport report = gradcheck(sine_with([](double x) { return std::cos(x); }), {points()});
  CHECK(report.ok);
  CHECK(report.worst < 1e-11);
  CHECK(report.entries.size() == 8);  // each entry into a fresh gradient and on top of one
}

TEST_CASE("a gradient wrong by a part in a million, or in a hundred million, is rejected", "[gradcheck]") {
  for (const double wrong : {1e-2, 1e-6, 3e-8}) {
    const GradcheckReport report =
        gradcheck(sine_with([=](double x) { return std::cos(x) * (1 + wrong); }), {points()});
    CHECK_FALSE(report.ok);
    CHECK(report.worst == Approx(wrong).epsilon(0.3));
  }
}

TEST_CASE("a gradient that is only missing in one entry is rejected", "[gradcheck]") {
  CHECK_FALSE(gradcheck(sine_with([](double x) { return x > 1 ? 0 : std::cos(x); }), {points()}).ok);
  CHECK_FALSE(gradcheck(sine_with([](double x) { return x > 1 ? NAN : std::cos(x); }), {points()}).ok);
}

TEST_CASE("a gradient that overwrites is rejected", "[gradcheck]") {
  const Function overwrites = [](std::span<const Var> x) {
    Tensor y = x[0].value().clone();
    y.vec<double>() *= 3;
    return Tape::record(test_op, {x[0]}, y, [](const Tensor& dy, Gradients& dx) {
      Into to = dx.into(0);
      to.grad.vec<double>() = dy.vec<double>() * 3;  // ignores to.add
    });
  };
  CHECK_FALSE(gradcheck(overwrites, {points()}).ok);
}

TEST_CASE("a function without gradient where it has one is rejected", "[gradcheck]") {
  const Function cut = [](std::span<const Var> x) { return x[0].tape().constant(x[0].value()); };
  CHECK_FALSE(gradcheck(cut, {points()}).ok);
}

TEST_CASE("kinks are recognised where they are, and only there", "[gradcheck]") {
  const Function ramp = [](std::span<const Var> x) { return relu(x[0]); };  // derivative 0 at 0, difference 1/2
  const GradcheckReport at_kink = gradcheck(ramp, {Tensor::from<double>({3}, {-1, 0, 2})});
  CHECK(at_kink.ok);
  CHECK(at_kink.kinks == 2);
  // Close to the kink the derivative exists, and the check must see past the kink.
  const GradcheckReport near = gradcheck(ramp, {Tensor::from<double>({2}, {-0.001, 0.0005})});
  CHECK(near.ok);
  CHECK(near.kinks == 0);
  SECTION("a value outside the one-sided derivatives is no kink but wrong") {
    const Function wrong = [](std::span<const Var> x) {
      Tensor y = x[0].value().clone();
      y.vec<double>() = y.vec<double>().abs();
      return Tape::record(test_op, {x[0]}, y, [](const Tensor& dy, Gradients& dx) {
        Tensor g = dy.clone();
        g.vec<double>() *= 1.5;
        dx.add(0, g);
      });
    };
    CHECK_FALSE(gradcheck(wrong, {Tensor::from<double>({1}, {0})}).ok);
  }
}

TEST_CASE("beside corners that lead the differences astray, a right gradient passes and a wrong one does not",
          "[gradcheck]") {
  // The slope is 1/2 between the corners at -1.5e-7 and 1.5e-7 and 1 beyond them. Steps far larger see a slope of 1 and
  // find that exact enough for this tolerance.
  const Function f = [](std::span<const Var> x) {
    return (sum(x[0]) + sum(relu(x[0] - 1.5e-7)) - sum(relu(x[0] * -1.0 - 1.5e-7))) * 0.5;
  };
  const std::vector<Tensor> point{Tensor::from<double>({1}, {0})};
  GradcheckOptions options;
  options.tolerance = 1e-4;
  const GradcheckReport right = gradcheck(f, point, options);
  INFO(right.table("corners"));
  CHECK(right.ok);
  CHECK(right.kinks == 2);
  CHECK(right.entries[0].relative > 0.4);
  for (const double slope : {0.501, 0.499, 0.25, 1.5}) {
    const Function wrong = [&](std::span<const Var> x) {
      return Tape::record(test_op, {x[0]}, f(x).value(), [slope](const Tensor& dy, Gradients& dx) {
        dx.add(0, Tensor::full({1}, DType::float64, slope * dy.item()));
      });
    };
    CHECK_FALSE(gradcheck(wrong, point, options).ok);
  }
}

TEST_CASE("a sample of entries is spread, drawn by the seed, and has the largest gradient", "[gradcheck]") {
  const Function f = [](std::span<const Var> x) {
    Tensor weights = Tensor::full({10, 10}, DType::float64, 1);
    weights.set(37, 50);
    return sum(x[0] * x[0].tape().constant(weights));
  };
  const std::vector<Tensor> inputs{Tensor::full({10, 10}, DType::float64, 0.5)};
  const auto places = [&](std::uint64_t seed) {
    GradcheckOptions options;
    options.max_entries = 10;
    options.seed = seed;
    std::set<std::string> all;
    for (const GradcheckEntry& entry : gradcheck(f, inputs, options).entries) all.insert(entry.where);
    return all;
  };
  const std::set<std::string> all = places(1);
  CHECK(all.size() == 10);
  CHECK(all.contains("input 0[3, 7]"));
  std::set<char> rows;
  for (const std::string& where : all) rows.insert(where[8]);
  CHECK(rows.size() == 10);
  CHECK(places(1) == all);
  CHECK(places(2) != all);
}

TEST_CASE("the report is a table, worst entry first", "[gradcheck]") {
  GradcheckReport report;
  report.tolerance = 1e-8;
  report.worst = 2.1e-4;
  report.kinks = 1;
  report.entries = {{"input 0[1, 3]", 0.018264401, 0.018268236, 3.835e-06, 2.1e-04, false},
                    {"input 0[0, 0]", 0.5, 0, 0.5, 1, true},
                    {"input 1[2]", -1.25, -1.25, 1e-16, 8e-17, false}};
  CHECK(report.table("softmax / rows=3 / seed 41") ==
        "gradcheck softmax / rows=3 / seed 41   worst relative error 2.1e-04, tolerance 1e-08, 1 kinks\n"
        "   entry                               analytic             numeric    absolute    relative\n"
        "   input 0[1, 3]                    0.018264401         0.018268236     3.8e-06     2.1e-04   <-\n"
        "   input 0[0, 0]                            0.5                   0     5.0e-01     1.0e+00   kink\n"
        "   input 1[2]                             -1.25               -1.25     1.0e-16     8.0e-17\n");
}

TEST_CASE("gradcheck wants float64", "[gradcheck][errors]") {
  const Function f = [](std::span<const Var> x) { return x[0] * 2; };
  CHECK_THROWS_WITH(gradcheck(f, {Tensor::zeros({2}, DType::float32)}),
                    "gradcheck: a float32 input came; finite differences need float64");
}

TEST_CASE("examples draw what they say", "[gradcheck]") {
  const Example example{"draws", {{{50}, 2, 3}, {{40}, -1, 1, Draw::distinct}, {{30}, 3, 6, Draw::index}}, {}};
  const std::vector<Tensor> inputs = draw_inputs(example, 9);
  for (const double x : inputs[0].to_vector()) CHECK((x >= 2 && x < 3));
  std::vector<double> sorted = inputs[1].to_vector();
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i) CHECK(sorted[i] - sorted[i - 1] >= 0.5 * 2 / 40);
  CHECK(inputs[2].dtype() == DType::int32);
  for (const double x : inputs[2].to_vector()) CHECK((x == 3 || x == 4 || x == 5));
  CHECK(draw_inputs(example, 9)[0].to_vector() == inputs[0].to_vector());
  CHECK(draw_inputs(example, 10)[0].to_vector() != inputs[0].to_vector());
}
