// What tests of operations against their definition share.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/tape.h"

namespace tempera {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline const double kNaN = std::numeric_limits<double>::quiet_NaN();

// The whole text of the Error that f throws.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline Tensor random_tensor(const Shape& shape, std::uint64_t seed, double low = -2, double high = 2,
                            DType dtype = DType::float64) {
  Tensor x = Tensor::empty(shape, dtype);
  Rng(seed, "twins").fill_uniform(x, low, high);
  return x;
}

inline Tensor f64(const Shape& shape, std::initializer_list<double> values) {
  return Tensor::from<double>(shape, values);
}

struct Played {
  Tensor y;
  std::vector<Tensor> dx;
};

// y and the gradient of each input for a given dy. An undefined dy means ones.
inline Played play(const std::function<Var(std::span<const Var>)>& f, const std::vector<Tensor>& inputs, Tensor dy = {},
                   int threads = 1) {
  Tape tape(threads);
  std::vector<Var> x;
  for (const Tensor& input : inputs) x.push_back(tape.leaf(input));
  const Var y = f(x);
  if (!dy.defined()) dy = Tensor::full(y.shape(), y.dtype(), 1);
  tape.backward(y, dy);
  Played result{y.value().clone(), {}};
  for (const Var& v : x) result.dx.push_back(tape.grad(v).clone());
  return result;
}

// Entry by entry; NaN equals NaN. `tolerance` is relative to the larger of 1 and the wanted value.
inline void check_close(const Tensor& got, const Tensor& wanted, double tolerance = 1e-12) {
  REQUIRE(got.shape() == wanted.shape());
  for (Index i = 0; i < got.size(); ++i) {
    const double a = got.at(i), b = wanted.at(i);
    const bool same =
        a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
    INFO("element " << i << " is " << a << ", wanted " << b);
    CHECK(same);
  }
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

}  // namespace tempera
