#include "core/ops/pad.h"

#include "core/ops/slice.h"
#include "tests/support/movement.h"

using namespace tempera;

TEST_CASE("pad agrees with its definition", "[ops][pad]") {
  const Rng rng(9, "margins");
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const int rank = static_cast<int>(seed % 5);
    const Shape from = random_shape(rank, seed, 7);
    std::array<Index, 5> before{}, after{};
    Shape to = from;
    for (int k = 0; k < rank; ++k) {
      const auto at = static_cast<std::size_t>(k);
      before[at] = static_cast<Index>(rng.below(10 * seed + 2 * at, 3));
      after[at] = static_cast<Index>(rng.below(10 * seed + 2 * at + 1, 3));
      to.set(k, before[at] + from[k] + after[at]);
    }
    const auto n = static_cast<std::size_t>(rank);
    check_movement([&](const Var& x) { return pad(x, std::span(before.data(), n), std::span(after.data(), n), 7); },
                   from, to,
                   [&](Position p) {
                     for (int k = 0; k < rank; ++k) {
                       auto& at = p[static_cast<std::size_t>(k)];
                       at -= before[static_cast<std::size_t>(k)];
                       if (at < 0 || at >= from[k]) return Index{-1};
                     }
                     return element_at(from, p);
                   },
                   7);
  }
}

TEST_CASE("what pad adds, slice takes away", "[ops][pad]") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({3, 5, 2}, DType::float64, "x"));
  CHECK(same_bits(slice(pad_axis(x, 1, 4, 1, -3), 1, 4, 5).value(), x.value()));
}

TEST_CASE("pad says what is wrong", "[ops][pad][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  CHECK(error_of([&] {
          pad(x, {1}, {1, 0});
        }) == "pad: margins [1] before and [1, 0] after came for shape [2, 3]; a count >= 0 per axis was wanted");
  CHECK(error_of([&] { pad_axis(x, 1, 0, -1); }) ==
        "pad: margins [0, 0] before and [0, -1] after came for shape [2, 3]; a count >= 0 per axis was wanted");
  CHECK(error_of([&] { pad_axis(x, 2, 0, 0); }) == "pad: axis 2 is outside [-2, 2) of shape [2, 3]");
}
