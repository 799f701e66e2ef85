#include "core/kernels/gemm.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/error.h"

namespace {
using tempera::Error;
using tempera::Index;
using namespace tempera::kernels;

constexpr Transpose kNo = Transpose::no, kYes = Transpose::yes;

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
template <class T>
T multiply_add(T x, T y, T z) {
  return std::fma(x, y, z);
}
#else
template <class T>
T multiply_add(T x, T y, T z) {
  return x * y + z;
}
#endif

// A stored matrix with more room in its rows than it needs; the room holds NaN, which must never be used or
// overwritten.
template <class T>
struct Matrix {
  Index rows, cols, ld;
  std::vector<T> data;
  Matrix(Index r, Index c, Index room, std::mt19937& random) : rows(r), cols(c), ld(c + room) {
    data.assign(static_cast<std::size_t>(rows * ld), std::numeric_limits<T>::quiet_NaN());
    std::uniform_real_distribution<T> uniform(T(-1), T(1));
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < cols; ++j) (*this)(i, j) = uniform(random);
  }
  T& operator()(Index i, Index j) { return data[static_cast<std::size_t>(i * ld + j)]; }
  const T& operator()(Index i, Index j) const { return data[static_cast<std::size_t>(i * ld + j)]; }
};

template <class T>
bool same_bits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0);
}

template <class T>
struct Problem {
  Transpose ta, tb;
  Index m, n, k;
  T alpha, beta;
  Matrix<T> a, b, c;
  Problem(Transpose ta_, Transpose tb_, Index m_, Index n_, Index k_, T alpha_, T beta_, Index room,
          std::mt19937& random)
      : ta(ta_),
        tb(tb_),
        m(m_),
        n(n_),
        k(k_),
        alpha(alpha_),
        beta(beta_),
        a(ta == kNo ? m : k, ta == kNo ? k : m, room, random),
        b(tb == kNo ? k : n, tb == kNo ? n : k, room, random),
        c(m, n, room, random) {}
  T left(Index i, Index p) const { return ta == kNo ? a(i, p) : a(p, i); }
  T right(Index p, Index j) const { return tb == kNo ? b(p, j) : b(j, p); }
};

// The definition in the header of gemm.h, word for word.
template <class T>
Matrix<T> naive(const Problem<T>& x) {
  Matrix<T> c = x.c;
  const Index step = std::max<Index>(k_block<T>(x.k), 1);
  for (Index i = 0; i < x.m; ++i)
    for (Index j = 0; j < x.n; ++j) {
      T& value = c(i, j);
      if (x.k == 0) value = x.beta == T(0) ? T(0) : x.beta * value;
      for (Index first = 0; first < x.k; first += step) {
        T sum = 0;
        for (Index p = first; p < std::min(x.k, first + step); ++p)
          sum = multiply_add(x.left(i, p), x.right(p, j), sum);
        if (first > 0) value = multiply_add(x.alpha, sum, value);
        else value = x.beta == T(0) ? x.alpha * sum : multiply_add(x.alpha, sum, x.beta * value);
      }
    }
  return c;
}

// A lent workspace that is exactly as large as promised, at an odd address, with a guard behind it.
template <class T>
struct Lent {
  std::vector<std::byte> bytes;
  Lent(Index m, Index n, Index k) : bytes(gemm_workspace_bytes<T>(m, n, k) + 1 + 64, std::byte{0xFF}) {}
  Workspace span() { return Workspace(bytes).subspan(1, bytes.size() - 65); }
  bool guard_is_whole() const {
    return std::all_of(bytes.end() - 64, bytes.end(), [](std::byte b) { return b == std::byte{0xFF}; });
  }
};

template <class T>
Matrix<T> fast(const Problem<T>& x, Epilogue epilogue = {}) {
  Matrix<T> c = x.c;
  Lent<T> ws(x.m, x.n, x.k);
  gemm(x.ta, x.tb, x.m, x.n, x.k, x.alpha, x.a.data.data(), x.a.ld, x.b.data.data(), x.b.ld, x.beta, c.data.data(),
       c.ld, ws.span(), epilogue);
  REQUIRE(ws.guard_is_whole());
  return c;
}

template <class T>
void check(const Problem<T>& x) {
  INFO("ta " << (x.ta == kYes) << " tb " << (x.tb == kYes) << " m " << x.m << " n " << x.n << " k " << x.k << " alpha "
             << x.alpha << " beta " << x.beta << " bytes " << sizeof(T));
  REQUIRE(same_bits(fast(x).data, naive(x).data));
}
}  // namespace

