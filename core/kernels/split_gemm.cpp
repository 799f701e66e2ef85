#include "core/kernels/split_gemm.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/error.h"

// The second pair of names is that of clang 14.
#if ((defined(__AMX_TILE__) && defined(__AMX_BF16__)) || (defined(__AMXTILE__) && defined(__AMXBF16__))) && \
    defined(__AVX512BF16__) && defined(__linux__)
#define TEMPERA_MATRIX_UNITS
#include <Eigen/Core>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#ifdef __GNUC__  // a vector type as a template argument
#pragma GCC diagnostic ignored "-Wignored-attributes"
#endif

namespace tempera::kernels {
namespace {

constexpr Index kTile = 16;          // rows of a tile, and columns of C in it
constexpr Index kStep = 32;          // inner indices of a tile
constexpr Index kPanel = 2 * kTile;  // rows or columns that are multiplied at a time: 2 x 2 tiles of C
constexpr Index kDepth = 512;        // inner indices packed at a time, at most
constexpr Index kPacked = 1 << 17;   // numbers of B, with all parts 768 KiB, in the second-level cache; as many of A
constexpr Index kRows = 128;         // of A, packed at a time where B takes one block
constexpr Index kLeast = 32, kLeastWork = 1 << 18;  // see is_worth_splitting
constexpr Index kTileBytes = 1024;
constexpr Index kParts = 3;

constexpr Index round_up(Index x, Index unit) {
  return (x + unit - 1) / unit * unit;
}

// What is packed at a time: a block of B, and of A a few panels, so that where its columns are the units rows are read
// in more than two cache lines each, or where B takes several blocks as much as of B, so that A is not packed for each.
struct Blocks {
  Index depth, rows, columns;
  Blocks(Index m, Index n, Index k) : depth(std::min(round_up(k, kStep), kDepth)) {
    const Index fits = kPacked / depth / kPanel * kPanel;
    columns = std::min(round_up(n, kPanel), fits);
    rows = std::min({round_up(m, kPanel), fits, n <= columns ? kRows : fits});
  }
};

}  // namespace

bool is_worth_splitting(Index m, Index n, Index k) {
  return m >= kLeast && n >= kLeast && k >= kLeast && m * n * k >= kLeastWork;
}

std::size_t split_gemm_workspace_bytes(Index m, Index n, Index k) {
  if (m <= 0 || n <= 0 || k <= 0) return 0;
  const Blocks blocks(m, n, k);
  const Index packed = (blocks.columns + blocks.rows) * blocks.depth * kParts * 2;
  return static_cast<std::size_t>(packed + 5 * kTileBytes);  // four tiles of C, and what alignment takes
}

#ifdef TEMPERA_MATRIX_UNITS
namespace {

inline __mmask16 first(Index count) {
  return static_cast<__mmask16>((1U << std::clamp<Index>(count, 0, kTile)) - 1);
}

// Row i of a block of numbers, 16 of them, or with a mask less and zeros.
struct WholeRow {
  const float* x;
  Index ld;
  __m512 operator()(Index i) const { return _mm512_loadu_ps(x + i * ld); }
};
struct PartRow {
  const float* x;
  Index ld, rows;
  __mmask16 mask;
  __m512 operator()(Index i) const { return i < rows ? _mm512_maskz_loadu_ps(mask, x + i * ld) : _mm512_setzero_ps(); }
};

// The parts of `low` in the lower halves of 32 bits, those of `high` in the upper ones, a tile's row each.
inline void split(__m512 low, __m512 high, std::byte* to) {
  const __m512i half = _mm512_set1_epi32(0x8000), upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
  const auto rounded = [&](__m512 x) {
    return _mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(x), half), upper);
  };
  for (Index p = 0; p < kParts; ++p) {
    // Of the third part eight bits are left, but those of a subnormal number lie anywhere: it is cut off.
    const bool last = p == kParts - 1;
    const __m512i l = last ? _mm512_castps_si512(low) : rounded(low);
    const __m512i h = last ? _mm512_castps_si512(high) : rounded(high);
    _mm512_store_si512(to + p * kTileBytes, _mm512_mask_blend_epi16(0xAAAAAAAAU, _mm512_srli_epi32(l, 16), h));
    if (last) break;
    low = _mm512_sub_ps(low, _mm512_castsi512_ps(l));
    high = _mm512_sub_ps(high, _mm512_castsi512_ps(h));
  }
}

constexpr Index packed_bytes(Index depth) {  // of a panel
  return round_up(depth, kStep) / kStep * 2 * kParts * kTileBytes;
}

// Packs units (rows of op(A), columns of op(B)) of `depth` inner indices, 32 in a panel: for each step, for each 16
// units, three tiles. `along`: element (unit, p) lies at x[unit * ld + p], else at x[unit + p * ld]. Tiles of A have a
// row for each unit, those of B one for each pair of inner indices p and p + 16.
struct Packing {
  const float* x;
  Index ld;
  bool along;
  Index units, depth;
  float alpha;

