#include "core/kernels/gemm.h"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/error.h"

// Vector types as template arguments; and a false alarm of GCC 12 about its own avx512fintrin.h (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wignored-attributes"
#ifndef __clang__  // which has no such warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tempera::kernels {
namespace {

namespace packet = Eigen::internal;  // full-width vectors, with an explicit fma where the machine has one

// A tile of C, kHigh[vectors] rows by 1 to 3 vectors, stays in registers beside one row of B and one element of A.
// Tiles of three vectors need fewer loads per fma; they are taken for products at least kWide vectors wide. A block of
// B, kDepth long, has at most kPanelBytes and stays in the second-level cache.
#if defined(__AVX512F__)
constexpr Index kWide = 5;
constexpr Index kHigh[] = {0, 14, 14, 8};  // 28 + 2 + 1 or 24 + 3 + 1 of 32 registers
constexpr Index kPanelBytes = 512 * 1024;
constexpr Index kWideRows = 8, kWideSums = 16;  // of a wide tile, see there
#else
constexpr Index kWide = std::numeric_limits<Index>::max();
constexpr Index kHigh[] = {0, 6, 6, 4};  // 12 + 2 + 1 or 12 + 3 + 1 of 16 registers
constexpr Index kPanelBytes = 256 * 1024;
constexpr Index kWideRows = 6, kWideSums = 12;
#endif
constexpr Index kDepth = 256;              // longest block of the inner dimension; part of the value: alike everywhere
constexpr Index kSlivers = 8;              // slivers of A^T packed at a time
constexpr Index kPackBytes = 1024 * 1024;  // see packs_a
constexpr std::size_t kLine = 64;          // bytes of a cache line

constexpr Index kMostRows = kHigh[1], kMostVecs = 3;
constexpr Index round_up(Index x, Index unit) {
  return (x + unit - 1) / unit * unit;
}

template <class T>
struct Tiling {
  using Packet = typename packet::packet_traits<T>::type;
  static constexpr Index lanes = packet::unpacket_traits<Packet>::size;
  static constexpr Index sliver = round_up(kMostRows, lanes);  // row of a packed sliver of A
  static constexpr Index columns =
      kPanelBytes / (kDepth * static_cast<Index>(sizeof(T))) / lanes * lanes;  // block of B
};

// `total` things cut into pieces of nearly equal size, at most `most`.
struct Cut {
  Index total, most, count = (total + most - 1) / most;
  Index start(Index i) const { return total * i / count; }
};

// C tile = alpha A B + beta C tile.
//   A rows x k: element (i, p) at a[i * lda + p] if RowMajor, else at a[i + p * lda]
//   B k x (Vecs * lanes): row p at b + p * ldb
template <class T, int Rows, int Vecs, bool RowMajor>
void tile(Index k, const T* a, Index lda, const T* b, Index ldb, T alpha, T beta, T* c, Index ldc) {
  using P = typename Tiling<T>::Packet;
  constexpr Index lanes = Tiling<T>::lanes;
  P sum[Rows][Vecs];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    __builtin_prefetch(c + i * ldc, 1);
#pragma GCC unroll 4
    for (int v = 0; v < Vecs; ++v) sum[i][v] = packet::pset1<P>(T(0));
  }
#pragma GCC unroll 4
  for (Index p = 0; p < k; ++p) {
    P row[Vecs];
#pragma GCC unroll 4
    for (int v = 0; v < Vecs; ++v) row[v] = packet::ploadu<P>(b + v * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const P element = packet::pset1<P>(a[RowMajor ? i * lda : i]);
#pragma GCC unroll 4
      for (int v = 0; v < Vecs; ++v) sum[i][v] = packet::pmadd(element, row[v], sum[i][v]);
    }
    a += RowMajor ? 1 : lda;
    b += ldb;
  }
  const P scale = packet::pset1<P>(alpha), keep = packet::pset1<P>(beta);
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < Vecs; ++v) {
      T* out = c + i * ldc + v * lanes;
      const P value = beta == T(0) ? packet::pmul(scale, sum[i][v])
                                   : packet::pmadd(scale, sum[i][v], packet::pmul(keep, packet::ploadu<P>(out)));
      packet::pstoreu(out, value);
    }
}

