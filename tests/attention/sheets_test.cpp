// Worked numbers of the papers' definitions.
#include "attention/biases/alibi.h"
#include "attention/biases/bucket_bias.h"
#include "attention/feature_maps/elu.h"
#include "attention/linear_attention.h"
#include "attention/normalizers/stablemax.h"
#include "core/ops/rope.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

// The weights of one row.
Tensor weights(const ScoreNormalizer& normalizer, std::initializer_list<double> scores) {
  Tape tape;
  ScoreAttention how;
  how.normalizer = &normalizer;
  const Var s = tape.constant(f64({1, 1, 1, std::ssize(scores)}, scores));
  return attention_weights(s, how).value().reshaped({std::ssize(scores)});
}

Tensor rotated(std::initializer_list<double> x, Index position) {
  Tape tape;
  return rope(tape.constant(f64({1, std::ssize(x)}, x)), 0, {.start = position}).value();
}

}  // namespace

TEST_CASE("softmax attention of three tokens", "[attention][sheets]") {
  const Softmax softmax;
  const Tensor x = f64({1, 1, 3, 2}, {1, 0, 0, 1, 1, 1});
  for (const AttentionKernel kernel : {AttentionKernel::reference, AttentionKernel::blocks, AttentionKernel::streaming})
    for (const bool causal : {false, true}) {
      Tape tape;
      const Var v = tape.constant(x);
      ScoreAttention how;
      how.normalizer = &softmax;
      how.visibility.causal = causal;
      how.kernel = kernel;
      how.scale = 1 / std::sqrt(2.);
      const Tensor y = score_attention(v, v, v, how).value();
      const Tensor wanted = causal ? f64({1, 1, 3, 2}, {1, 0, 0.330238, 0.669762, 0.751745, 0.751745})
                                   : f64({1, 1, 3, 2}, {0.802224, 0.598888, 0.598888, 0.802224, 0.751745, 0.751745});
      check_close(y, wanted, 1e-6);
    }
}

TEST_CASE("rotations depend on differences of positions", "[attention][sheets][rope]") {
  check_close(rotated({1, 0, 1, 0}, 1), f64({1, 4}, {0.540302, 0.841471, 0.999950, 0.010000}), 1e-6);
  check_close(rotated({1, 0, 1, 0}, 2), f64({1, 4}, {-0.416147, 0.909297, 0.999800, 0.019999}), 1e-6);
  for (const auto& [query, key] : {std::pair{3, 1}, {7, 5}, {2, 0}}) {
    const Tensor q = rotated({1, 0, 1, 0}, query), k = rotated({0, 1, 1, 1}, key);
    double score = 0;
    for (Index i = 0; i < 4; ++i) score += q.at(i) * k.at(i);
    CHECK(score == Approx(1.929096).epsilon(1e-6));
  }
}

TEST_CASE("a part of the width and of the heads is rotated", "[rope]") {
  const Tensor x = random_tensor({2, 5, 3, 6}, 1);
  const Tensor y =
      play([](std::span<const Var> v) { return rope(v[0], 1, {.start = 4, .width = 2, .heads = 2}); }, {x}).y;
  for (Index i = 0; i < x.size(); ++i) {
    const Index element = i % 6, head = i / 6 % 3, token = i / 18 % 5;
    if (element >= 2 || head == 2) {
      CHECK(y.at(i) == x.at(i));
      continue;
    }
    const double a = static_cast<double>(4 + token), even = x.at(i - element), odd = x.at(i - element + 1);
    const double wanted =
        element == 0 ? even * std::cos(a) - odd * std::sin(a) : even * std::sin(a) + odd * std::cos(a);
    CHECK(y.at(i) == Approx(wanted).epsilon(1e-14));
  }
}

TEST_CASE("rope refuses what does not fit", "[rope][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3, 5}, DType::float32));
  CHECK(error_of([&] { rope(x, 1); }) ==
        "rope: 5 elements of the last axis of shape [2, 3, 5] were to be rotated; an even number up to its extent was "
        "wanted");
  CHECK(error_of([&] { rope(x, 2, {.width = 2}); }) ==
        "rope: axis 2 of shape [2, 3, 5] came for the positions; it must lie before the last, which holds the pairs");
  CHECK(error_of([&] { rope(x, 1, {.width = 2, .heads = 2}); }) ==
        "rope: 2 heads of shape [2, 3, 5] were to be rotated along axis 1; the axis before the last has no such count");
  CHECK(error_of([&] { rope(x, 1, {.base = 0, .width = 2}); }) ==
        "rope: base 0 and start 0 came; wanted a base above 0 and a start of at least 0");
}

