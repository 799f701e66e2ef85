#include "core/kernels/split_gemm.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "core/tensor.h"
#include "tests/support/matrix_units.h"

using namespace tempera;
using kernels::Transpose;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// x rounded to 8 bits of mantissa, halves away from zero.
float rounded(float x) {
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + 0x8000U) & 0xFFFF0000U);
}

struct Parts {
  float part[3];
  explicit Parts(float x) {
    part[0] = rounded(x);
    part[1] = rounded(x - part[0]);
    part[2] = x - part[0] - part[1];
  }
};

// A stored matrix, NaN between the end of a row and the next one, where nothing may be read into a result or written.
struct Stored {
  Index rows, cols, ld;
  std::vector<float> data;
  Stored(Index r, Index c, const char* name, Index room = 3) : rows(r), cols(c), ld(c + room) {
    data.assign(static_cast<std::size_t>(rows * ld), kNaN);
    const Rng rng(7, name);
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < cols; ++j)
        (*this)(i, j) = static_cast<float>(rng.normal(static_cast<std::uint64_t>(i * cols + j)));
  }
  float& operator()(Index i, Index j) { return data[static_cast<std::size_t>(i * ld + j)]; }
  float operator()(Index i, Index j) const { return data[static_cast<std::size_t>(i * ld + j)]; }
};

bool same_bits(const Stored& x, const Stored& y) {
  return std::equal(x.data.begin(), x.data.end(), y.data.begin(), y.data.end(), [](float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  });
}

struct Problem {
  Index m, n, k;
  Transpose ta = Transpose::no, tb = Transpose::no;
  float alpha = 1, beta = 0;
  Stored a{ta == Transpose::no ? m : k, ta == Transpose::no ? k : m, "a"};
  Stored b{tb == Transpose::no ? k : n, tb == Transpose::no ? n : k, "b"};
  Stored c{m, n, "c"};

  float left(Index i, Index p) const { return ta == Transpose::no ? a(i, p) : a(p, i); }
  float right(Index p, Index j) const { return tb == Transpose::no ? b(p, j) : b(j, p); }
};

Stored fast(const Problem& x, kernels::Epilogue epilogue = {}) {
  Stored c = x.c;
  std::vector<std::byte> workspace(kernels::split_gemm_workspace_bytes(x.m, x.n, x.k));
  kernels::split_gemm(x.ta, x.tb, x.m, x.n, x.k, x.alpha, x.a.data.data(), x.a.ld, x.b.data.data(), x.b.ld, x.beta,
                      c.data.data(), c.ld, kernels::Workspace(workspace), epilogue);
  return c;
}

// An epilogue that counts how often it sees each element.
struct Sightings {
  const Problem& x;
  std::vector<int> counts = std::vector<int>(static_cast<std::size_t>(x.m * x.n), 0);
  void operator()(Index row, Index rows, Index col, Index cols) {
    for (Index i = row; i < row + rows; ++i)
      for (Index j = col; j < col + cols; ++j) ++counts[static_cast<std::size_t>(i * x.n + j)];
  }
  bool each_once() const {
    return std::ranges::all_of(counts, [](int count) { return count == 1; });
  }
};

// The definition in split_gemm.h, word for word.
Stored naive(const Problem& x) {
  constexpr int kOrder[6][2] = {{0, 2}, {0, 1}, {1, 1}, {1, 0}, {2, 0}, {0, 0}};
  std::vector<Parts> left, right;
  for (Index i = 0; i < x.m; ++i)
    for (Index p = 0; p < x.k; ++p) left.emplace_back(x.alpha * x.left(i, p));
  for (Index j = 0; j < x.n; ++j)
    for (Index p = 0; p < x.k; ++p) right.emplace_back(x.right(p, j));
  Stored result = x.c;
  for (Index i = 0; i < x.m; ++i)
    for (Index j = 0; j < x.n; ++j) {
      const Parts *const a = left.data() + i * x.k, *const b = right.data() + j * x.k;
      float c = x.beta == 0 ? 0 : x.beta * x.c(i, j);
      for (Index step = 0; step < x.k; step += 32)
        for (const auto& [of_a, of_b] : kOrder) {
          float chains[2] = {0, 0};
          for (Index p = step; p < std::min(x.k, step + 32); ++p) {
            float& chain = chains[(p - step) / 16];
            chain = std::fma(a[p].part[of_a], b[p].part[of_b], chain);
          }
          c += chains[0] + chains[1];
        }
      result(i, j) = c;
    }
  return result;
}

// Largest error beside the sum of absolute products.
double error(const Problem& x, const Stored& c) {
  double worst = 0;
  for (Index i = 0; i < x.m; ++i)
    for (Index j = 0; j < x.n; ++j) {
      double sum = 0, size = 0;
      for (Index p = 0; p < x.k; ++p) {
        const double term = static_cast<double>(x.left(i, p)) * static_cast<double>(x.right(p, j));
        sum += term;
        size += std::abs(term);
      }
      worst = std::max(worst, std::abs(static_cast<double>(c(i, j)) - sum) / size);
    }
  return worst;
}

constexpr Transpose kBoth[] = {Transpose::no, Transpose::yes};

}  // namespace

TEST_CASE("a number is the sum of three of eight bits", "[split_gemm]") {
  const Rng rng(1, "numbers");
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const auto x = static_cast<float>(std::ldexp(rng.normal(i), static_cast<int>(i % 200) - 100));
    const Parts parts(x);
    for (const float part : parts.part) CHECK((std::bit_cast<std::uint32_t>(part) & 0xFFFFU) == 0);
    CHECK(parts.part[0] + parts.part[1] + parts.part[2] == x);
  }
}