template <class T>
using Tile = void (*)(Index, const T*, Index, const T*, Index, T, T, T*, Index);

template <class T, bool RowMajor, int Vecs, std::size_t... I>
constexpr std::array<Tile<T>, sizeof...(I)> tiles_of(std::index_sequence<I...>) {
  return {&tile<T, static_cast<int>(I) + 1, Vecs, RowMajor>...};
}
template <class T, bool RowMajor, int Vecs>
constexpr auto tiles_of_width =
    tiles_of<T, RowMajor, Vecs>(std::make_index_sequence<static_cast<std::size_t>(kHigh[Vecs])>{});

template <class T, bool RowMajor>
Tile<T> find_tile(Index rows, Index vectors) {
  const auto i = static_cast<std::size_t>(rows - 1);
  if (vectors == 1) return tiles_of_width<T, RowMajor, 1>[i];
  return vectors == 2 ? tiles_of_width<T, RowMajor, 2>[i] : tiles_of_width<T, RowMajor, 3>[i];
}

// out[p * width + j] = in[j * ld + p]   for p < k, j < cols; zero for cols <= j < width
template <class T>
void pack_transposed(const T* in, Index ld, Index k, Index cols, Index width, T* out) {
  using P = typename Tiling<T>::Packet;
  constexpr Index lanes = Tiling<T>::lanes;
  for (Index j = 0; j < width; j += lanes) {
    Index p = 0;
    if (j >= cols)
      for (; p < k; ++p) packet::pstoreu(out + p * width + j, packet::pset1<P>(T(0)));
    for (; p + lanes <= k; p += lanes) {
      packet::PacketBlock<P, static_cast<int>(lanes)> block;
#pragma GCC unroll 16
      for (int l = 0; l < lanes; ++l) {
        const T* const from = in + (j + l) * ld + p;
        __builtin_prefetch(from + lanes * ld);  // the next block of rows: so short runs are not foreseen
        block.packet[l] = j + l < cols ? packet::ploadu<P>(from) : packet::pset1<P>(T(0));
      }
      packet::ptranspose(block);
#pragma GCC unroll 16
      for (int l = 0; l < lanes; ++l) packet::pstoreu(out + (p + l) * width + j, block.packet[l]);
    }
    for (; p < k; ++p)
      for (Index l = j; l < j + lanes; ++l) out[p * width + l] = l < cols ? in[l * ld + p] : T(0);
  }
}

// out[p * width + j] = in[p * ld + j]   for p < k, j < cols; zero for cols <= j < width
template <class T>
void pack_straight(const T* in, Index ld, Index k, Index cols, Index width, T* out) {
  using P = typename Tiling<T>::Packet;
  constexpr Index lanes = Tiling<T>::lanes;
  for (Index p = 0; p < k; ++p, in += ld, out += width)
    for (Index j = 0; j < width; j += lanes) {
      if (j + lanes <= cols) packet::pstoreu(out + j, packet::ploadu<P>(in + j));
      else
        for (Index l = j; l < j + lanes; ++l) out[l] = l < cols ? in[l] : T(0);
    }
}

// Up to kSlivers slivers of op(A) = A^T, from number `first` on, together because their rows are neighbours in A:
//   out[(s * k + p) * sliver + i] = in[p * ld + start(first + s) + i]
// Vectors may reach into the next sliver, never past the last row.
template <class T>
void pack_slivers(const T* in, Index ld, Index k, const Cut& slivers, Index first, T* out) {
  using P = typename Tiling<T>::Packet;
  constexpr Index lanes = Tiling<T>::lanes, sliver = Tiling<T>::sliver;
  const Index count = std::min(kSlivers, slivers.count - first);
  std::array<Index, kSlivers> start{};
  for (Index s = 0; s < count; ++s) start[static_cast<std::size_t>(s)] = slivers.start(first + s);
  for (Index p = 0; p < k; ++p, in += ld)
    for (Index s = 0; s < count; ++s) {
      const Index row = start[static_cast<std::size_t>(s)];
      T* to = out + (s * k + p) * sliver;
      for (Index i = 0; i < sliver; i += lanes)
        if (row + i + lanes <= slivers.total) packet::pstoreu(to + i, packet::ploadu<P>(in + row + i));
        else
          for (Index l = i; l < std::min(i + lanes, slivers.total - row); ++l) to[l] = in[row + l];
    }
}

