#include "core/kernels/top_k.h"

#include <algorithm>
#include <numeric>

#include "tests/support/twins.h"

using namespace tempera;
using kernels::Ranked;

namespace {

using Entries = std::vector<std::pair<double, Index>>;

template <class T>
using Row = std::vector<T>;

// The definition: sort, of equals the first one first.
template <class T>
Entries twin(const Row<T>& x, std::size_t k, bool strict = true) {
  Entries all;
  for (std::size_t i = 0; i < x.size(); ++i) all.emplace_back(static_cast<double>(x[i]), static_cast<Index>(i));
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : strict ? a.second < b.second : a.second > b.second;
  });
  all.resize(std::min(k, all.size()));
  return all;
}

template <class T>
Entries listed(const Row<T>& x, std::size_t k) {
  std::vector<Ranked> best(k);
  const auto row = kernels::top_k(x.data(), static_cast<Index>(x.size()), std::span(best));
  Entries all;
  for (Index i = 0; i < row.count; ++i)
    all.emplace_back(best[static_cast<std::size_t>(i)].value, best[static_cast<std::size_t>(i)].index);
  return all;
}

template <class T>
std::vector<Row<T>> rows() {
  std::vector<Row<T>> all;
  for (const std::size_t n : {1u, 2u, 15u, 16u, 17u, 100u, 511u, 512u, 513u, 3000u}) {
    Row<T> random(n), ties(n), up(n);
    const Rng rng(n, "top_k");
    for (std::size_t i = 0; i < n; ++i) {
      random[i] = static_cast<T>(rng.normal(i));
      ties[i] = static_cast<T>(rng.below(n + i, 5));
      up[i] = static_cast<T>(i);
    }
    Row<T> masked = random;
    for (std::size_t i = 0; i < n; i += 2) masked[i] = -std::numeric_limits<T>::infinity();
    all.insert(all.end(), {random,
                           ties,
                           up,
                           {up.rbegin(), up.rend()},
                           masked,
                           Row<T>(n, T(0)),
                           Row<T>(n, -std::numeric_limits<T>::infinity())});
  }
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("the k largest are those of sorting", "[kernels][topk]", float, double) {
  using T = TestType;
  for (const Row<T>& x : rows<T>())
    for (const std::size_t k : {1u, 2u, 5u, 16u, 40u, 600u}) {
      INFO(k << " of " << x.size());
      CHECK(listed(x, k) == twin(x, k));
    }
  // The comparison sees a tie that goes the other way.
  CHECK(listed(Row<T>{1, 2, 2}, 1) != twin(Row<T>{1, 2, 2}, 1, false));
}

TEMPLATE_TEST_CASE("their probabilities are those of the softmax", "[kernels][topk]", float, double) {
  using T = TestType;
  for (const Row<T>& x : rows<T>())
    for (const std::size_t k : {1u, 5u, 40u}) {
      std::vector<Ranked> best(k);
      const auto row = kernels::softmax_top_k(x.data(), static_cast<Index>(x.size()), std::span(best));
      const Entries wanted = twin(x, k);
      REQUIRE(row.count == static_cast<Index>(wanted.size()));
      const double top = wanted[0].first;
      CHECK(static_cast<double>(row.maximum) == top);
      double total = 0;
      for (const T v : x) total += top == -kInf ? 0 : std::exp(static_cast<double>(v) - top);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        CHECK(best[i].index == wanted[i].second);
        const double p = top == -kInf ? 0 : std::exp(wanted[i].first - top) / total;
        CHECK(best[i].value == Approx(p).epsilon(100 * std::numeric_limits<T>::epsilon()).margin(1e-37));
      }
    }
}

TEST_CASE("worked numbers of the fused softmax and top-k", "[kernels][topk][sheets]") {
  const Row<double> x{1, 3, 2, 5};
  std::vector<Ranked> best(2);
  kernels::softmax_top_k(x.data(), 4, std::span(best));
  CHECK(best[0].index == 3);
  CHECK(best[0].value == Approx(0.830953).margin(5e-7));
  CHECK(best[1].index == 1);
  CHECK(best[1].value == Approx(0.112457).margin(5e-7));
}

TEST_CASE("a NaN shows in the maximum, and infinity comes first", "[kernels][topk]") {
  Row<float> x(1000, 1.0f);
  std::vector<Ranked> best(3);
  x[700] = std::numeric_limits<float>::infinity();
  CHECK(kernels::top_k(x.data(), 1000, std::span(best)).maximum == x[700]);
  CHECK(best[0].index == 700);
  for (const std::size_t at : {0u, 500u, 999u}) {
    Row<float> bad(1000, 1.0f);
    bad[at] = std::numeric_limits<float>::quiet_NaN();
    const float maximum = kernels::top_k(bad.data(), 1000, std::span(best)).maximum;
    CHECK(maximum != maximum);
  }
  CHECK(kernels::top_k(x.data(), 0, std::span(best)).count == 0);
  CHECK(kernels::top_k(x.data(), 1000, {}).count == 0);
}
