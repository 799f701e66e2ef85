#include "core/kernels/softmax_rows.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/row_groups.h"
#include "core/nearest.h"

namespace tempera::kernels {
namespace {

constexpr Index kCache = Index{2} << 20;

constexpr SoftmaxAlgorithmInfo kAlgorithms[] = {
    {SoftmaxAlgorithm::three_pass_reload, "three_pass_reload", "m = max x; y = exp(x - m), s = sum y; y = y / s",
     "Dukhan & Ablavatski 2020 (arXiv 2001.04438), algorithm 2", "any", 3, 2, 1},
    {SoftmaxAlgorithm::three_pass_recompute, "three_pass_recompute",
     "m = max x; s = sum exp(x - m); y = exp(x - m) / s", "Dukhan & Ablavatski 2020 (arXiv 2001.04438), algorithm 1",
     "any", 3, 1, 2},
    {SoftmaxAlgorithm::online, "online",
     "block by block m' = max(m, max x), s = s exp(m - m') + sum exp(x - m'), m = m'; y = exp(x - m) / s",
     "Milakov & Gimelshein 2018 (arXiv 1805.02867), in blocks of 1024", "any", 2, 1, 2},
    {SoftmaxAlgorithm::two_pass, "two_pass",
     "exp(x) = p 2^n; sums (S, E) = (S 2^(E - E') + sum p 2^(n - E'), E' = max(E, n)); y = p 2^(n - E) / S",
     "Dukhan & Ablavatski 2020 (arXiv 2001.04438), algorithm 3",
     "|max x| < 2^21, in float64 2^50; other rows fall back on three_pass_reload", 2, 1, 2},
    {SoftmaxAlgorithm::online_reload, "online_reload",
     "block b by block m' = max(m, max x), y = exp(x - m'), s = s exp(m - m') + sum y, m_b = m = m'; "
     "y = y exp(m_b - m) / s",
     "the first pass of online, the last of three_pass_reload", "any", 2, 2, 1},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kAlgorithms) + 1> names{"auto"};
  for (std::size_t i = 0; i < std::size(kAlgorithms); ++i) names[i + 1] = kAlgorithms[i].name;
  return names;
}();

template <class T>
TEMPERA_INLINE Lanes<T> row_shift(const T* x, Index n) {
  return shift_from(Lanes<T>(lane_max(lanes_maximum(x, n, Lanes<T>(kLowest<T>)))));
}

// sum_of_exp() that keeps the terms.
template <class T>
TEMPERA_INLINE Lanes<T> store_exp(const T* x, T* y, Index n, Lanes<T> shift) {
  Lanes<T> sums[2] = {0, 0};
  each_of<2, T>(n, [&](int u, auto io, Index i) {
    const Lanes<T> e = exp_below(io.load(x + i, kLowest<T>) - shift);
    sums[u] += e;
    io.store(y + i, e);
  });
  return sums[0] + sums[1];
}

template <class T>
TEMPERA_INLINE void scale_by(T* y, Index n, Lanes<T> scale) {
  each_of<2, T>(n, [&](int, auto io, Index i) { io.store(y + i, io.load(y + i, 0) * scale); });
}

template <class T>
TEMPERA_INLINE void exp_again(const T* x, T* y, Index n, Lanes<T> shift, Lanes<T> scale) {
  each_of<2, T>(n,
                [&](int, auto io, Index i) { io.store(y + i, exp_below(io.load(x + i, kLowest<T>) - shift) * scale); });
}

template <class T>
void three_pass_reload(const T* x, T* y, Index n) {
  const Lanes<T> total = store_exp(x, y, n, row_shift(x, n));
  scale_by(y, n, reciprocal(lane_sum(total)));
}

template <class T>
void three_pass_recompute(const T* x, T* y, Index n) {
  const Lanes<T> shift = row_shift(x, n);
  exp_again(x, y, n, shift, reciprocal(lane_sum(sum_of_exp(x, n, shift))));
}

// Each lane has a maximum and a sum of its own until the end of the row, so that a block costs one exponential and no
// step across lanes. A block stays in the first-level cache between its two readings.
template <class T>
void online(const T* x, T* y, Index n) {
  constexpr Index kBlock = 1024;
  Lanes<T> top(kLowest<T>), sum(0);
  for (Index first = 0; first < n; first += kBlock) {
    const Index count = std::min(kBlock, n - first);
    const Lanes<T> risen = lanes_maximum(x + first, count, top), shift = shift_from(risen);
    sum = sum * exp_below(top - shift) + sum_of_exp(x + first, count, shift);
    top = risen;
  }
  const Lanes<T> shift = shift_from(Lanes<T>(lane_max(top)));
  exp_again(x, y, n, shift, reciprocal(lane_sum(sum * exp_below(top - shift))));
}

// p 2^n for n <= 0, and 0 where that is no normal number.
template <class T>
TEMPERA_INLINE Lanes<T> scaled_below(Lanes<T> p, Lanes<T> n) {
  const auto vanishes = n <= Lanes<T>(sizeof(T) == 8 ? -1022 : -126);
  return ldexp(where(vanishes, Lanes<T>(0), p), where(vanishes, Lanes<T>(0), n));
}

template <class T>
TEMPERA_INLINE auto parts_within_reach(Lanes<T> x) {
  const Lanes<T> high(Lanes<T>::kExpReach), low = -high, above_low = where(x < low, low, x);
  return exp_parts(where(above_low > high, high, above_low));
}

// Four vectors share one rescaling of the sum.
template <class T>
void two_pass(const T* x, T* y, Index n) {
  using L = Lanes<T>;
  constexpr Index W = lane_width<T>, kGroup = 4;
  constexpr T reach = L::kExpReach;
  L exponent(-2 * reach), sum(0);
  // A NaN does not vanish.
  const auto lowered = [](L value, L power) { return where(value != value, value, scaled_below(value, power)); };
  const auto add = [&]<Index G>(std::integral_constant<Index, G>, const auto& load) {
    L p[G], e[G], top = exponent;
#pragma GCC unroll 4
    for (Index g = 0; g < G; ++g) {
      const auto parts = parts_within_reach(load(g));
      p[g] = parts.mantissa;
      e[g] = parts.exponent;
      top = where(e[g] > top, e[g], top);
    }
    sum = lowered(sum, exponent - top);
#pragma GCC unroll 4
    for (Index g = 0; g < G; ++g) sum += scaled_below(p[g], e[g] - top);
    exponent = top;
  };
  Index i = 0;
  for (; i + kGroup * W <= n; i += kGroup * W)
    add(std::integral_constant<Index, kGroup>{}, [&](Index g) { return L::load(x + i + g * W); });
  RowStrip<T>{n - i}.each([&](auto io, Index at) {
    add(std::integral_constant<Index, 1>{}, [&](Index) { return io.load(x + i + at, kLowest<T>); });
  });
  const T top = lane_max(exponent);
  const L shift(top);
  const T total = lane_sum(lowered(sum, exponent - shift));
  // Where the largest element was clamped, or lies so low that clamped ones count beside it, something was lost.
  constexpr T bound = T(1.44) * reach;
  if (!(top < bound && top > -bound && total > 0)) return three_pass_reload(x, y, n);
  const L scale = reciprocal(total);
  each_of<2, T>(n, [&](int, auto io, Index at) {
    const auto [p, e] = parts_within_reach(io.load(x + at, 0));
    io.store(y + at, scaled_below(p * scale, e - shift));
  });
}

// Blocks grow with the row, so that their maxima have room here.
template <class T>
void online_reload(const T* x, T* y, Index n) {
  constexpr Index kBlocks = 512, kSmallest = 1024;
  const Index block = std::max(kSmallest, (n + kBlocks - 1) / kBlocks);
  std::array<T, kBlocks> shifts;
  T top = kLowest<T>;
  Lanes<T> sum(0);
  for (Index first = 0, b = 0; first < n; first += block, ++b) {
    const Index count = std::min(block, n - first);
    const T risen = lane_max(lanes_maximum(x + first, count, Lanes<T>(top)));
    const Lanes<T> shift = shift_from(Lanes<T>(risen));
    sum = sum * exp_below(Lanes<T>(top) - shift) + store_exp(x + first, y + first, count, shift);
    shifts[static_cast<std::size_t>(b)] = top = risen;
  }
  const Lanes<T> shift = shift_from(Lanes<T>(top)), scale = reciprocal(lane_sum(sum));
  for (Index first = 0, b = 0; first < n; first += block, ++b)
    scale_by(y + first, std::min(block, n - first),
             exp_below(Lanes<T>(shifts[static_cast<std::size_t>(b)]) - shift) * scale);
}

}  // namespace

