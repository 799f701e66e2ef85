#include "core/kernels/top_k.h"

#include <algorithm>

#include "core/kernels/row_groups.h"

namespace tempera::kernels {
namespace {

// A bit for each lane.
template <class T>
TEMPERA_INLINE std::uint32_t bits(LaneMask<T> mask) {
#ifdef __AVX512F__
  const __m512i all = std::bit_cast<__m512i>(mask.v);
  if constexpr (sizeof(T) == 8) return _mm512_test_epi64_mask(all, all);
  else return _mm512_test_epi32_mask(all, all);
#else
  std::uint32_t found = 0;
  for (Index i = 0; i < lane_width<T>; ++i) found |= static_cast<std::uint32_t>(mask.v[i] != 0) << i;
  return found;
#endif
}

template <class T>
class List {
 public:
  explicit List(std::span<Ranked> best) : best_(best), room_(static_cast<Index>(best.size())) {}

  // An element equal to one of the list comes behind it, and the last falls out.
  void insert(T value, Index index) {
    Index at = count_ < room_ ? count_++ : room_ - 1;
    for (; at > 0 && value > static_cast<T>(entry(at - 1).value); --at) entry(at) = entry(at - 1);
    entry(at) = {static_cast<double>(value), index};
    if (count_ == room_) lowest_ = static_cast<T>(entry(room_ - 1).value);
  }

  // The elements [first, first + count) of x; `tops` are their maxima.
  void take(const T* x, Index first, Index count, Lanes<T> tops) {
    Index i = 0;
    for (; i < count && count_ < room_; ++i) insert(x[first + i], first + i);
    if (bits(tops > Lanes<T>(lowest_)) == 0) return;
    const Index skipped = first + i;
    RowStrip<T>{count - i}.each([&](auto io, Index at) {
      const Index here = skipped + at;
      std::uint32_t found = bits(io.load(x + here, kLowest<T>) > Lanes<T>(lowest_));
      for (; found != 0; found &= found - 1) {
        const Index k = here + std::countr_zero(found);
        if (x[k] > lowest_) insert(x[k], k);
      }
    });
  }

  Index count() const { return count_; }

 private:
  Ranked& entry(Index i) { return best_[static_cast<std::size_t>(i)]; }

  std::span<Ranked> best_;
  Index room_, count_ = 0;
  T lowest_ = kLowest<T>;
};

template <bool Softmax, class T>
RowTop<T> in_one_reading(const T* x, Index n, std::span<Ranked> best) {
  constexpr Index kBlock = 512;
  List<T> list(best);
  Lanes<T> top(kLowest<T>), sum(0);
  for (Index first = 0; first < n && !best.empty(); first += kBlock) {
    const Index count = std::min(kBlock, n - first);
    const Lanes<T> tops = lanes_maximum(x + first, count, Lanes<T>(kLowest<T>)), risen = max(tops, top);
    if constexpr (Softmax) {
      const Lanes<T> shift = shift_from(risen);
      sum = sum * exp_below(top - shift) + sum_of_exp(x + first, count, shift);
    }
    top = risen;
    list.take(x, first, count, tops);
  }
  const RowTop<T> row{list.count(), lane_max(top)};
  if constexpr (Softmax) {
    const Lanes<T> shift = shift_from(Lanes<T>(row.maximum));
    const T total = lane_sum(sum * exp_below(top - shift));
    for (Ranked& entry : best.first(static_cast<std::size_t>(row.count)))
      entry.value =
          static_cast<double>((exp_below(Lanes<T>(static_cast<T>(entry.value)) - shift) * reciprocal(total)).v[0]);
  }
  return row;
}

}  // namespace

template <class T>
RowTop<T> top_k(const T* x, Index n, std::span<Ranked> best) {
  return in_one_reading<false>(x, n, best);
}

template <class T>
RowTop<T> softmax_top_k(const T* x, Index n, std::span<Ranked> best) {
  return in_one_reading<true>(x, n, best);
}

template RowTop<float> top_k(const float*, Index, std::span<Ranked>);
template RowTop<double> top_k(const double*, Index, std::span<Ranked>);
template RowTop<float> softmax_top_k(const float*, Index, std::span<Ranked>);
template RowTop<double> softmax_top_k(const double*, Index, std::span<Ranked>);

}  // namespace tempera::kernels
