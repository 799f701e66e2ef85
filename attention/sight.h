// Which keys of a tile the queries of a block see, where queries lie along the lanes.
#pragma once

#include <array>

#include "attention/tiles.h"
#include "core/lanes.h"

namespace tempera::detail {

inline constexpr Index kRows = 64;  // queries of a block; measured

// From the first of either to the last of either.
inline Range both(Range a, Range b) {
  if (a.count() <= 0) return b;
  return b.count() <= 0 ? a : Range{std::min(a.first, b.first), std::max(a.last, b.last)};
}

// Sequences so short that several fill a vector of queries are computed as one, in which each sees its own keys.
class Sequences {
 public:
  Sequences(const AttentionCall& call, Index lanes) : call_(call), sizes_(call.layout.sizes) {
    const AttentionLayout& l = call.layout;
    const auto follow = [](const HeadPart& part, Index rows) { return part.batch == rows * part.row; };
    const bool whole = follow(l.q, sizes_.queries) && follow(l.o, sizes_.queries) && follow(l.k, sizes_.keys) &&
                       follow(l.v, sizes_.keys);
    const Index longest = std::max(sizes_.queries, sizes_.keys);
    if (whole && !call.bias && longest > 0 && sizes_.batch > 0)
      together_ = std::clamp<Index>(lanes / longest, 1, sizes_.batch);
  }
  Index count() const { return (sizes_.batch + together_ - 1) / together_; }
  Index first(Index i) const { return i * together_; }  // sequence
  Index queries(Index i) const { return of(i) * sizes_.queries; }
  Index keys(Index i) const { return of(i) * sizes_.keys; }
  Index most_queries() const { return together_ * sizes_.queries; }
  Index most_keys() const { return together_ * sizes_.keys; }
  // The keys that queries [at, at + count) see, into first[r] and last[r].
  void look(Index i, Index at, Index count, Index* first_seen, Index* last_seen) const {
    const Visibility& seen = call_.visibility;
    for (Index r = 0, own = 0; r < count; ++own) {  // where there are several in one, at is 0
      const Visibility::Rule rule = seen.rule(first(i) + own, sizes_.keys);
      const Index rows = together_ == 1 ? count : sizes_.queries, p = seen.start + at - seen.key_start;
      for (Index query = 0; query < rows; ++query, ++r) {
        const Range keys = rule(p + query);
        first_seen[r] = keys.first + own * sizes_.keys;
        last_seen[r] = keys.last + own * sizes_.keys;
      }
    }
  }

 private:
  Index of(Index i) const { return std::min(together_, sizes_.batch - first(i)); }

  const AttentionCall& call_;
  const AttentionSizes& sizes_;
  Index together_ = 1;
};

// Queries whose products are computed together, with the keys that any of them sees.
template <class T>
inline constexpr Index kStrip = 2 * lane_width<T>;

// A block of queries and a tile of keys, and which of them each query sees. Keys count from the first of the tile.
template <class T>
struct Sight {
  static constexpr Index W = lane_width<T>, kVectors = kRows / W;
  Index count = 0, vectors = 0;                  // of queries; of lanes that hold them
  std::array<Index, kRows> from, to;             // each query sees these of all keys; neither ever decreases
  Range whole;                                   // from the first to the last of them
  alignas(64) std::array<T, kRows> first, last;  // the same of the tile
  std::array<Range, kVectors> some, all;         // seen by queries of a vector; by each of them

  void look(const Sequences& sequences, Index i, Index query, Index queries) {
    count = queries;
    vectors = (count + W - 1) / W;
    sequences.look(i, query, count, from.data(), to.data());
    // Lanes that hold no query see what the last one sees, so that their vector has no edge on their account.
    for (Index r = count; r < vectors * W; ++r) from[at(r)] = from[at(count - 1)], to[at(r)] = to[at(count - 1)];
    whole = {from[0], to[at(count - 1)]};
  }
  void narrow(Range tile) {
    for (Index r = 0; r < vectors * W; ++r) {
      first[at(r)] = static_cast<T>(std::clamp<Index>(from[at(r)] - tile.first, 0, tile.count()));
      last[at(r)] = static_cast<T>(std::clamp<Index>(to[at(r)] - tile.first, 0, tile.count()));
    }
    for (Index v = 0; v < vectors; ++v) {
      const auto number = [&](const std::array<T, kRows>& of, Index lane) {
        return static_cast<Index>(of[at(v * W + lane)]);
      };
      const Range any{number(first, 0), number(last, W - 1)}, every{number(first, W - 1), number(last, 0)};
      some[at(v)] = any;
      all[at(v)] = every.count() > 0 ? every : Range{any.last, any.last};
    }
  }
  // Seen by the strip of queries that begins at `query`, of all keys.
  Range of_strip(Index query) const { return {from[at(query)], to[at(std::min(count, query + kStrip<T>) - 1)]}; }
  // f(first, queries) for strips that see nothing.
  template <class F>
  void each_blind(F&& f) const {
    for (Index query = 0; query < count; query += kStrip<T>)
      if (of_strip(query).count() <= 0) f(query, std::min(kStrip<T>, count - query));
  }
  // Seen by queries of the vectors [begin, end).
  Range by(Index begin, Index end) const { return {some[at(begin)].first, some[at(end - 1)].last}; }
  // f(first, queries, keys) for runs of keys that are seen by the same strips of queries, by none perhaps.
  template <class F>
  void each_run(F&& f) const {
    const Index strips = (count + kStrip<T> - 1) / kStrip<T>;
    const auto of = [&](Index strip) {
      return by(strip * kStrip<T> / W, std::min(vectors, (strip + 1) * kStrip<T> / W));
    };
    const Range keys = by(0, vectors);
    for (Index key = keys.first; key < keys.last;) {
      Index lowest = strips, above = 0, end = keys.last;
      for (Index strip = 0; strip < strips; ++strip) {
        const Range seen = of(strip);
        if (seen.first > key) end = std::min(end, seen.first);
        if (key < seen.first || key >= seen.last) continue;
        end = std::min(end, seen.last);
        lowest = std::min(lowest, strip);
        above = strip + 1;
      }
      const Index query = lowest * kStrip<T>;
      if (above > 0) f(query, std::min(count, above * kStrip<T>) - query, Range{key, end});
      else f(0, 0, Range{key, end});
      key = end;
    }
  }
  // f(key, seen) for the keys that some queries of vector v see and others do not.
  template <class F>
  TEMPERA_INLINE void each_edge(Index v, F&& f) const {
    const Lanes<T> begin = Lanes<T>::load(first.data() + v * W), behind = Lanes<T>::load(last.data() + v * W);
    const Range any = some[at(v)], every = all[at(v)];
    const auto run = [&](Index key, Index end) {
      for (; key < end; ++key) {
        const Lanes<T> number(static_cast<T>(key));
        f(key, begin <= number && number < behind);
      }
    };
    run(any.first, std::min(every.first, any.last));
    run(every.last, any.last);
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
};

}  // namespace tempera::detail
