#include "core/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/hash.h"

namespace tempera {
namespace {

std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}
std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}

// FNV-1a over the name, then one Philox block to spread the bits: names that differ in one letter share none.
std::uint64_t mix(std::uint64_t seed, std::string_view name) {
  const std::uint64_t hash = fnv1a(name);
  const PhiloxBlock block = philox({low(hash), high(hash), 0, 0}, {low(seed), high(seed)});
  return static_cast<std::uint64_t>(block[0]) | static_cast<std::uint64_t>(block[1]) << 32;
}

}  // namespace

PhiloxBlock philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ull * counter[0], p1 = 0xCD9E8D57ull * counter[2];
    counter = {high(p1) ^ counter[1] ^ key[0], low(p1), high(p0) ^ counter[3] ^ key[1], low(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, std::string_view stream, std::uint64_t step) : step_(step) {
  const std::uint64_t key = mix(seed, stream);
  key_ = {low(key), high(key)};
}

Rng Rng::at_step(std::uint64_t step) const {
  Rng result = *this;
  result.step_ = step;
  return result;
}

Rng Rng::sub(std::string_view name) const {
  return Rng(static_cast<std::uint64_t>(key_[0]) | static_cast<std::uint64_t>(key_[1]) << 32, name, step_);
}

PhiloxBlock Rng::words(std::uint64_t block) const {
  return philox({low(block), high(block), low(step_), high(step_)}, key_);
}

std::uint64_t Rng::bits(std::uint64_t index) const {
  const PhiloxBlock block = words(index / 2);
  const std::size_t half = index % 2 * 2;
  return static_cast<std::uint64_t>(block[half]) | static_cast<std::uint64_t>(block[half + 1]) << 32;
}

double Rng::uniform(std::uint64_t index) const {
  return static_cast<double>(bits(index) >> 11) * 0x1p-53;
}

double Rng::normal(std::uint64_t index) const {
  // Draws 2k and 2k + 1 share the radius and take cosine and sine.
  const std::uint64_t pair = index & ~std::uint64_t{1};
  const double radius = std::sqrt(-2 * std::log1p(-uniform(pair)));
  const double angle = 2 * std::numbers::pi * uniform(pair + 1);
  return radius * (index == pair ? std::cos(angle) : std::sin(angle));
}

std::uint64_t Rng::below(std::uint64_t index, std::uint64_t count) const {
  require(count > 0, "Rng::below", "count must be positive");
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits(index)) * count) >> 64);
}

std::vector<std::int32_t> Rng::permutation(std::int32_t count) const {
  require(count >= 0, "Rng::permutation", "count {} is negative", count);
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i, i)]);
  return order;
}

void Rng::fill_uniform(Tensor& tensor, double low, double high) const {
  dispatch(tensor.dtype(), [&]<class T>(Type<T>) {
    T* out = tensor.data<T>();
    for (Index i = 0; i < tensor.size(); ++i)
      out[i] = static_cast<T>(uniform(static_cast<std::uint64_t>(i), low, high));
  });
}

void Rng::fill_normal(Tensor& tensor, double mean, double deviation) const {
  dispatch(tensor.dtype(), [&]<class T>(Type<T>) {
    T* out = tensor.data<T>();
    for (Index i = 0; i < tensor.size(); ++i)
      out[i] = static_cast<T>(mean + deviation * normal(static_cast<std::uint64_t>(i)));
  });
}

}  // namespace tempera
