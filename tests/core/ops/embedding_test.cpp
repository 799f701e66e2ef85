#include "core/ops/embedding.h"

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

}  // namespace

TEST_CASE("embedding agrees with its definition", "[ops][embedding]") {
  const auto check = [](Index rows, Index width, const Shape& shape, std::uint64_t seed) {
    const Tensor indices = random_indices(shape, rows, seed);
    const Shape to = shape.inserted(shape.rank(), width);
    check_movement([&](const Var& table) { return embedding(table, indices); }, {rows, width}, to,
                   [&](const Position& p) {
                     return static_cast<Index>(indices.at(element_at(shape, p))) * width +
                            p[static_cast<std::size_t>(shape.rank())];
                   });
  };
  for (std::uint64_t seed = 0; seed < 60; ++seed)
    check(std::array<Index, 4>{1, 2, 13, 50}[seed % 4], std::array<Index, 5>{0, 1, 7, 64, 67}[seed % 5],
          random_shape(static_cast<int>(seed % 5), seed, 5), seed);
  check(1000, 67, {3, 200}, 1);
  check(3, 64, {500}, 2);
}

TEST_CASE("index_select agrees with its definition", "[ops][embedding]") {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const int rank = 1 + static_cast<int>(seed % 4), axis = static_cast<int>(seed / 4) % rank;
    Shape from = random_shape(rank, seed, 17);
    if (from[axis] == 0) from.set(axis, 2);
    const Tensor indices = random_indices({static_cast<Index>(seed % 9)}, from[axis], seed);
    check_movement([&](const Var& x) { return index_select(x, axis, indices); }, from, from.with(axis, indices.size()),
                   [&](Position p) {
                     auto& at = p[static_cast<std::size_t>(axis)];
                     at = static_cast<Index>(indices.at(at));
                     return element_at(from, p);
                   });
  }
}

TEST_CASE("the padding row is read but not trained", "[ops][embedding]") {
  Tape tape;
  const Var table = tape.leaf(Tensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  const Tensor indices = Tensor::from<std::int32_t>({4}, {1, 0, 1, 2});
  const Var y = embedding(table, indices, 1);
  CHECK(y.value().to_vector() == std::vector<double>{3, 4, 1, 2, 3, 4, 5, 6});
  tape.backward(y, Tensor::from<float>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(tape.grad(table).to_vector() == std::vector<double>{3, 4, 0, 0, 7, 8});
}

TEST_CASE("a token that fills a batch gets a gradient without drift", "[ops][embedding]") {
  constexpr Index kTokens = 1 << 17;
  Tape tape;
  const Var table = tape.leaf(Tensor::zeros({2, 3}, DType::float32));
  const Tensor indices = Tensor::full({kTokens}, DType::int32, 1);
  tape.backward(embedding(table, indices), Tensor::full({kTokens, 3}, DType::float32, 0.1));
  CHECK(tape.grad(table).at(0) == 0);
  const double wanted = static_cast<double>(kTokens) * static_cast<double>(0.1F);
  CHECK(tape.grad(table).at(5) == Approx(wanted).epsilon(1.2e-7));
}

TEST_CASE("one_hot marks each index", "[ops][embedding]") {
  const Tensor indices = Tensor::from<std::int32_t>({2, 2}, {0, 2, 1, 2});
  for (const DType dtype : {DType::float32, DType::float64, DType::int32}) {
    const Tensor y = one_hot(indices, 3, dtype);
    CHECK(y.shape() == Shape{2, 2, 3});
    CHECK(y.dtype() == dtype);
    CHECK(y.to_vector() == std::vector<double>{1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1});
  }
  CHECK(one_hot(Tensor::zeros({0}, DType::int32), 3).shape() == Shape{0, 3});
}

TEST_CASE("embedding, index_select and one_hot say what is wrong", "[ops][embedding][errors]") {
  Tape tape;
  const Var table = tape.constant(Tensor::zeros({5, 2}, DType::float32));
  const Var cube = tape.constant(Tensor::zeros({5, 2, 2}, DType::float32));
  const Tensor good = Tensor::zeros({2, 3}, DType::int32);
  const Tensor bad = Tensor::from<std::int32_t>({2, 3}, {0, 1, 2, 3, 5, -1});
  CHECK(error_of([&] { embedding(table, bad); }) == "embedding: index 5 at [1, 1] of [2, 3] is outside [0, 5)");
  CHECK(error_of([&] { embedding(table, Tensor::full({}, DType::int32, -1)); }) ==
        "embedding: index -1 at [] of [] is outside [0, 5)");
  CHECK(error_of([&] { embedding(table, good.to(DType::float32)); }) ==
        "embedding: the indices are float32 [2, 3]; int32 was wanted");
  CHECK(error_of([&] { embedding(table, Tensor()); }) ==
        "embedding: the indices are undefined tensor; int32 was wanted");
  CHECK(error_of([&] { embedding(cube, good); }) == "embedding: the table is [5, 2, 2]; [V, D] was wanted");
  CHECK(error_of([&] { embedding(table, good, 5); }) == "embedding: padding_index 5 is outside [0, 5)");
  CHECK(error_of([&] {
          embedding(table, Tensor::zeros({1, 1, 1, 1, 1}, DType::int32));
        }) == "embedding: the indices are [1, 1, 1, 1, 1]; rank 0 to 4 was wanted");
  CHECK(error_of([&] { index_select(table, 0, good); }) ==
        "index_select: the indices are [2, 3]; rank 1 was wanted, see gather() for more");
  CHECK(error_of([&] { index_select(table, 1, Tensor::full({1}, DType::int32, 2)); }) ==
        "index_select: index 2 at [0] of [1] is outside [0, 2)");
  CHECK(error_of([&] { index_select(table, 2, Tensor::zeros({1}, DType::int32)); }) ==
        "index_select: axis 2 is outside [-2, 2) of shape [5, 2]");
  CHECK(error_of([&] { one_hot(bad, 4); }) == "one_hot: index 5 at [1, 1] of [2, 3] is outside [0, 4)");
}