  // Three tiles from two blocks of 16 rows.
  template <bool Turned, bool Scaled, class Row>
  static void split_rows(const Row& low, const Row& high, __m512 scale, std::byte* out) {
    const auto put = [&](std::size_t i, __m512 l, __m512 h) {
      if constexpr (Scaled) split(_mm512_mul_ps(scale, l), _mm512_mul_ps(scale, h), out + i * 64);
      else split(l, h, out + i * 64);
    };
    if constexpr (Turned) {
      Eigen::internal::PacketBlock<Eigen::internal::Packet16f, kTile> l, h;
      for (Index i = 0; i < kTile; ++i) l.packet[i] = low(i);
      for (Index i = 0; i < kTile; ++i) h.packet[i] = high(i);
      Eigen::internal::ptranspose(l);
      Eigen::internal::ptranspose(h);
      for (std::size_t i = 0; i < kTile; ++i) put(i, l.packet[i], h.packet[i]);
    } else {
      for (Index i = 0; i < kTile; ++i) put(static_cast<std::size_t>(i), low(i), high(i));
    }
  }
  template <bool Turned, bool Scaled>
  void tiles(Index u, Index p, std::byte* out) const {
    const __m512 scale = _mm512_set1_ps(alpha);
    const Index count = std::min(kTile, units - u), few = depth - p;
    const float* const at = along ? x + u * ld + p : x + u + p * ld;
    const Index further = along ? kTile : kTile * ld;
    if (count == kTile && few >= kStep)
      return split_rows<Turned, Scaled>(WholeRow{at, ld}, WholeRow{at + further, ld}, scale, out);
    const Index many = std::max<Index>(0, few - kTile);
    const auto part = [&](const float* from, Index inner) {
      return along ? PartRow{from, ld, count, first(inner)} : PartRow{from, ld, inner, first(count)};
    };
    split_rows<Turned, Scaled>(part(at, few), part(many > 0 ? at + further : at, many), scale, out);
  }
  // In the order in which they lie.
  template <bool Turned, bool Scaled>
  void run(std::byte* out) const {
    const Index apart = packed_bytes(depth), rows = along ? units : depth, columns = along ? depth : units;
    const Index down = along ? kPanel : kStep, right = along ? kStep : kPanel;
    for (Index i = 0; i < rows; i += down)
      for (Index j = 0; j < columns; j += right) {
        const Index u = along ? i : j, p = along ? j : i;
        std::byte* const to = out + u / kPanel * apart + p / kStep * 2 * kParts * kTileBytes;
        tiles<Turned, Scaled>(u, p, to);
        if (u + kTile < units) tiles<Turned, Scaled>(u + kTile, p, to + kParts * kTileBytes);
      }
  }
  void run(bool for_a, std::byte* out) const {
    const bool turned = along != for_a, scaled = alpha != 1;
    if (turned) scaled ? run<true, true>(out) : run<true, false>(out);
    else scaled ? run<false, true>(out) : run<false, false>(out);
  }
};

// The accumulators are tiles 0 (top left), 1 (top right), 2 and 3 (below); 4 and 5 hold A, 6 and 7 B.
template <int Rows, int Cols>
void multiply_parts() {
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (Cols == 2) _tile_dpbf16ps(1, 4, 7);
  if constexpr (Rows == 2) _tile_dpbf16ps(2, 5, 6);
  if constexpr (Rows == 2 && Cols == 2) _tile_dpbf16ps(3, 5, 7);
}
template <int Rows>
void load_a(const std::byte* at) {
  _tile_loadd(4, at, 64);
  if constexpr (Rows == 2) _tile_loadd(5, at + kParts * kTileBytes, 64);
}
template <int Cols>
void load_b(const std::byte* at) {
  _tile_loadd(6, at, 64);
  if constexpr (Cols == 2) _tile_loadd(7, at + kParts * kTileBytes, 64);
}

// C += A B for Rows x Cols tiles of C, rows `stride` bytes apart; with `fresh` C = A B.
template <int Rows, int Cols>
void multiply_panels(Index steps, const std::byte* a, const std::byte* b, float* c, Index stride, bool fresh) {
  float* const below = c + kTile * stride / static_cast<Index>(sizeof(float));
  if (fresh) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, c, stride);
    if constexpr (Cols == 2) _tile_loadd(1, c + kTile, stride);
    if constexpr (Rows == 2) _tile_loadd(2, below, stride);
    if constexpr (Rows == 2 && Cols == 2) _tile_loadd(3, below + kTile, stride);
  }
  constexpr Index kNext = 2 * kParts * kTileBytes;
  for (; steps > 0; --steps, a += kNext, b += kNext) {
    load_a<Rows>(a);
    load_b<Cols>(b + 2 * kTileBytes);
    multiply_parts<Rows, Cols>();
    load_b<Cols>(b + kTileBytes);
    multiply_parts<Rows, Cols>();
    load_a<Rows>(a + kTileBytes);
    multiply_parts<Rows, Cols>();
    load_b<Cols>(b);
    multiply_parts<Rows, Cols>();
    load_a<Rows>(a + 2 * kTileBytes);
    multiply_parts<Rows, Cols>();
    load_a<Rows>(a);
    multiply_parts<Rows, Cols>();
  }
  _tile_stored(0, c, stride);
  if constexpr (Cols == 2) _tile_stored(1, c + kTile, stride);
  if constexpr (Rows == 2) _tile_stored(2, below, stride);
  if constexpr (Rows == 2 && Cols == 2) _tile_stored(3, below + kTile, stride);
}