TEMPLATE_TEST_CASE("gemm equals its definition bit for bit", "[gemm]", float, double) {
  std::mt19937 random(41);
  const std::vector<Index> sizes = {0, 1, 2, 3, 5, 7, 13, 14, 15, 16, 17, 29, 31, 32, 33, 47, 64, 67, 97, 128, 131};
  const std::vector<Index> depths = {0, 1, 2, 7, 16, 31, 64, 127, 255, 256, 257, 300, 512, 521};
  const std::vector<TestType> factors = {0, 1, TestType(-0.5), TestType(0.3)};
  const auto one_of = [&](const auto& list) {
    return list[std::uniform_int_distribution<std::size_t>(0, list.size() - 1)(random)];
  };
  for (int trial = 0; trial < 600; ++trial)
    check(Problem<TestType>(trial % 2 == 0 ? kNo : kYes, trial / 2 % 2 == 0 ? kNo : kYes, one_of(sizes), one_of(sizes),
                            one_of(depths), one_of(factors), one_of(factors), trial % 3, random));
}

TEMPLATE_TEST_CASE("gemm equals its definition where it works in several panels", "[gemm]", float, double) {
  std::mt19937 random(42);
  for (const Transpose ta : {kNo, kYes})
    for (const Transpose tb : {kNo, kYes}) {
      check(Problem<TestType>(ta, tb, 3, 2203, 70, 1, 0, 5, random));
      check(Problem<TestType>(ta, tb, 401, 211, 261, 1, 1, 0, random));
    }
}

TEMPLATE_TEST_CASE("a block of gemm has the bits of the whole", "[gemm]", float, double) {
  std::mt19937 random(43);
  for (const Transpose ta : {kNo, kYes})
    for (const Transpose tb : {kNo, kYes}) {
      const Index m = 211, n = 193, k = 300;
      const Problem<TestType> x(ta, tb, m, n, k, 1, 1, 0, random);
      const Matrix<TestType> whole = fast(x);
      for (const Index rows : {1, 2, 7, 64, 100})
        for (const Index cols : {1, 5, 64, 193}) {
          Matrix<TestType> parts = x.c;
          for (Index i = 0; i < m; i += rows)
            for (Index j = 0; j < n; j += cols) {
              const Index r = std::min(rows, m - i), c = std::min(cols, n - j);
              Lent<TestType> ws(r, c, k);
              gemm(ta, tb, r, c, k, TestType(1), &x.a(ta == kNo ? i : 0, ta == kNo ? 0 : i), x.a.ld,
                   &x.b(tb == kNo ? 0 : j, tb == kNo ? j : 0), x.b.ld, TestType(1), &parts(i, j), parts.ld, ws.span());
            }
          INFO("rows " << rows << " cols " << cols);
          REQUIRE(same_bits(parts.data, whole.data));
        }
    }
}

TEMPLATE_TEST_CASE("a product with a part of a packed matrix has the bits of gemm", "[gemm]", float, double) {
  std::mt19937 random(44);
  const Index width = packed_width<TestType>();
  for (const Transpose ta : {kNo, kYes})
    for (const Transpose tb : {kNo, kYes})
      for (const Index m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 64, 131})
        for (const Index n : {Index{1}, Index{5}, width, width + 3, Index{150}})
          for (const Index k : {1, 16, 37, 300}) {
            const Problem<TestType> x(ta, tb, m, n, k, TestType(-0.5), m % 2 == 0 ? TestType(0) : TestType(1), 3,
                                      random);
            std::vector<TestType> packed(static_cast<std::size_t>(packed_size<TestType>(n, k)));
            pack(tb, n, k, x.b.data.data(), x.b.ld, packed.data());
            // From the beginning, and from a later row of the last panel on.
            for (const Index row : {Index{0}, k / 3}) {
              const Index col = row == 0 ? 0 : (n - 1) / width * width;
              Problem<TestType> part(ta, kNo, m, n - col, k - row, x.alpha, x.beta, 0, random);
              for (Index p = 0; p < part.k; ++p)
                for (Index j = 0; j < part.n; ++j) part.b(p, j) = x.right(row + p, col + j);
              Matrix<TestType> c = part.c;
              gemm_packed(ta, part.m, part.n, part.k, part.alpha, part.a.data.data(), part.a.ld,
                          packed.data() + col * k + row * width, k, part.beta, c.data.data(), c.ld);
              INFO("m " << m << " n " << n << " k " << k << " from row " << row << ", column " << col);
              REQUIRE(same_bits(c.data, naive(part).data));
            }
          }
}