TEST_CASE("matrix units give the bits of the definition", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  const Index sizes[][3] = {{1, 1, 1},     {16, 16, 32}, {32, 32, 64}, {17, 15, 31}, {33, 65, 33},
                            {40, 16, 129}, {5, 70, 200}, {64, 48, 2},  {3, 1030, 5}, {70, 33, 300}};
  for (const auto& [m, n, k] : sizes)
    for (const Transpose ta : kBoth)
      for (const Transpose tb : kBoth)
        for (const auto& [alpha, beta] : {std::pair{1.F, 0.F}, {1.F, 1.F}, {-0.3F, 0.7F}}) {
          const Problem x{m, n, k, ta, tb, alpha, beta};
          INFO(m << " x " << n << " x " << k << ", alpha " << alpha << ", beta " << beta << ", transposed "
                 << (ta == Transpose::yes) << (tb == Transpose::yes));
          CHECK(same_bits(fast(x), naive(x)));
        }
}

TEST_CASE("packing in blocks does not show", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  // Several blocks of B with one of A, and with two; one of B alone in several depths, and with two of A.
  const Index sizes[][3] = {{40, 300, 520}, {290, 300, 600}, {35, 50, 1100}, {33, 2100, 40}, {150, 40, 600}};
  for (const auto& [m, n, k] : sizes) {
    INFO(m << " x " << n << " x " << k);
    const Problem x{m, n, k, Transpose::no, Transpose::yes, 1, 1};
    Sightings sightings{x};
    CHECK(same_bits(fast(x, sightings), naive(x)));
    CHECK(sightings.each_once());
  }
}

TEST_CASE("matrix units are as exact as a chain of fused multiply-adds", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  for (const Index k : {32, 128, 1000}) {
    const Problem x{48, 40, k};
    Stored chain = x.c;
    std::vector<std::byte> workspace(kernels::gemm_workspace_bytes<float>(x.m, x.n, k));
    kernels::gemm<float>(x.ta, x.tb, x.m, x.n, k, 1, x.a.data.data(), x.a.ld, x.b.data.data(), x.b.ld, 0,
                         chain.data.data(), chain.ld, kernels::Workspace(workspace));
    // Six roundings of the sum in 32 products, and what the left out parts may add.
    const double allowed = std::ldexp(6.0 * std::ceil(static_cast<double>(k) / 32) + 2, -24);
    CHECK(error(x, fast(x)) <= allowed);
    CHECK(error(x, fast(x)) <= 2 * error(x, chain));
    Problem rough = x;  // the check sees numbers of 16 bits, as two parts would be
    for (float& value : rough.a.data) value = Parts(value).part[0] + Parts(value).part[1];
    if (k == 32) CHECK(error(x, fast(rough)) > allowed);
  }
}

TEST_CASE("numbers too small to be split lose digits, and touch no neighbour", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  for (const Transpose ta : kBoth)
    for (const Transpose tb : kBoth) {
      Problem x{40, 40, 70, ta, tb};
      for (std::size_t i = 0; i < x.a.data.size(); ++i)
        if (!std::isnan(x.a.data[i])) x.a.data[i] = std::ldexp(x.a.data[i], -110 - static_cast<int>(i % 40));
      const Stored c = fast(x);
      double worst = 0;
      for (Index i = 0; i < x.m; ++i)
        for (Index j = 0; j < x.n; ++j) {
          double sum = 0;
          for (Index p = 0; p < x.k; ++p) sum += static_cast<double>(x.left(i, p)) * static_cast<double>(x.right(p, j));
          worst = std::max(worst, std::abs(static_cast<double>(c(i, j)) - sum));
        }
      CHECK(worst < 70 * 4 * 1.2e-38);  // a part that is lost is below 2^-126, times a number up to 4
    }
}

TEST_CASE("rows and columns do not depend on their neighbours with matrix units", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  const Problem whole{70, 90, 100};
  const Stored all = fast(whole);
  for (const Index row : {0, 15, 33, 69}) {
    Problem one{1, 90, 100};
    for (Index p = 0; p < one.k; ++p) one.a(0, p) = whole.a(row, p);
    one.b = whole.b;
    const Stored alone = fast(one);
    for (Index j = 0; j < one.n; ++j) CHECK(alone(0, j) == all(row, j));
  }
}

TEST_CASE("an epilogue sees each element of a split product once, finished", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  const Problem x{45, 1100, 150};
  Sightings sightings{x};
  fast(x, sightings);
  CHECK(sightings.each_once());
}

TEST_CASE("a split product without inner indices or without elements", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  const Problem none{3, 4, 0, Transpose::no, Transpose::no, 1, 0.5};
  const Stored c = fast(none);
  for (Index i = 0; i < 3; ++i)
    for (Index j = 0; j < 4; ++j) CHECK(c(i, j) == 0.5F * none.c(i, j));
  CHECK(fast(Problem{0, 4, 3}).data.empty());
  CHECK(same_bits(fast(Problem{3, 0, 3}), Problem{3, 0, 3}.c));
}

TEST_CASE("a split product wants its workspace", "[split_gemm][errors]") {
  if (!tries_matrix_units()) return;
  float c = 0;
  std::vector<std::byte> little(64);
  CHECK_THROWS_AS(
      kernels::split_gemm(Transpose::no, Transpose::no, 1, 1, 1, 1, &c, 1, &c, 1, 0, &c, 1, kernels::Workspace(little)),
      Error);
}
