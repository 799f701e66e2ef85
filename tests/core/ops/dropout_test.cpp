#include "core/ops/dropout.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/recompute.h"

using namespace tempera;

namespace {

Tensor ones(Index count, DType dtype = DType::float32) {
  return Tensor::full({count}, dtype, 1);
}

}  // namespace

TEST_CASE("dropout is the definition, element by element", "[dropout]") {
  const Rng rng(4, "dropout", 9);
  for (const DType dtype : {DType::float32, DType::float64})
    for (const Index count : {0, 1, 3, 17, 1023, 1024, 1031, 40000}) {
      Tape tape;
      Tensor values = Tensor::empty({count}, dtype);
      Rng(1, "x").fill_uniform(values, 0.5, 2);
      const Var x = tape.leaf(values);
      const Var y = dropout(x, 0.3, rng, "site");
      tape.backward(y, ones(count, dtype));
      const Tensor dx = tape.grad(x);
      const Rng stream = rng.sub("site");
      for (Index i = 0; i < count; ++i) {
        const auto at = static_cast<std::uint64_t>(i);
        const bool keep = stream.words(at / 4)[at % 4] >= static_cast<std::uint32_t>(0.3 * 0x1p32);
        const double scale = dtype == DType::float32 ? static_cast<double>(static_cast<float>(1 / 0.7)) : 1 / 0.7;
        const double exact = values.at(i) * scale;
        REQUIRE(std::abs(y.value().at(i) - (keep ? exact : 0)) <= 1e-7 * exact);
        REQUIRE(dx.at(i) == (keep ? scale : 0));
      }
    }
}

TEST_CASE("dropout keeps the right share and the mean, without correlation between neighbours", "[dropout]") {
  constexpr Index kCount = 1 << 18;
  for (const double p : {0.1, 0.5, 0.9}) {
    Tape tape;
    const Var y = dropout(tape.constant(ones(kCount, DType::float64)), p, Rng(1, "share"), "");
    double kept = 0, both = 0, sum = 0;
    for (Index i = 0; i < kCount; ++i) {
      const bool here = y.value().at(i) != 0;
      kept += here;
      both += here && i > 0 && y.value().at(i - 1) != 0;
      sum += y.value().at(i);
    }
    const double q = 1 - p, root = std::sqrt(static_cast<double>(kCount));
    CHECK(std::abs(kept / kCount - q) < 5 * std::sqrt(p * q) / root);
    CHECK(std::abs(both / kCount - q * q) < 5 * std::sqrt(3 * q * q * (1 - q * q)) / root);
    CHECK(std::abs(sum / kCount - 1) < 5 * std::sqrt(p / q) / root);
  }
}

TEST_CASE("dropout's mask is the same for any thread count, in recomputation, and differs by seed, step, site",
          "[dropout]") {
  constexpr Index kCount = 50000;
  const Rng rng(8, "mask", 2);
  const auto run = [&](int threads, const Rng& source, std::string_view site, bool again) {
    Tape tape(threads);
    const Var x = tape.leaf(ones(kCount));
    const auto drop = [&](std::span<const Var> v) { return dropout(v[0], 0.5, source, site); };
    const Var y = again ? recompute(drop, {x}) : drop(std::array{x});
    tape.backward(y, ones(kCount));
    // The gradient of ones is the mask that the backward pass made.
    CHECK(tape.grad(x).to_vector() == y.value().to_vector());
    return y.value().to_vector();
  };
  const std::vector<double> mask = run(1, rng, "a", false);
  CHECK(run(4, rng, "a", false) == mask);
  CHECK(run(1, rng, "a", true) == mask);
  CHECK(run(1, rng, "b", false) != mask);
  CHECK(run(1, rng.at_step(3), "a", false) != mask);
  CHECK(run(1, Rng(9, "mask", 2), "a", false) != mask);
}

TEST_CASE("parts of a tensor get the parts of one mask, wherever the cut lies", "[dropout]") {
  constexpr Index kCount = 40000;
  const Rng rng(8, "mask", 2);
  Tape tape;
  const Tensor values = ones(kCount);
  const std::vector<double> whole = dropout(tape.constant(values), 0.5, rng, "s").value().to_vector();
  for (const Index cut : {1, 2, 3, 4, 1023, 1025, 16384, 20001}) {
    std::vector<double> parts = dropout(tape.constant(values.rows(0, cut)), 0.5, rng, "s").value().to_vector();
    const Var rest = tape.leaf(values.rows(cut, kCount - cut));
    const Var y = dropout(rest, 0.5, rng, "s", static_cast<std::uint64_t>(cut));
    tape.backward(y, ones(kCount - cut));
    CHECK(tape.grad(rest).to_vector() == y.value().to_vector());
    for (const double v : y.value().to_vector()) parts.push_back(v);
    CHECK(parts == whole);
  }
}

TEST_CASE("dropout at its edges", "[dropout]") {
  Tape tape;
  const Var x = tape.leaf(ones(5));
  CHECK(dropout(x, 0, Rng(1, "d"), "s").value().shares_buffer(x.value()));
  const double infinity = std::numeric_limits<double>::infinity();
  const Var wild = tape.constant(Tensor::full({1000}, DType::float32, infinity));
  for (const double y : dropout(wild, 0.5, Rng(1, "d"), "s").value().to_vector()) REQUIRE((y == 0 || y == infinity));
  for (const double y : dropout(wild, 1 - 1e-15, Rng(1, "d"), "s").value().to_vector()) REQUIRE(y == 0);
  CHECK(dropout(tape.constant(Tensor::zeros({0, 3}, DType::float64)), 0.5, Rng(1, "d"), "s").shape() == Shape{0, 3});
}

TEST_CASE("dropout refuses what it cannot do", "[dropout]") {
  Tape tape;
  const Var x = tape.leaf(ones(5));
  const Rng rng(1, "d");
  CHECK_THROWS_WITH(dropout(x, 1, rng, "s"),
                    "dropout: the probability is 1; a number in [0, 1) was wanted: the share of elements set to zero");
  CHECK_THROWS_WITH(
      dropout(x, -0.5, rng, "s"),
      "dropout: the probability is -0.5; a number in [0, 1) was wanted: the share of elements set to zero");
  CHECK_THROWS_WITH(
      dropout(x, std::nan(""), rng, "s"),
      "dropout: the probability is nan; a number in [0, 1) was wanted: the share of elements set to zero");
  CHECK_THROWS_WITH(dropout(tape.constant(Tensor::zeros({2}, DType::int32)), 0.5, rng, "s"),
                    "dropout: the input is int32; convert it to float32 or float64");
}