TEMPLATE_TEST_CASE("gemm overwrites NaN when beta is 0 and keeps it otherwise", "[gemm]", float, double) {
  std::mt19937 random(44);
  for (const Index k : {0, 1, 300})
    for (const TestType beta : {TestType(0), TestType(1)}) {
      Problem<TestType> x(kNo, kYes, 17, 21, k, 1, beta, 0, random);
      std::fill(x.c.data.begin(), x.c.data.end(), std::numeric_limits<TestType>::quiet_NaN());
      for (const TestType value : fast(x).data) REQUIRE(std::isnan(value) == (beta != TestType(0)));
    }
}

TEMPLATE_TEST_CASE("a NaN in a row or a column of the factors stays in it", "[gemm]", float, double) {
  std::mt19937 random(45);
  for (const Transpose ta : {kNo, kYes})
    for (const Transpose tb : {kNo, kYes}) {
      Problem<TestType> x(ta, tb, 19, 37, 23, 1, 0, 0, random);
      x.a(ta == kNo ? 5 : 2, ta == kNo ? 2 : 5) = std::numeric_limits<TestType>::quiet_NaN();
      x.b(tb == kNo ? 3 : 36, tb == kNo ? 36 : 3) = std::numeric_limits<TestType>::infinity();
      const Matrix<TestType> c = fast(x);
      for (Index i = 0; i < x.m; ++i)
        for (Index j = 0; j < x.n; ++j) REQUIRE(std::isfinite(c(i, j)) == (i != 5 && j != 36));
    }
}

TEMPLATE_TEST_CASE("the epilogue sees each finished element once", "[gemm]", float, double) {
  std::mt19937 random(46);
  for (const Index m : {1, 14, 211})
    for (const Index n : {1, 33, 1100})
      for (const Index k : {0, 40, 300}) {
        const Problem<TestType> x(kNo, kYes, m, n, k, 1, 1, 0, random);
        const Matrix<TestType> expected = naive(x);
        std::vector<int> seen(static_cast<std::size_t>(m * n), 0);
        const TestType* c = nullptr;
        bool finished = true;
        Matrix<TestType> out = x.c;
        c = out.data.data();
        Lent<TestType> ws(m, n, k);
        const auto look = [&](Index row, Index rows, Index col, Index cols) {
          for (Index i = row; i < row + rows; ++i)
            for (Index j = col; j < col + cols; ++j) {
              ++seen[static_cast<std::size_t>(i * n + j)];
              finished = finished && c[i * n + j] == expected(i, j);
            }
        };
        gemm(kNo, kYes, m, n, k, TestType(1), x.a.data.data(), x.a.ld, x.b.data.data(), x.b.ld, TestType(1),
             out.data.data(), out.ld, ws.span(), look);
        REQUIRE(finished);
        REQUIRE(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
      }
}

TEMPLATE_TEST_CASE("gemm needs a bounded workspace and refuses wrong arguments", "[gemm]", float, double) {
  using T = TestType;
  for (const Index n : {1, 100, 5000})
    for (const Index k : {1, 100, 5000}) REQUIRE(gemm_workspace_bytes<T>(n, n, k) <= gemm_workspace_limit<T>());
  REQUIRE(gemm_workspace_bytes<T>(0, 5, 5) == 0);

  std::vector<T> x(64, T(1));
  std::vector<std::byte> ws(gemm_workspace_bytes<T>(4, 4, 4));
  const auto call = [&](Index m, Index lda, Index ldb, Index ldc, std::size_t bytes) {
    gemm(kNo, kNo, m, 4, 4, T(1), x.data(), lda, x.data(), ldb, T(0), x.data() + 32, ldc, Workspace(ws).first(bytes));
  };
  REQUIRE_NOTHROW(call(4, 4, 4, 4, ws.size()));
  REQUIRE_THROWS_AS(call(-1, 4, 4, 4, ws.size()), Error);
  REQUIRE_THROWS_AS(call(4, 3, 4, 4, ws.size()), Error);
  REQUIRE_THROWS_AS(call(4, 4, 3, 4, ws.size()), Error);
  REQUIRE_THROWS_AS(call(4, 4, 4, 3, ws.size()), Error);
  REQUIRE_THROWS_WITH(call(4, 4, 4, 4, ws.size() - 1), Catch::Contains("workspace"));
}