template <class T>
struct Product {
  Transpose ta, tb;
  Index m, n, k;
  T alpha;
  const T* a;
  Index lda;
  const T* b;
  Index ldb;
  T beta;
  T* c;
  Index ldc;
};

// A is read where it lies; A^T too, unless its rows lie far apart and a packed sliver would be used often. (Measured.)
template <class T>
bool packs_a(const Product<T>& x) {
  return x.ta == Transpose::yes && x.n * x.lda * static_cast<Index>(sizeof(T)) >= kPackBytes;
}
// B^T is packed to be transposed; B if it is used often and would not stay in the cache where it lies.
template <class T>
bool packs_b(const Product<T>& x) {
  const Index bytes = std::min(x.k, kDepth) * x.ldb * static_cast<Index>(sizeof(T));
  return x.tb == Transpose::yes || (x.m > kSlivers * kMostRows && bytes > kPanelBytes);
}

// All rows of C, columns [col, col + cols), inner indices [p, p + depth).
struct Block {
  Index col, cols, p, depth;
};

template <class T>
const T* element(const T* x, Index ld, Transpose t, Index row, Index col) {
  return t == Transpose::no ? x + row * ld + col : x + col * ld + row;
}

// A panel of B is read where it lies if its rows are whole vectors and it is not to be packed.
template <class T>
bool reads_in_place(const Product<T>& x, Index wide) {
  return !packs_b(x) && wide % Tiling<T>::lanes == 0;
}

// Panels of a block of columns, counted in vectors.
template <class T>
Cut panels_of(const Product<T>& x, Index cols) {
  const Index vectors = round_up(cols, Tiling<T>::lanes) / Tiling<T>::lanes;
  return {vectors, vectors < kWide || packs_a(x) ? 2 : 3};
}

template <class T>
void pack_b(const Product<T>& x, const Block& block, T* packed) {
  constexpr Index lanes = Tiling<T>::lanes;
  const Cut panels = panels_of(x, block.cols);
  for (Index panel = 0; panel < panels.count; ++panel) {
    const Index j = panels.start(panel) * lanes, width = panels.start(panel + 1) * lanes - j;
    const Index cols = std::min(width, block.cols - j);
    if (reads_in_place(x, cols)) continue;
    const T* b = element(x.b, x.ldb, x.tb, block.p, block.col + j);
    if (x.tb == Transpose::yes) pack_transposed(b, x.ldb, block.depth, cols, width, packed + j * block.depth);
    else pack_straight(b, x.ldb, block.depth, cols, width, packed + j * block.depth);
  }
}

// A tile whose last vector sticks out of C is computed in full beside it.
template <class T>
void run_beside(Tile<T> run, Index rows, Index cols, Index k, const T* a, Index lda, const T* b, Index ldb, T alpha,
                T beta, T* c, Index ldc) {
  constexpr Index width = kMostVecs * Tiling<T>::lanes;
  alignas(kLine) std::array<T, static_cast<std::size_t>(kMostRows * width)> beside{};
  if (beta != T(0))
    for (Index i = 0; i < rows; ++i) std::copy_n(c + i * ldc, cols, beside.data() + i * width);
  run(k, a, lda, b, ldb, alpha, beta, beside.data(), width);
  for (Index i = 0; i < rows; ++i) std::copy_n(beside.data() + i * width, cols, c + i * ldc);
}

