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
constexpr Index kDepth = 128;        // inner indices packed at a time
constexpr Index kColumns = 1024;     // of B packed at a time: with all parts 768 KiB, in the second-level cache
constexpr Index kLeast = 32, kLeastWork = 1 << 18;  // see is_worth_splitting
constexpr Index kTileBytes = 1024;
constexpr Index kParts = 3;

constexpr Index round_up(Index x, Index unit) {
  return (x + unit - 1) / unit * unit;
}

}  // namespace

bool is_worth_splitting(Index m, Index n, Index k) {
  return m >= kLeast && n >= kLeast && k >= kLeast && m * n * k >= kLeastWork;
}

std::size_t split_gemm_workspace_bytes(Index m, Index n, Index k) {
  if (m <= 0 || n <= 0 || k <= 0) return 0;
  const Index columns = std::min(round_up(n, kPanel), kColumns), depth = std::min(round_up(k, kStep), kDepth);
  const Index packed = (columns + kPanel) * depth * kParts * 2;
  return static_cast<std::size_t>(packed + 5 * kTileBytes);  // four tiles of C, and what alignment takes
}

#ifdef TEMPERA_MATRIX_UNITS
namespace {

struct Part {
  __m512i row[kTile];
  __m512i& operator[](std::size_t i) { return row[i]; }
  const __m512i& operator[](std::size_t i) const { return row[i]; }
};

// x in three parts, each in the upper half of its 32 bits.
struct Split {
  __m512i part[kParts];
};
inline Split split(__m512 x) {
  const __m512i half = _mm512_set1_epi32(0x8000), upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
  Split s;
  s.part[0] = _mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(x), half), upper);
  const __m512 rest = _mm512_sub_ps(x, _mm512_castsi512_ps(s.part[0]));
  s.part[1] = _mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(rest), half), upper);
  // Eight bits are left, but those of a subnormal number lie anywhere, and the lower half belongs to a neighbour.
  s.part[2] = _mm512_and_si512(_mm512_castps_si512(_mm512_sub_ps(rest, _mm512_castsi512_ps(s.part[1]))), upper);
  return s;
}

inline __mmask16 first(Index count) {
  return static_cast<__mmask16>((1U << std::clamp<Index>(count, 0, kTile)) - 1);
}

// Rows of a tile from numbers that lie along the inner dimension: unit i, inner indices 0 .. 31 of it.
inline void split_along(const float* x, Index ld, Index units, Index depth, __m512 alpha,
                        std::array<Part, kParts>& out) {
  const __mmask16 low = first(depth), high = first(depth - kTile);
  for (Index i = 0; i < kTile; ++i) {
    const float* const at = x + std::min(i, units - 1) * ld;
    const Split left = split(_mm512_mul_ps(alpha, _mm512_maskz_loadu_ps(i < units ? low : __mmask16{0}, at)));
    const Split right = split(_mm512_mul_ps(alpha, _mm512_maskz_loadu_ps(i < units ? high : __mmask16{0}, at + kTile)));
    for (Index p = 0; p < kParts; ++p)
      out[static_cast<std::size_t>(p)][static_cast<std::size_t>(i)] = reinterpret_cast<__m512i>(
          _mm512_cvtne2ps_pbh(_mm512_castsi512_ps(right.part[p]), _mm512_castsi512_ps(left.part[p])));
  }
}

// The same where numbers lie along the units: inner indices 2 i and 2 i + 1 of units 0 .. 15.
inline void split_across(const float* x, Index ld, Index units, Index depth, __m512 alpha,
                         std::array<Part, kParts>& out) {
  const __mmask16 mask = first(units);
  for (Index i = 0; i < kTile; ++i) {
    const float* const at = x + std::min(2 * i, depth - 1) * ld;
    const Index next = 2 * i + 1 < depth ? ld : 0;
    const Split even = split(_mm512_mul_ps(alpha, _mm512_maskz_loadu_ps(2 * i < depth ? mask : __mmask16{0}, at)));
    const Split odd =
        split(_mm512_mul_ps(alpha, _mm512_maskz_loadu_ps(2 * i + 1 < depth ? mask : __mmask16{0}, at + next)));
    for (Index p = 0; p < kParts; ++p)
      out[static_cast<std::size_t>(p)][static_cast<std::size_t>(i)] =
          _mm512_or_si512(_mm512_srli_epi32(even.part[p], 16), odd.part[p]);
  }
}