void multiply_panels(Index rows, Index cols, Index steps, const std::byte* a, const std::byte* b, float* c,
                     Index stride, bool fresh) {
  if (rows > kTile && cols > kTile) multiply_panels<2, 2>(steps, a, b, c, stride, fresh);
  else if (rows > kTile) multiply_panels<2, 1>(steps, a, b, c, stride, fresh);
  else if (cols > kTile) multiply_panels<1, 2>(steps, a, b, c, stride, fresh);
  else multiply_panels<1, 1>(steps, a, b, c, stride, fresh);
}

// Where C is no whole tiles, or is to be scaled, they are computed beside it.
void multiply_beside(Index rows, Index cols, Index steps, const std::byte* a, const std::byte* b, float beta, float* c,
                     Index ldc, float* beside) {
  for (Index i = 0; i < rows && beta != 0; ++i)
    for (Index j = 0; j < cols; ++j) beside[i * kPanel + j] = beta == 1 ? c[i * ldc + j] : beta * c[i * ldc + j];
  multiply_panels(rows, cols, steps, a, b, beside, kPanel * static_cast<Index>(sizeof(float)), beta == 0);
  for (Index i = 0; i < rows; ++i) std::copy_n(beside + i * kPanel, cols, c + i * ldc);
}

struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Tiles belong to a thread, and a thread that keeps them in use is slower to switch.
class Tiles {
 public:
  Tiles() { _tile_loadconfig(&kConfig); }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  static constexpr TileConfig kConfig{};
};

}  // namespace

bool has_matrix_units() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // arch_prctl(2)
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
}

void split_gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, float alpha, const float* a, Index lda,
                const float* b, Index ldb, float beta, float* c, Index ldc, Workspace ws, Epilogue epilogue) {
  if (m <= 0 || n <= 0) return;
  if (k <= 0) return gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, ws, epilogue);
  require(ws.size() >= split_gemm_workspace_bytes(m, n, k), "split_gemm",
          "the workspace has {} bytes; at least {} were wanted", ws.size(), split_gemm_workspace_bytes(m, n, k));
  void* start = ws.data();
  std::size_t space = ws.size();
  auto* const beside = static_cast<float*>(std::align(64, 1, start, space));
  auto* const packed_a = reinterpret_cast<std::byte*>(beside) + 4 * kTileBytes;
  const Blocks blocks(m, n, k);
  std::byte* const packed_b = packed_a + blocks.rows / kPanel * packed_bytes(blocks.depth);
  const bool a_along = ta == Transpose::no, b_along = tb == Transpose::yes;
  const Tiles tiles;
  for (Index p = 0; p < k; p += blocks.depth) {
    const Index depth = std::min(blocks.depth, k - p), steps = round_up(depth, kStep) / kStep;
    const Index apart = packed_bytes(depth);
    const float keep = p == 0 ? beta : 1;
    // A panel of A with the packed columns of B.
    const auto multiply = [&](Index row, Index rows, const std::byte* from, Index col, Index cols) {
      for (Index j = 0; j < cols; j += kPanel) {
        const Index wide = std::min(kPanel, cols - j);
        const std::byte* const with = packed_b + j / kPanel * apart;
        float* const to = c + row * ldc + col + j;
        if (rows % kTile == 0 && wide % kTile == 0 && (keep == 0 || keep == 1))
          multiply_panels(rows, wide, steps, from, with, to, ldc * static_cast<Index>(sizeof(float)), keep == 0);
        else multiply_beside(rows, wide, steps, from, with, keep, to, ldc, beside);
      }
      if (epilogue && p + depth == k) epilogue(row, rows, col, cols);
    };
    for (Index block = 0; block < m; block += blocks.rows) {
      const Index end = std::min(m, block + blocks.rows);
      Packing{a + (a_along ? block * lda + p : block + p * lda), lda, a_along, end - block, depth, alpha}.run(true,
                                                                                                              packed_a);
      for (Index col = 0; col < n; col += blocks.columns) {
        const Index cols = std::min(blocks.columns, n - col);
        if (block == 0 || cols < n)
          Packing{b + (b_along ? col * ldb + p : col + p * ldb), ldb, b_along, cols, depth, 1}.run(false, packed_b);
        for (Index row = block; row < end; row += kPanel)
          multiply(row, std::min(kPanel, end - row), packed_a + (row - block) / kPanel * apart, col, cols);
      }
    }
  }
}

#else

bool has_matrix_units() {
  return false;
}

void split_gemm(Transpose, Transpose, Index, Index, Index, float, const float*, Index, const float*, Index, float,
                float*, Index, Workspace, Epilogue) {
  fail("split_gemm", "this build has no matrix units; ask has_matrix_units() first");
}

#endif

}  // namespace tempera::kernels