template <class T>
void multiply(const Product<T>& x, const Block& block, const T* packed_b, T* packed_a, const Epilogue& epilogue) {
  constexpr Index lanes = Tiling<T>::lanes, sliver = Tiling<T>::sliver;
  const Index k = block.depth;
  const Cut panels = panels_of(x, block.cols), slivers{x.m, kHigh[panels.most]};
  const T beta = block.p == 0 ? x.beta : T(1);
  const bool pack = packs_a(x);
  for (Index s = 0; s < slivers.count; ++s) {
    const Index row = slivers.start(s), rows = slivers.start(s + 1) - row;
    if (pack && s % kSlivers == 0) pack_slivers(x.a + block.p * x.lda, x.lda, k, slivers, s, packed_a);
    const T* a = pack ? packed_a + s % kSlivers * k * sliver : element(x.a, x.lda, x.ta, row, block.p);
    const Index lda = pack ? sliver : x.lda;
    for (Index panel = 0; panel < panels.count; ++panel) {
      const Index first = panels.start(panel), vectors = panels.start(panel + 1) - first, j = first * lanes;
      const Index cols = std::min(vectors * lanes, block.cols - j);
      const bool in_place = reads_in_place(x, cols);
      const T* b = in_place ? x.b + block.p * x.ldb + block.col + j : packed_b + j * k;
      const Index ldb = in_place ? x.ldb : vectors * lanes;
      T* c = x.c + row * x.ldc + block.col + j;
      const Tile<T> run =
          x.ta == Transpose::no ? find_tile<T, true>(rows, vectors) : find_tile<T, false>(rows, vectors);
      if (cols == vectors * lanes) run(k, a, lda, b, ldb, x.alpha, beta, c, x.ldc);
      else run_beside(run, rows, cols, k, a, lda, b, ldb, x.alpha, beta, c, x.ldc);
    }
    if (epilogue && block.p + block.depth == x.k) epilogue(row, rows, block.col, block.cols);
  }
}

// k = 0: C = beta C.
template <class T>
void scale(const Product<T>& x, const Epilogue& epilogue) {
  for (Index i = 0; i < x.m; ++i)
    for (Index j = 0; j < x.n; ++j) {
      T& c = x.c[i * x.ldc + j];
      c = x.beta == T(0) ? T(0) : x.beta * c;
    }
  if (epilogue) epilogue(0, x.m, 0, x.n);
}

void at_least(Index got, Index wanted, const char* what) {
  require(got >= wanted, "gemm", "{} is {}; at least {} was wanted", what, got, wanted);
}

template <class T>
void check(const Product<T>& x, Workspace ws) {
  const bool ta = x.ta == Transpose::yes, tb = x.tb == Transpose::yes;
  at_least(x.m, 0, "m");
  at_least(x.n, 0, "n");
  at_least(x.k, 0, "k");
  at_least(x.lda, ta ? x.m : x.k, "lda");
  at_least(x.ldb, tb ? x.k : x.n, "ldb");
  at_least(x.ldc, x.n, "ldc");
  at_least(std::ssize(ws), static_cast<Index>(gemm_workspace_bytes<T>(x.m, x.n, x.k)), "the workspace in bytes");
}

}  // namespace

template <class T>
Index k_block(Index k) {
  return std::min(k, kDepth);
}

template <class T>
std::size_t gemm_workspace_bytes(Index m, Index n, Index k) {
  using S = Tiling<T>;
  if (m <= 0 || n <= 0 || k <= 0) return 0;
  const Index columns = std::min(round_up(n, S::lanes), S::columns);
  return static_cast<std::size_t>((columns + kSlivers * S::sliver) * k_block<T>(k)) * sizeof(T) + kLine;
}

template <class T>
std::size_t gemm_workspace_limit() {
  using S = Tiling<T>;
  return gemm_workspace_bytes<T>(1, S::columns, kDepth);
}