TEST_CASE("scalable softmax", "[attention][sheets]") {
  const SSMax one(1, 1, false, false);
  check_close(weights(one, {1, 0, -1}), f64({3}, {9 / 13., 3 / 13., 1 / 13.}));
  const SSMax narrow(1, 0.43, false, false);
  for (const auto& [n, top] : {std::pair{10, 0.940101}, {100, 0.995063}, {1000, 0.999646}}) {
    Tensor scores = Tensor::full({1, 1, 1, n}, DType::float64, -2);
    scores.set(n - 1, 3);
    Tape tape;
    ScoreAttention how;
    how.normalizer = &narrow;
    CHECK(attention_weights(tape.constant(scores), how).value().at(n - 1) == Approx(top).epsilon(1e-6));
  }
  const SSMax zero(1, 0, false, false);
  check_close(weights(zero, {1, 5, -1, 2}), f64({4}, {0.25, 0.25, 0.25, 0.25}));
  // The count is that of the keys a row sees: row 2 of a causal matrix has 3.
  const SSMax as_softmax(1, 1 / std::log(3.), false, false);
  const Softmax softmax;
  check_close(weights(as_softmax, {0.3, -1, 2}), weights(softmax, {0.3, -1, 2}));
}

TEST_CASE("sigmoid weights", "[attention][sheets]") {
  check_close(weights(Sigmoid(1, std::nullopt, false), {1, 0, -1, 2}), f64({4}, {0.404610, 0.2, 0.084224, 0.648786}),
              1e-6);
  const Tensor plain = weights(Sigmoid(1, 0., false), {1, 0, -1, 2});
  CHECK(plain.vec<double>().sum() == Approx(2.380797).epsilon(1e-6));
  check_close(weights(Sigmoid(1, std::nullopt, false), {0, 0, 0}), f64({3}, {0.25, 0.25, 0.25}));
  CHECK(weights(Sigmoid(1, -1e300, false), {1, 2}).at(0) == 0);
}

TEST_CASE("stable maximum", "[attention][sheets]") {
  // s(2) = 3, s(0) = 1, s(-1) = 1/2, s(1) = 2
  check_close(weights(StableMax(), {2, 0, -1, 1}), f64({4}, {3 / 6.5, 1 / 6.5, 0.5 / 6.5, 2 / 6.5}));
  check_close(weights(StableMax(), {-1e300, 1}), f64({2}, {0, 1}));
}

TEST_CASE("slopes of ALiBi", "[attention][sheets]") {
  CHECK(Alibi(4).slopes() == std::vector{0.25, 0.0625, 0.015625, 0.00390625});
  CHECK(Alibi(6).slopes() == std::vector{0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125});
  CHECK(Alibi(8).slopes().front() == 0.5);
  CHECK(Alibi(8).slopes().back() == 1 / 256.);
  CHECK(Alibi(4, AlibiSlopes::growing).slopes() == std::vector{-0.25, -0.0625, -0.015625, -0.00390625});
  CHECK(Alibi(4, AlibiSlopes::balanced).slopes() == std::vector{0.5, 0.25, -0.5, -0.25});
  CHECK(Alibi(3, AlibiSlopes::balanced).slopes() == std::vector{0.5, 0.25, -0.5});
}

TEST_CASE("buckets of T5", "[attention][sheets]") {
  const BucketBias both(1, 32, 128, false), past(1, 32, 128, true);
  for (const auto& [offset, bucket] : {std::pair{0, 0},
                                       {-1, 1},
                                       {1, 17},
                                       {-7, 7},
                                       {-8, 8},
                                       {8, 24},
                                       {-15, 9},
                                       {-16, 10},
                                       {-32, 12},
                                       {-64, 14},
                                       {-127, 15},
                                       {-128, 15},
                                       {128, 31},
                                       {9999, 31}})
    CHECK(both.bucket(offset) == bucket);
  for (const auto& [offset, bucket] :
       {std::pair{-15, 15}, {-16, 16}, {-20, 17}, {-31, 21}, {-32, 21}, {-64, 26}, {-127, 31}, {-9999, 31}, {3, 0}})
    CHECK(past.bucket(offset) == bucket);
}

TEST_CASE("linear attention of two tokens", "[attention][sheets]") {
  for (const bool causal : {false, true}) {
    Tape tape;
    const Var q = tape.constant(f64({1, 1, 2, 1}, {0, 1})), k = tape.constant(f64({1, 1, 2, 1}, {0, -1}));
    const Var y = linear_attention(EluFeatures::map(q), EluFeatures::map(k), tape.constant(f64({1, 1, 2, 1}, {2, 4})),
                                   {.causal = causal});
    check_close(y.value(), f64({1, 1, 2, 1}, {causal ? 2 : 2.537883, 2.537883}), 2e-6);
  }
  // The slope of the feature map at 0 is 1 from either side.
  CHECK(play([](std::span<const Var> x) { return EluFeatures::map(x[0]); }, {f64({3}, {-0., 0., 1e-300})})
            .dx[0]
            .to_vector() == std::vector{1., 1., 1.});
}