std::span<const SoftmaxAlgorithmInfo> softmax_algorithms() {
  return kAlgorithms;
}

std::span<const std::string_view> softmax_algorithm_names() {
  return kNames;
}

SoftmaxAlgorithm softmax_algorithm(std::string_view name, std::string_view who) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  require(found != kNames.end(), who, "there is no softmax algorithm '{}'{}; known: {}", name,
          did_you_mean(name, kNames), fmt::join(kNames, ", "));
  return static_cast<SoftmaxAlgorithm>(found - kNames.begin());
}

SoftmaxAlgorithm softmax_algorithm_for(Index n, Index bytes_per_element) {
  return 2 * n * bytes_per_element <= kCache ? SoftmaxAlgorithm::three_pass_reload : SoftmaxAlgorithm::online_reload;
}

template <class T>
void softmax_row(SoftmaxAlgorithm algorithm, const T* x, T* y, Index n) {
  if (algorithm == SoftmaxAlgorithm::automatic) algorithm = softmax_algorithm_for(n, sizeof(T));
  switch (algorithm) {
    case SoftmaxAlgorithm::automatic:
    case SoftmaxAlgorithm::three_pass_reload: return three_pass_reload(x, y, n);
    case SoftmaxAlgorithm::three_pass_recompute: return three_pass_recompute(x, y, n);
    case SoftmaxAlgorithm::online: return online(x, y, n);
    case SoftmaxAlgorithm::two_pass: return two_pass(x, y, n);
    case SoftmaxAlgorithm::online_reload: return online_reload(x, y, n);
  }
}

template <class T>
void softmax_row_gradient(const T* y, const T* dy, T* dx, Index n, bool add) {
  Lanes<T> sums[2] = {0, 0};
  each_of<2, T>(n, [&](int u, auto io, Index i) { sums[u] += io.load(y + i, 0) * io.load(dy + i, 0); });
  const Lanes<T> dot(lane_sum(sums[0] + sums[1]));
  each_of<2, T>(n, [&](int, auto io, Index i) {
    const Lanes<T> g = io.load(y + i, 0) * (io.load(dy + i, 0) - dot);
    io.store(dx + i, add ? io.load(dx + i, 0) + g : g);
  });
}

template void softmax_row(SoftmaxAlgorithm, const float*, float*, Index);
template void softmax_row(SoftmaxAlgorithm, const double*, double*, Index);
template void softmax_row_gradient(const float*, const float*, float*, Index, bool);
template void softmax_row_gradient(const double*, const double*, double*, Index, bool);

}  // namespace tempera::kernels