template <class T>
void gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
          T beta, T* c, Index ldc, Workspace ws, Epilogue epilogue) {
  using S = Tiling<T>;
  const Product<T> x{ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc};
  check(x, ws);
  if (m == 0 || n == 0) return;
  if (k == 0) return scale(x, epilogue);

  void* start = ws.data();
  std::size_t space = ws.size();
  T* const packed_a = static_cast<T*>(std::align(kLine, 1, start, space));
  T* const packed_b = packed_a + kSlivers * S::sliver * k_block<T>(k);
  for (Index col = 0; col < n; col += S::columns)
    for (Index p = 0; p < k; p += kDepth) {
      const Block block{col, std::min(S::columns, n - col), p, std::min(kDepth, k - p)};
      pack_b(x, block, packed_b);
      multiply(x, block, packed_b, packed_a, epilogue);
    }
}

template <class T>
void gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
          T beta, T* c, Index ldc, Workspace ws) {
  gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, ws, Epilogue{});
}

template <class T>
Index packed_width() {
  return 2 * Tiling<T>::lanes;
}

template <class T>
Index packed_size(Index n, Index k) {
  return round_up(n, packed_width<T>()) * k;
}

template <class T>
void pack(Transpose tb, Index n, Index k, const T* b, Index ldb, T* packed) {
  const Index width = packed_width<T>();
  for (Index j = 0; j < n; j += width) {
    const Index cols = std::min(width, n - j);
    if (tb == Transpose::yes) pack_transposed(b + j * ldb, ldb, k, cols, width, packed + j * k);
    else pack_straight(b + j, ldb, k, cols, width, packed + j * k);
  }
}

namespace {

// C [Rows, Panels panels] = alpha A B + beta C, B in packed panels `apart` elements from each other. An element is a
// chain of fmas, each of which waits for the one before: few rows keep the processor busy with many columns only.
template <class T, int Rows, int Panels>
void wide_tile(Index k, const T* a, Index lda, const T* b, Index apart, T alpha, T beta, T* c, Index ldc) {
  using P = typename Tiling<T>::Packet;
  constexpr Index lanes = Tiling<T>::lanes, ahead = 1024 / static_cast<Index>(sizeof(T));
  constexpr int Vecs = 2 * Panels;
  P sum[Rows][Vecs];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < Vecs; ++v) sum[i][v] = packet::pset1<P>(T(0));
  for (Index p = 0; p < k; ++p, b += 2 * lanes)
#pragma GCC unroll 8
    for (int v = 0; v < Vecs; ++v) {
      const T* const at = b + v / 2 * apart + v % 2 * lanes;
      __builtin_prefetch(at + ahead);  // B comes from far away, and is used once
      const P row = packet::ploadu<P>(at);
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) sum[i][v] = packet::pmadd(packet::pset1<P>(a[i * lda + p]), row, sum[i][v]);
    }
  const P scale = packet::pset1<P>(alpha), keep = packet::pset1<P>(beta);
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < Vecs; ++v) {
      T* const out = c + i * ldc + v * lanes;
      packet::pstoreu(out, beta == T(0) ? packet::pmul(scale, sum[i][v])
                                        : packet::pmadd(scale, sum[i][v], packet::pmul(keep, packet::ploadu<P>(out))));
    }
}

template <class T>
using WideTile = void (*)(Index, const T*, Index, const T*, Index, T, T, T*, Index);

// Panels that a wide tile of so many rows has. The sums of more than kWideRows rows would not stay in registers.
constexpr int wide_panels(Index rows) {
  return static_cast<int>(std::clamp<Index>(kWideSums / (2 * rows), 1, 4));
}
template <class T, std::size_t... I>
constexpr std::array<WideTile<T>, sizeof...(I)> wide_tiles_of(std::index_sequence<I...>) {
  return {&wide_tile<T, static_cast<int>(I) + 1, wide_panels(I + 1)>...};
}

// C as far as whole wide tiles go; returns how many columns that are.
template <class T>
Index multiply_wide(Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* packed, Index apart, T beta,
                    T* c, Index ldc) {
  static constexpr auto kTiles = wide_tiles_of<T>(std::make_index_sequence<kWideRows>{});
  if (m < 1 || m > kWideRows) return 0;
  const Index panels = wide_panels(m), cols = panels * packed_width<T>();
  Index j = 0;
  for (; j + cols <= n; j += cols, packed += panels * apart)
    kTiles[static_cast<std::size_t>(m - 1)](k, a, lda, packed, apart, alpha, beta, c + j, ldc);
  return j;
}

}  // namespace

