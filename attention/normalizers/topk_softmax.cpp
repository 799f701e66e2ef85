#include "attention/normalizers/topk_softmax.h"

#include <bit>

#include "attention/row_loops.h"
#include "attention/row_normalizer.h"
#include "core/kernels/softmax_rows.h"
#include "core/kernels/top_k.h"

namespace tempera {
namespace {

using detail::each_vector;
using detail::load_vector;
using detail::row_maximum;
using detail::row_sums;
using detail::store_vector;

template <class T>
using Key = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
template <class T>
constexpr Key<T> kSign = Key<T>{1} << (8 * sizeof(T) - 1);

// The number whose place among all numbers, the lowest first, is `key`.
template <class T>
T number_at(Key<T> key) {
  return std::bit_cast<T>(key & kSign<T> ? key ^ kSign<T> : ~key);
}

template <class T>
Index count_from(const WholeRow<T>& row, T low) {
  using L = Lanes<T>;
  constexpr Index kPiece = 1 << 20;  // counts of lanes stay whole numbers
  Index count = 0;
  for (Index first = 0; first < row.size; first += kPiece) {
    const auto [part] = row_sums<1, T>(std::min(kPiece, row.size - first), [&](Index i, Index n, auto& sums) {
      const L s = load_vector(row.scores + first + i, n, -std::numeric_limits<T>::infinity());
      sums[0] += where(s >= L(low), L(1), L(0));
    });
    count += static_cast<Index>(part);
  }
  return count;
}

// The largest number that at least k scores reach, found bit by bit.
template <class T>
T kth_largest(const WholeRow<T>& row, Index k) {
  const Key<T> lowest = ~std::bit_cast<Key<T>>(-std::numeric_limits<T>::infinity());
  Key<T> found = 0;
  for (Key<T> bit = kSign<T>; bit != 0; bit >>= 1) {
    const Key<T> tried = found | bit;
    if (tried <= lowest) {
      found = tried;
      continue;
    }
    const T number = number_at<T>(tried);
    const Index count = number == number ? count_from(row, number) : 0;
    if (count < k) continue;
    found = tried;
    if (count == k) break;
  }
  return number_at<T>(found);
}

class TopkSoftmax : public RowNormalizer<TopkSoftmax> {
 public:
  explicit TopkSoftmax(Index k) : RowNormalizer({.sparse = true, .saved = 4}), k_(k) {}

  // saved: the maximum, the lowest score that counts, the last key that counts with just that score, the sum.
  template <class T>
  void weigh(const WholeRow<T>& row, T* w) const {
    using L = Lanes<T>;
    T* const saved = row.saved;
    if (!row.again) {
      choose(row);
      saved[3] = row_sums<1, T>(row.size, [&](Index i, Index count, auto& sums) {
        const L e = numerator(row, i, count);
        sums[0] += count == lane_width<T> ? e : where(first_lanes<T>(count), e, L(0));
      })[0];
    }
    const L scale(1 / saved[3]);
    each_vector<T>(row.size,
                   [&](Index i, Index count) { store_vector(numerator(row, i, count) * scale, w + i, count); });
  }

  template <class T>
  void differentiate(const WholeRow<T>& row, const T* w, const RowGradient<T>& to) const {
    kernels::softmax_row_gradient(w, to.dw, to.ds, row.size, false);
  }

 private:
  static constexpr Index kListed = 64;
  // Whether a list of the largest costs less than the readings that a search by bits takes.
  bool listed(Index size) const { return size > k_ && k_ <= kListed && (k_ <= 10 || 128 * k_ <= size); }

  template <class T>
  void choose(const WholeRow<T>& row) const {
    T* const saved = row.saved;
    if (listed(row.size)) {
      std::array<kernels::Ranked, kListed> list;
      const std::span<kernels::Ranked> best(list.data(), static_cast<std::size_t>(k_));
      saved[0] = kernels::top_k(row.scores, row.size, best).maximum;
      saved[1] = static_cast<T>(best.back().value);
      saved[2] = static_cast<T>(best.back().index);
    } else {
      saved[0] = row_maximum(row.scores, row.size);
      saved[1] = row.size <= k_ ? -std::numeric_limits<T>::infinity() : kth_largest(row, k_);
      saved[2] = static_cast<T>(last_tie(row, saved[1]));
    }
  }
  template <class T>
  static LaneMask<T> first_lanes(Index count) {
    return places<T>(0) < Lanes<T>(static_cast<T>(count));
  }
  // first, first + 1, ...
  template <class T>
  static Lanes<T> places(Index first) {
    Lanes<T> x(static_cast<T>(first));
    for (Index i = 0; i < lane_width<T>; ++i) x.v[i] += static_cast<T>(i);
    return x;
  }
  // The place of the last key that is taken with just the score `low`, where there are more of them than room.
  template <class T>
  Index last_tie(const WholeRow<T>& row, T low) const {
    if (row.size <= k_) return row.size;
    const Index surplus = count_from(row, low) - k_;
    Index left = surplus, last = row.size - 1;
    for (; left > 0; --last)
      if (row.scores[last] == low) --left;
    return last;
  }
  // exp(s - max s) where the key counts, otherwise 0.
  template <class T>
  Lanes<T> numerator(const WholeRow<T>& row, Index i, Index count) const {
    using L = Lanes<T>;
    const L s = load_vector(row.scores + i, count, row.saved[0]), low(row.saved[1]);
    const auto taken = s > low || (s == low && places<T>(i) <= L(row.saved[2]));
    return where(taken, exp(s - L(row.saved[0])), where(s == s, L(0), s));
  }

  Index k_;
};

}  // namespace

void TopkSoftmaxOptions::describe(Fields& f) {
  f("k", k, "keys of a row that get a weight", at_least(1));
}

std::unique_ptr<ScoreNormalizer> TopkSoftmaxOptions::make(const NormalizerPlace&) const {
  return std::make_unique<TopkSoftmax>(k);
}

}  // namespace tempera
