#include "core/kernels/strided.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "core/lanes.h"
#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kPanel = 16384;  // elements per panel
constexpr Index kTile = 16;      // a multiple of every packet: whole cache lines are read and written

using Level = Strided::Level;

// The same moves in as few and as long loops as possible, ordered so that writes go forward (moves) or reads do (sums).
Strided simplified(const Strided& loops, bool order_by_to) {
  Strided sorted = loops;
  sorted.levels = 0;
  for (int k = 0; k < loops.levels; ++k) {
    const Level& level = loops.level[static_cast<std::size_t>(k)];
    if (level.extent != 1) sorted.loop(level.extent, level.from, level.to);
  }
  // Insertion sort: stable and without memory. Equal strides keep the order of the caller.
  const auto key = [&](const Level& l) { return std::abs(order_by_to ? l.to : l.from); };
  for (int k = 1; k < sorted.levels; ++k)
    for (auto i = static_cast<std::size_t>(k); i > 0 && key(sorted.level[i - 1]) < key(sorted.level[i]); --i)
      std::swap(sorted.level[i - 1], sorted.level[i]);
  Strided merged = loops;
  merged.levels = 0;
  for (int k = 0; k < sorted.levels; ++k) {
    const Level inner = sorted.level[static_cast<std::size_t>(k)];
    if (merged.levels > 0) {
      Level& outer = merged.level[static_cast<std::size_t>(merged.levels - 1)];
      if (outer.from == inner.from * inner.extent && outer.to == inner.to * inner.extent) {
        outer = {outer.extent * inner.extent, inner.from, inner.to};
        continue;
      }
    }
    merged.loop(inner.extent, inner.from, inner.to);
  }
  if (merged.levels == 0) merged.loop(1, 1, 1);
  return merged;
}

template <bool Add, class T>
TEMPERA_INLINE void put(T& to, T value) {
  if constexpr (Add) to += value;
  else to = value;
}

template <bool Add, class T>
void move_row(const T* from, T* to, const Level& row) {
  constexpr Index kWorthACall = 16;
  const Index n = row.extent;
  if (row.from == 1 && row.to == 1) {
    if (!Add && n >= kWorthACall) std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
    else
      for (Index i = 0; i < n; ++i) put<Add>(to[i], from[i]);
  } else if (row.from == 0 && row.to == 1) {
    const T value = *from;
    for (Index i = 0; i < n; ++i) put<Add>(to[i], value);
  } else {
    for (Index i = 0; i < n; ++i) put<Add>(to[i * row.to], from[i * row.from]);
  }
}

// Packets are vector types with attributes, which GCC drops, harmlessly, when they become template arguments.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

// int32 travels in packets of floats: they are only loaded, shuffled and stored.
template <class T>
using Carrier = std::conditional_t<std::is_same_v<T, std::int32_t>, float, T>;
template <class T>
inline constexpr int packet_width = Eigen::internal::packet_traits<Carrier<T>>::size;

// A square of W x W through registers: to[c * to_step + r] (+)= from[r * from_step + c].
template <bool Add, class T>
TEMPERA_INLINE void move_square(const T* from, Index from_step, T* to, Index to_step) {
  using Packet = typename Eigen::internal::packet_traits<Carrier<T>>::type;
  constexpr int W = packet_width<T>;
  Eigen::internal::PacketBlock<Packet, W> block;
  for (int r = 0; r < W; ++r)
    block.packet[r] = Eigen::internal::ploadu<Packet>(reinterpret_cast<const Carrier<T>*>(from + r * from_step));
  Eigen::internal::ptranspose(block);
  for (int c = 0; c < W; ++c) {
    auto* out = reinterpret_cast<Carrier<T>*>(to + c * to_step);
    if constexpr (Add) block.packet[c] = Eigen::internal::padd(Eigen::internal::ploadu<Packet>(out), block.packet[c]);
    Eigen::internal::pstoreu(out, block.packet[c]);
  }
}

#pragma GCC diagnostic pop

// One exchanged pair: `c` has neighbours in `from`, `r` has neighbours in `to`.
template <bool Add, class T>
void move_tiles(const T* from, T* to, const Level& c, const Level& r) {
  constexpr Index W = packet_width<T>;
  static_assert(kTile % W == 0);
  for (Index c0 = 0; c0 < c.extent; c0 += kTile)
    for (Index r0 = 0; r0 < r.extent; r0 += kTile) {
      const Index cols = std::min(kTile, c.extent - c0), rows = std::min(kTile, r.extent - r0);
      const T* in = from + c0 + r0 * r.from;
      T* out = to + c0 * c.to + r0;
      const Index whole_cols = cols / W * W, whole_rows = rows / W * W;
      for (Index i = 0; i < whole_cols; i += W)
        for (Index j = 0; j < whole_rows; j += W)
          move_square<Add>(in + j * r.from + i, r.from, out + i * c.to + j, c.to);
      for (Index i = 0; i < cols; ++i)
        for (Index j = i < whole_cols ? whole_rows : 0; j < rows; ++j) put<Add>(out[i * c.to + j], in[j * r.from + i]);
    }
}

template <bool Add, class T>
class Mover {
 public:
  explicit Mover(const Strided& loops) : loops_(loops), last_(static_cast<std::size_t>(loops_.levels) - 1) {
    // Where rows of `to` jump about in `from`, the axis with neighbours in `from` comes next to the innermost.
    if (last_ == 0 || loops_.level[last_].to != 1 || loops_.level[last_].from == 1) return;
    for (std::size_t k = 0; k < last_; ++k)
      if (loops_.level[k].from == 1) {
        std::rotate(loops_.level.begin() + static_cast<std::ptrdiff_t>(k),
                    loops_.level.begin() + static_cast<std::ptrdiff_t>(k) + 1,
                    loops_.level.begin() + static_cast<std::ptrdiff_t>(last_));
        tiles_ = true;
        return;
      }
  }

