// The slow twin of every operation that moves elements: where each element of y comes from, said position by position.
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <string>

#include "core/random.h"
#include "core/tape.h"

namespace tempera {

using Position = std::array<Index, Shape::kMaxRank>;

inline Position position_at(const Shape& shape, Index element) {
  Position p{};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    p[static_cast<std::size_t>(axis)] = element % shape[axis];
    element /= shape[axis];
  }
  return p;
}

inline Index element_at(const Shape& shape, const Position& p) {
  Index element = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) element = element * shape[axis] + p[static_cast<std::size_t>(axis)];
  return element;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

// Extents drawn from 0, 1, primes and widths around a vector.
inline Shape random_shape(int rank, std::uint64_t seed, Index largest = 19) {
  constexpr std::array<Index, 8> kExtents{1, 2, 3, 5, 7, 16, 17, 19};
  const Rng rng(seed, "shape");
  std::array<Index, Shape::kMaxRank> extents{};
  for (int k = 0; k < rank; ++k) {
    const auto at = static_cast<std::uint64_t>(k);
    extents[at] = std::min(largest, kExtents[rng.below(at, kExtents.size())]);
    if (rng.below(at + 100, 40) == 0) extents[at] = 0;
  }
  return Shape(std::span<const Index>(extents.data(), static_cast<std::size_t>(rank)));
}

inline Tensor random_tensor(const Shape& shape, DType dtype, std::string_view stream) {
  Tensor x = Tensor::empty(shape, DType::float32);
  Rng(11, stream).fill_uniform(x, -100, 100);
  return x.to(dtype);
}

inline std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// Who adds up where an element of x is read more than once: the operation, in float64; or the tape, because x is given
// to the operation more than once, in the dtype of x.
enum class Sums { operation, tape };

// Checks y = f(x) and its gradient for all dtypes and for 1 and 4 threads. `origin` gives the element of x that stands
// at a position of y, or -1 where `filler` stands. Values must agree exactly, gradients where no sum is rounded.
inline void check_movement(const std::function<Var(const Var&)>& f, const Shape& from, const Shape& to,
                           const std::function<Index(const Position&)>& origin, double filler = 0,
                           Sums sums = Sums::operation) {
  INFO("from " << to_string(from) << " to " << to_string(to));
  std::vector<Index> source;
  for (Index k = 0; k < to.size(); ++k) source.push_back(origin(position_at(to, k)));
  for (const DType dtype : {DType::float32, DType::float64, DType::int32}) {
    const Tensor x = random_tensor(from, dtype, "x");
    Tensor wanted = Tensor::empty(to, dtype);
    for (Index k = 0; k < to.size(); ++k) {
      const Index s = source[static_cast<std::size_t>(k)];
      wanted.set(k, s < 0 ? filler : x.at(s));
    }
    Tensor first_gradient;
    for (const int threads : {1, 4}) {
      Tape tape(threads);
      if (!is_floating(dtype)) {
        const Var y = f(tape.constant(x));
        CHECK(same_bits(y.value(), wanted));
        CHECK_FALSE(y.requires_grad());
        continue;
      }
      const Var leaf = tape.leaf(x);
      const Var y = f(leaf), again = f(leaf);
      REQUIRE(y.shape() == to);
      CHECK(same_bits(y.value(), wanted));
      const Tensor dy = random_tensor(to, dtype, "dy");
      tape.backward(y, dy);
      const Tensor once = tape.grad(leaf).clone();
      tape.backward(again, dy);  // adds
      const Tensor twice = tape.grad(leaf);
      std::vector<long double> sum(static_cast<std::size_t>(from.size())), size(sum.size());
      for (Index k = 0; k < to.size(); ++k) {
        const Index s = source[static_cast<std::size_t>(k)];
        if (s < 0) continue;
        sum[static_cast<std::size_t>(s)] += dy.at(k);
        size[static_cast<std::size_t>(s)] += std::abs(dy.at(k));
      }
      double worst = 0;  // in units in the last place
      for (std::size_t k = 0; k < sum.size(); ++k) {
        const auto at = static_cast<Index>(k);
        const bool rounded_often = dtype == DType::float64 || sums == Sums::tape;
        const long double digits = dtype == DType::float32 ? 0x1p-23L : 0x1p-50L;
        const long double unit = rounded_often ? 2 * digits * size[k] : digits * std::abs(sum[k]) + 0x1p-50L * size[k];
        const long double gap =
            std::max(std::abs(sum[k] - once.at(at)), std::abs(2 * sum[k] - static_cast<long double>(twice.at(at))) / 2);
        if (gap > 0) worst = std::max(worst, static_cast<double>(gap / unit));
      }
      CHECK(worst <= 1);
      if (threads == 1) first_gradient = once;
      else CHECK(same_bits(first_gradient, once));
    }
  }
}

}  // namespace tempera
