#include "core/ops/gather.h"

#include "tests/support/movement.h"

using namespace tempera;

namespace {

Tensor random_indices(const Shape& shape, Index limit, std::uint64_t seed) {
  Tensor indices = Tensor::empty(shape, DType::int32);
  const Rng rng(seed, "indices");
  for (Index k = 0; k < indices.size(); ++k)
    indices.set(k, static_cast<double>(rng.below(static_cast<std::uint64_t>(k), static_cast<std::uint64_t>(limit))));
  return indices;
}

// A shape of x and one of indices that fits it.
struct Case {
  Shape x, indices;
  int axis;
};

Case draw_case(std::uint64_t seed) {
  const Rng rng(seed, "case");
  const int rank = 1 + static_cast<int>(seed % 4);
  Case c{random_shape(rank, seed, 7), {}, static_cast<int>(rng.below(0, static_cast<std::uint64_t>(rank)))};
  if (c.x[c.axis] == 0) c.x.set(c.axis, 3);
  c.indices = c.x.with(c.axis, static_cast<Index>(rng.below(1, 20)));
  for (int k = 0; k < rank; ++k)
    if (k != c.axis && rng.below(static_cast<std::uint64_t>(k) + 2, 3) == 0)
      c.indices.set(k, std::max<Index>(0, c.x[k] - 1));
  return c;
}

void check_gather(const Case& c, std::uint64_t seed) {
  const Tensor indices = random_indices(c.indices, c.x[c.axis], seed);
  check_movement([&](const Var& x) { return gather(x, c.axis, indices); }, c.x, c.indices,
                 [&](Position p) {
                   p[static_cast<std::size_t>(c.axis)] = static_cast<Index>(indices.at(element_at(c.indices, p)));
                   return element_at(c.x, p);
                 });
}

}  // namespace

TEST_CASE("gather agrees with its definition", "[ops][gather]") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) check_gather(draw_case(seed), seed);
  check_gather({{300, 5}, {300, 100}, 1}, 1);
  check_gather({{5, 300}, {100, 300}, 0}, 2);
}

TEST_CASE("scatter_add agrees with its definition", "[ops][gather]") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const Case c = draw_case(seed);
    const Tensor indices = random_indices(c.indices, c.x[c.axis], seed);
    for (const DType dtype : {DType::float32, DType::float64}) {
      Tensor first, first_gradient;
      for (const int threads : {1, 4}) {
        Tape tape(threads);
        const Var x = tape.leaf(random_tensor(c.x, dtype, "x"));
        const Var source = tape.leaf(random_tensor(c.indices, dtype, "source"));
        const Var y = scatter_add(x, c.axis, indices, source);
        const Tensor dy = random_tensor(c.x, dtype, "dy");
        tape.backward(y, dy);
        CHECK(same_bits(tape.grad(x), dy));
        std::vector<double> wanted = x.value().to_vector();
        bool gradient_right = true;
        for (Index k = 0; k < indices.size(); ++k) {
          Position p = position_at(c.indices, k);
          p[static_cast<std::size_t>(c.axis)] = static_cast<Index>(indices.at(k));
          const Index place = element_at(c.x, p);
          wanted[static_cast<std::size_t>(place)] += source.value().at(k);
          gradient_right = gradient_right && tape.grad(source).at(k) == dy.at(place);
        }
        CHECK(gradient_right);
        double worst = 0;
        for (Index k = 0; k < y.size(); ++k)
          worst = std::max(worst, std::abs(y.value().at(k) - wanted[static_cast<std::size_t>(k)]));
        CHECK(worst <= (dtype == DType::float32 ? 1e-4 : 1e-11));  // sums of up to 20 terms of size 100
        if (threads == 1) first = y.value(), first_gradient = tape.grad(source);
        else CHECK((same_bits(first, y.value()) && same_bits(first_gradient, tape.grad(source))));
      }
    }
  }
}

TEST_CASE("scatter_add in float32 does not drift", "[ops][gather]") {
  constexpr Index kTerms = 1 << 17;
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2}, DType::float32));
  const Var source = tape.constant(Tensor::full({kTerms}, DType::float32, 0.1));
  const Var y = scatter_add(x, 0, Tensor::full({kTerms}, DType::int32, 1), source);
  CHECK(y.value().at(0) == 0);
  CHECK(y.value().at(1) == Approx(static_cast<double>(kTerms) * static_cast<double>(0.1F)).epsilon(1.2e-7));
}

TEST_CASE("gather and scatter_add say what is wrong", "[ops][gather][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  const Var source = tape.constant(Tensor::zeros({2, 2}, DType::float32));
  const auto indices = [](const Shape& shape, std::initializer_list<std::int32_t> values) {
    return Tensor::from<std::int32_t>(shape, values);
  };
  CHECK(error_of([&] {
          gather(x, 1, indices({2, 2}, {0, 1, 3, 0}));
        }) == "gather: index 3 at [1, 0] of [2, 2] is outside [0, 3)");
  CHECK(error_of([&] {
          gather(x, 0, indices({1, 3}, {0, -1, 1}));
        }) == "gather: index -1 at [0, 1] of [1, 3] is outside [0, 2)");
  CHECK(error_of([&] {
          gather(x, 0, indices({2}, {0, 1}));
        }) == "gather: the indices are [2] for [2, 3]; the same rank, 1 or more, was wanted");
  CHECK(error_of([&] {
          gather(x, 1, indices({3, 1}, {0, 1, 2}));
        }) == "gather: the indices are [3, 1] for [2, 3]; along axis 0 they must be no longer");
  CHECK(error_of([&] {
          gather(x, 1, Tensor::zeros({2, 2}, DType::float32));
        }) == "gather: the indices are float32 [2, 2]; int32 was wanted");
  CHECK(error_of([&] {
          gather(x, 2, indices({2, 1}, {0, 0}));
        }) == "gather: axis 2 is outside [-2, 2) of shape [2, 3]");
  CHECK(
      error_of([&] {
        scatter_add(x, 1, indices({2, 1}, {0, 0}), source);
      }) ==
      "scatter_add: the source is float32 [2, 2]; float32 [2, 1] was wanted, the shape of the indices and the dtype of "
      "x");
  CHECK(error_of([&] {
          scatter_add(x, 1, indices({2, 2}, {0, 0, 0, 7}), source);
        }) == "scatter_add: index 7 at [1, 1] of [2, 2] is outside [0, 3)");
}