  void run(const T* from, T* to, int threads) {
    const Level outer = loops_.level[0];
    const Index inside = std::max<Index>(1, loops_.size() / std::max<Index>(1, outer.extent));
    Index grain = std::max<Index>(1, kPanel / inside);
    if (tiles_ && last_ == 1) grain = (grain + kTile - 1) / kTile * kTile;
    parallel_panels(threads, outer.extent, grain, [&](Index first, Index last) {
      Level part = outer;
      part.extent = last - first;
      nest(0, part, from + first * outer.from, to + first * outer.to);
    });
  }

 private:
  void nest(std::size_t at, const Level& here, const T* from, T* to) const {
    if (at == last_) return move_row<Add>(from, to, here);
    const Level& next = loops_.level[at + 1];
    if (at + 1 == last_) {
      if (tiles_) return move_tiles<Add>(from, to, here, next);
      for (Index i = 0; i < here.extent; ++i) move_row<Add>(from + i * here.from, to + i * here.to, next);
      return;
    }
    for (Index i = 0; i < here.extent; ++i) nest(at + 1, next, from + i * here.from, to + i * here.to);
  }

  Strided loops_;
  std::size_t last_;
  bool tiles_ = false;
};

template <class T>
double sum_row(const T* from, Index n) {
  constexpr Index W = 8;
  double part[W] = {};
  const Index whole = n / W * W;
  for (Index i = 0; i < whole; i += W)
    for (Index j = 0; j < W; ++j) part[j] += static_cast<double>(from[i + j]);
  for (Index i = whole; i < n; ++i) part[i - whole] += static_cast<double>(from[i]);
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

template <class T>
void sum_nest(const Strided& loops, std::size_t at, const T* from, double* to) {
  const Level& here = loops.level[at];
  if (at + 1 < static_cast<std::size_t>(loops.levels)) {
    for (Index i = 0; i < here.extent; ++i) sum_nest(loops, at + 1, from + i * here.from, to + i * here.to);
  } else if (here.to == 0 && here.from == 1) {
    *to += sum_row(from, here.extent);
  } else if (here.to == 1 && here.from == 1) {
    for (Index i = 0; i < here.extent; ++i) to[i] += static_cast<double>(from[i]);
  } else {
    for (Index i = 0; i < here.extent; ++i) to[i * here.to] += static_cast<double>(from[i * here.from]);
  }
}

}  // namespace

Strided& Strided::loop(Index extent, Index from, Index to) {
  level[static_cast<std::size_t>(levels++)] = {extent, from, to};
  return *this;
}

Strided Strided::reversed() const {
  Strided result = *this;
  std::swap(result.from_first, result.to_first);
  for (Level& l : result.level) std::swap(l.from, l.to);
  return result;
}

Index Strided::size() const {
  Index total = 1;
  for (int k = 0; k < levels; ++k) total *= level[static_cast<std::size_t>(k)].extent;
  return total;
}

void strided_move(const Strided& loops, const Tensor& from, Tensor& to, bool add, int threads) {
  const Strided moves = simplified(loops, true);
  if (moves.size() == 0) return;
  const auto run = [&]<bool Add, class T>(std::bool_constant<Add>, Type<T>) {
    Mover<Add, T>(moves).run(from.data<T>() + moves.from_first, to.data<T>() + moves.to_first, threads);
  };
  if (add) dispatch(from.dtype(), [&](auto type) { run(std::true_type{}, type); });
  else dispatch_any(from.dtype(), [&](auto type) { run(std::false_type{}, type); });
}

void strided_sum(const Strided& loops, const Tensor& from, Tensor& to, Tensor& sums, bool add, int threads) {
  const Strided moves = simplified(loops, false);
  sums.fill(0);
  // Panels along the level with the widest stride in `to`, if all others stay within that stride: then no two
  // panels meet. That level need not be the outermost.
  std::size_t wide = 0;
  Index reach = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(moves.levels); ++k) {
    reach += (moves.level[k].extent - 1) * moves.level[k].to;
    if (moves.level[k].to > moves.level[wide].to) wide = k;
  }
  const Level split = moves.level[wide];
  if (split.to <= reach - (split.extent - 1) * split.to) threads = 1;
  const Index inside = std::max<Index>(1, moves.size() / std::max<Index>(1, split.extent));
  constexpr Index kColumns = 64;  // a panel of neighbouring columns is no narrower
  const Index grain = std::max<Index>(split.from == 1 ? kColumns : 1, kPanel / inside);
  dispatch(from.dtype(), [&]<class T>(Type<T>) {
    const T* in = from.data<T>() + moves.from_first;
    T* out = to.data<T>();
    double* total = sums.data<double>();
    if (moves.size() > 0)
      parallel_panels(threads, threads == 1 ? 1 : split.extent, threads == 1 ? 1 : grain, [&](Index first, Index last) {
        Strided part = moves;
        if (threads > 1) part.level[wide].extent = last - first;
        sum_nest(part, 0, in + first * split.from, total + moves.to_first + first * split.to);
      });
    parallel_panels(threads, to.size(), kPanel, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i)
        out[i] = static_cast<T>(add ? static_cast<double>(out[i]) + total[i] : total[i]);
    });
  });
}

}  // namespace tempera
