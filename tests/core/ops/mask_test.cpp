#include "core/ops/mask.h"

#include <cmath>
#include <limits>

#include "tests/support/movement.h"

using namespace tempera;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// tril, triu and masked_fill compute on float32 and float64 only, so they have a twin of their own.
void check_kept(const std::function<Var(const Var&)>& f, const Shape& shape,
                const std::function<bool(const Position&)>& keeps, double filler) {
  INFO("shape " << to_string(shape));
  for (const DType dtype : {DType::float32, DType::float64})
    for (const int threads : {1, 4}) {
      Tape tape(threads);
      const Var x = tape.leaf(random_tensor(shape, dtype, "x"));
      const Var y = f(x), again = f(x);
      const Tensor dy = random_tensor(shape, dtype, "dy");
      Tensor value = x.value().clone(), gradient = dy.clone();
      for (Index k = 0; k < x.size(); ++k)
        if (!keeps(position_at(shape, k))) value.set(k, filler), gradient.set(k, 0);
      CHECK(same_bits(y.value(), value));
      tape.backward(y, dy);
      CHECK(same_bits(tape.grad(x), gradient));
      tape.backward(again, dy);
      for (Index k = 0; k < x.size(); ++k) gradient.set(k, 2 * gradient.at(k));
      CHECK(same_bits(tape.grad(x), gradient));
    }
}

}  // namespace

TEST_CASE("tril and triu agree with their definitions", "[ops][mask]") {
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    const int rank = 2 + static_cast<int>(seed % 3);
    const Shape shape = random_shape(rank, seed);
    const auto i = static_cast<std::size_t>(rank - 2), j = i + 1;
    const Index diagonal = static_cast<Index>(seed % 11) - 5;
    check_kept([&](const Var& x) { return tril(x, diagonal); }, shape,
               [&](const Position& p) { return p[j] - p[i] <= diagonal; }, 0);
    check_kept([&](const Var& x) { return triu(x, diagonal); }, shape,
               [&](const Position& p) { return p[j] - p[i] >= diagonal; }, 0);
  }
  check_kept([](const Var& x) { return tril(x); }, {4, 90, 100}, [](const Position& p) { return p[2] <= p[1]; }, 0);
  constexpr Index kFar = std::numeric_limits<Index>::max();
  check_kept([](const Var& x) { return tril(x, kFar); }, {3, 4}, [](const Position&) { return true; }, 0);
  check_kept([](const Var& x) { return triu(x, kFar); }, {3, 4}, [](const Position&) { return false; }, 0);
  check_kept([](const Var& x) { return triu(x, -kFar); }, {3, 4}, [](const Position&) { return true; }, 0);
}

TEST_CASE("masked_fill agrees with its definition for every broadcast mask", "[ops][mask]") {
  const Rng rng(8, "ones");
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const int rank = static_cast<int>(seed % 5);
    const Shape shape = seed == 0 ? Shape{40, 50, 30} : random_shape(rank, seed);
    Shape mask_shape = shape;
    for (int k = 0; k < shape.rank(); ++k)
      if (rng.below(8 * seed + static_cast<std::uint64_t>(k), 2) == 0) mask_shape.set(k, 1);
    if (mask_shape.rank() > 0 && rng.below(8 * seed + 7, 3) == 0) mask_shape = mask_shape.without(0);
    Tensor mask = Tensor::empty(mask_shape, DType::int32);
    for (Index k = 0; k < mask.size(); ++k)
      mask.set(k, 3 * static_cast<double>(rng.bits(1000 + static_cast<std::uint64_t>(k)) % 2));
    check_kept([&](const Var& x) { return masked_fill(x, mask, -7); }, shape,
               [&](const Position& p) {
                 Position q{};
                 for (int k = 0; k < mask_shape.rank(); ++k)
                   q[static_cast<std::size_t>(k)] =
                       mask_shape[k] == 1 ? 0 : p[static_cast<std::size_t>(k + shape.rank() - mask_shape.rank())];
                 return mask.at(element_at(mask_shape, q)) == 0;
               },
               -7);
  }
}

TEST_CASE("what is masked gets a gradient of exactly 0, even from a gradient that is not finite", "[ops][mask]") {
  Tape tape;
  const Var x = tape.leaf(Tensor::from<double>({3}, {1, std::nan(""), 3}));
  const Var y = masked_fill(x, Tensor::from<std::int32_t>({3}, {0, 1, 1}), -kInfinity);
  CHECK(y.value().to_vector() == std::vector<double>{1, -kInfinity, -kInfinity});
  tape.backward(y, Tensor::from<double>({3}, {5, kInfinity, std::nan("")}));
  CHECK(tape.grad(x).to_vector() == std::vector<double>{5, 0, 0});
}

TEST_CASE("causal_mask hides the future", "[ops][mask]") {
  CHECK(causal_mask(3, 3).to_vector() == std::vector<double>{0, 1, 1, 0, 0, 1, 0, 0, 0});
  CHECK(causal_mask(2, 4).to_vector() == std::vector<double>{0, 0, 0, 1, 0, 0, 0, 0});
  CHECK(causal_mask(3, 2).to_vector() == std::vector<double>{1, 1, 0, 1, 0, 0});
  CHECK(causal_mask(1, 1).to_vector() == std::vector<double>{0});
  CHECK(causal_mask(0, 3).shape() == Shape{0, 3});
  CHECK(causal_mask(3, 0).dtype() == DType::int32);
}

TEST_CASE("masks say what is wrong", "[ops][mask][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  const Var row = tape.constant(Tensor::zeros({3}, DType::float32));
  CHECK(error_of([&] {
          masked_fill(x, Tensor::zeros({2, 3}, DType::float32), 0);
        }) == "masked_fill: the mask is float32 [2, 3]; int32 was wanted");
  CHECK(error_of([&] {
          masked_fill(row, Tensor::zeros({2, 3}, DType::int32), 0);
        }) == "masked_fill: the mask [2, 3] is larger than [3]; it may only be repeated, not repeat the input");
  CHECK(
      error_of([&] { masked_fill(x, Tensor::zeros({4}, DType::int32), 0); }) ==
      "masked_fill: shapes [2, 3] and [4] do not broadcast: extents 3 and 4 at axis 0 from the back; equal extents, or "
      "1 in one of them, were wanted");
  CHECK(error_of([&] { tril(row); }) == "tril: shape [3] came; [.., n, m] was wanted");
  CHECK(error_of([&] { triu(row); }) == "triu: shape [3] came; [.., n, m] was wanted");
  CHECK(error_of([&] { causal_mask(-1, 2); }) == "causal_mask: -1 queries and 2 keys came; 0 or more were wanted");
}