namespace {

// Columns [done, n) of C; panel j of B begins at b + j * across, its rows are ldb apart.
template <class T>
void multiply_panels(Transpose ta, Index m, Index done, Index n, Index inner, T alpha, const T* a, Index lda,
                     const T* b, Index across, Index ldb, T beta, T* c, Index ldc) {
  constexpr Index lanes = Tiling<T>::lanes;
  const Index width = packed_width<T>();
  const Cut slivers{m, kHigh[2]};
  for (Index s = 0; s < slivers.count; ++s) {
    const Index row = slivers.start(s), rows = slivers.start(s + 1) - row;
    for (Index j = done; j < n; j += width) {
      const Index cols = std::min(width, n - j), vectors = round_up(cols, lanes) / lanes;
      const Tile<T> run = ta == Transpose::no ? find_tile<T, true>(rows, vectors) : find_tile<T, false>(rows, vectors);
      const T* const from = element(a, lda, ta, row, 0);
      T* const to = c + row * ldc + j;
      if (cols == vectors * lanes) run(inner, from, lda, b + j * across, ldb, alpha, beta, to, ldc);
      else run_beside(run, rows, cols, inner, from, lda, b + j * across, ldb, alpha, beta, to, ldc);
    }
  }
}

}  // namespace

template <class T>
void gemm_packed(Transpose ta, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* packed, Index depth,
                 T beta, T* c, Index ldc) {
  const Index width = packed_width<T>();
  for (Index p = 0; p < k; p += kDepth) {
    const Index inner = std::min(kDepth, k - p);
    const T keep = p == 0 ? beta : T(1);
    const T *const from = element(a, lda, ta, 0, p), *const b = packed + p * width;
    const Index done =
        ta == Transpose::yes ? 0 : multiply_wide(m, n, inner, alpha, from, lda, b, depth * width, keep, c, ldc);
    multiply_panels(ta, m, done, n, inner, alpha, from, lda, b, depth, width, keep, c, ldc);
  }
}

template <class T>
bool gemm_reads(Index n) {
  return n % Tiling<T>::lanes == 0;
}

template <class T>
void gemm_in_place(Transpose ta, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
                   T beta, T* c, Index ldc) {
  for (Index p = 0; p < k; p += kDepth)
    multiply_panels(ta, m, Index{0}, n, std::min(kDepth, k - p), alpha, element(a, lda, ta, 0, p), lda, b + p * ldb,
                    Index{1}, ldb, p == 0 ? beta : T(1), c, ldc);
}

#define TEMPERA_GEMM(T)                                                                                               \
  template Index k_block<T>(Index);                                                                                   \
  template std::size_t gemm_workspace_bytes<T>(Index, Index, Index);                                                  \
  template std::size_t gemm_workspace_limit<T>();                                                                     \
  template void gemm<T>(Transpose, Transpose, Index, Index, Index, T, const T*, Index, const T*, Index, T, T*, Index, \
                        Workspace);                                                                                   \
  template void gemm<T>(Transpose, Transpose, Index, Index, Index, T, const T*, Index, const T*, Index, T, T*, Index, \
                        Workspace, Epilogue);                                                                         \
  template Index packed_width<T>();                                                                                   \
  template Index packed_size<T>(Index, Index);                                                                        \
  template void pack<T>(Transpose, Index, Index, const T*, Index, T*);                                                \
  template void gemm_packed<T>(Transpose, Index, Index, Index, T, const T*, Index, const T*, Index, T, T*, Index);    \
  template bool gemm_reads<T>(Index);                                                                                 \
  template void gemm_in_place<T>(Transpose, Index, Index, Index, T, const T*, Index, const T*, Index, T, T*, Index)
TEMPERA_GEMM(float);
TEMPERA_GEMM(double);

}  // namespace tempera::kernels