void transpose(Part& part) {
  Eigen::internal::PacketBlock<Eigen::internal::Packet16f, 16> block;
  for (std::size_t i = 0; i < kTile; ++i) block.packet[i] = _mm512_castsi512_ps(part[i]);
  Eigen::internal::ptranspose(block);
  for (std::size_t i = 0; i < kTile; ++i) part[i] = _mm512_castps_si512(block.packet[i]);
}

// Packs up to 32 units (rows of op(A), columns of op(B)) of `depth` inner indices: for each step, for each 16 units,
// three tiles. `along`: element (unit, p) lies at x[unit * ld + p], else at x[unit + p * ld]. Tiles of A have a row for
// each unit, those of B one for each pair of inner indices.
void pack(const float* x, Index ld, bool along, bool for_a, Index units, Index depth, float alpha, std::byte* out) {
  const __m512 scale = _mm512_set1_ps(alpha);
  for (Index p = 0; p < depth; p += kStep)
    for (Index u = 0; u < kPanel; u += kTile, out += kParts * kTileBytes) {
      if (u >= units) continue;
      std::array<Part, kParts> parts;
      const Index inner = std::min(kStep, depth - p), count = std::min(kTile, units - u);
      if (along) split_along(x + u * ld + p, ld, count, inner, scale, parts);
      else split_across(x + u + p * ld, ld, count, inner, scale, parts);
      for (std::size_t i = 0; i < kParts; ++i) {
        if (along != for_a) transpose(parts[i]);
        auto* const to = reinterpret_cast<__m512i*>(out + static_cast<Index>(i) * kTileBytes);
        for (std::size_t row = 0; row < kTile; ++row) _mm512_store_si512(to + row, parts[i][row]);
      }
    }
}

constexpr Index packed_bytes(Index depth) {  // of a panel
  return round_up(depth, kStep) / kStep * 2 * kParts * kTileBytes;
}

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
  std::byte* const packed_b = packed_a + packed_bytes(std::min(k, kDepth));
  const Tiles tiles;
  for (Index col = 0; col < n; col += kColumns)
    for (Index p = 0; p < k; p += kDepth) {
      const Index cols = std::min(kColumns, n - col), depth = std::min(kDepth, k - p);
      const Index steps = round_up(depth, kStep) / kStep, apart = packed_bytes(depth);
      const float keep = p == 0 ? beta : 1;
      const bool a_along = ta == Transpose::no, b_along = tb == Transpose::yes;
      for (Index j = 0; j < cols; j += kPanel)
        pack(b + (b_along ? (col + j) * ldb + p : col + j + p * ldb), ldb, b_along, false, std::min(kPanel, cols - j),
             depth, 1, packed_b + j / kPanel * apart);
      for (Index row = 0; row < m; row += kPanel) {
        const Index rows = std::min(kPanel, m - row);
        pack(a + (a_along ? row * lda + p : row + p * lda), lda, a_along, true, rows, depth, alpha, packed_a);
        for (Index j = 0; j < cols; j += kPanel) {
          const std::byte* const from = packed_b + j / kPanel * apart;
          const Index wide = std::min(kPanel, cols - j);
          float* const to = c + row * ldc + col + j;
          if (rows % kTile == 0 && wide % kTile == 0 && (keep == 0 || keep == 1))
            multiply_panels(rows, wide, steps, packed_a, from, to, ldc * static_cast<Index>(sizeof(float)), keep == 0);
          else multiply_beside(rows, wide, steps, packed_a, from, keep, to, ldc, beside);
        }
        if (epilogue && p + depth == k) epilogue(row, rows, col, cols);
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
