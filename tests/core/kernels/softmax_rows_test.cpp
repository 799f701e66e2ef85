#include "core/kernels/softmax_rows.h"

#include <functional>
#include <numeric>

#include "tests/support/twins.h"

using namespace tempera;
using kernels::SoftmaxAlgorithm;

namespace {

template <class T>
using Row = std::vector<T>;
template <class T>
using Kernel = std::function<void(const T*, T*, Index)>;

template <class T>
Kernel<T> kernel(SoftmaxAlgorithm algorithm) {
  return [algorithm](const T* x, T* y, Index n) { kernels::softmax_row(algorithm, x, y, n); };
}

template <class T>
Row<T> run(const Kernel<T>& softmax, const Row<T>& x) {
  Row<T> y(x.size() + 1, T(7));
  softmax(x.data(), y.data(), static_cast<Index>(x.size()));
  CHECK(y.back() == 7);
  y.pop_back();
  return y;
}

// The largest error of y in units of what rounding allows: a half for the difference of x and the maximum times its
// size, twice that where it is made of two; some for exponential, scale and products; one for each addition to a lane's
// sum; and what the reduction of large numbers to powers of two leaves.
template <class T>
double worst(const Row<T>& x, const Row<T>& y) {
  const auto top = static_cast<long double>(*std::max_element(x.begin(), x.end()));
  long double total = 0;
  for (const T v : x) total += std::exp(static_cast<long double>(v) - top);
  double largest = 0;
  const double eps = std::numeric_limits<T>::epsilon();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto d = static_cast<long double>(x[i]) - top;
    const auto wanted = static_cast<double>(std::exp(d) / total);
    const double allowed = eps * (6 + static_cast<double>(-d) + static_cast<double>(x.size()) / 32 +
                                  std::abs(static_cast<double>(x[i])) / 8192);
    const double floor = 4 * static_cast<double>(std::numeric_limits<T>::min());
    const double error = std::abs(static_cast<double>(y[i]) - wanted);
    if (error > floor) largest = std::max(largest, error / (wanted * allowed));
    if (!std::isfinite(static_cast<double>(y[i]))) return kInf;
  }
  return largest;
}

template <class T>
Row<T> random_row(Index n, double low, double high, std::uint64_t seed = 1) {
  Row<T> x(static_cast<std::size_t>(n));
  const Rng rng(seed, "softmax");
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(rng.uniform(i, low, high));
  return x;
}

template <class T>
std::vector<Row<T>> rows() {
  std::vector<Row<T>> all;
  for (const Index n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 1000, 1023, 1024, 1025, 1040, 5003})
    for (const double reach : {0.01, 4., 80., 1000., 1e4}) all.push_back(random_row<T>(n, -reach, reach));
  for (const Index n : {1, 37, 2050}) {
    all.push_back(Row<T>(static_cast<std::size_t>(n), T(-1e4)));
    all.push_back(random_row<T>(n, 3e4 - 2, 3e4 + 2));
    all.push_back(random_row<T>(n, -3e4 - 2, -3e4 + 2));
  }
  for (const std::size_t length : {5u, 100u, 3000u}) {
    Row<T> x = random_row<T>(static_cast<Index>(length), -4, 4);
    for (std::size_t i = 0; i < length; i += 3) x[i] = -std::numeric_limits<T>::infinity();
    all.push_back(x);
    std::fill_n(x.begin(), length / 2, -std::numeric_limits<T>::infinity());  // whole blocks
    all.push_back(x);
    std::sort(x.begin(), x.end());  // every block raises the maximum
    all.push_back(x);
    std::reverse(x.begin(), x.end());
    all.push_back(x);
  }
  return all;
}

template <class T>
double worst_of_all(const Kernel<T>& softmax) {
  double largest = 0;
  for (const Row<T>& x : rows<T>()) largest = std::max(largest, worst(x, run(softmax, x)));
  return largest;
}

constexpr SoftmaxAlgorithm kAll[] = {
    SoftmaxAlgorithm::automatic, SoftmaxAlgorithm::three_pass_reload, SoftmaxAlgorithm::three_pass_recompute,
    SoftmaxAlgorithm::online,    SoftmaxAlgorithm::two_pass,          SoftmaxAlgorithm::online_reload};

}  // namespace

TEMPLATE_TEST_CASE("every softmax of a row equals the definition", "[kernels][softmax]", float, double) {
  using T = TestType;
  for (const auto& info : kernels::softmax_algorithms()) {
    INFO(info.name);
    CHECK(worst_of_all<T>(kernel<T>(info.algorithm)) < 1);
    for (const Row<T>& x : rows<T>()) {
      const Row<T> y = run(kernel<T>(info.algorithm), x);
      Row<T> same = x;
      kernels::softmax_row(info.algorithm, same.data(), same.data(), static_cast<Index>(x.size()));
      CHECK(same == y);
    }
  }
}

TEMPLATE_TEST_CASE("a row of many blocks, whose maximum keeps rising", "[kernels][softmax]", float, double) {
  using T = TestType;
  Row<T> x = random_row<T>(530'001, -1, 1);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += static_cast<T>(i) * T(1e-5);
  for (const auto& info : kernels::softmax_algorithms()) {
    INFO(info.name);
    CHECK(worst(x, run(kernel<T>(info.algorithm), x)) < 1);
  }
}

TEST_CASE("the check of a softmax rejects what people get wrong", "[kernels][softmax]") {
  const Kernel<double> right = kernel<double>(SoftmaxAlgorithm::online);
  CHECK(worst_of_all<double>(right) < 1);
  const auto naive = [](const double* x, double* y, Index n) {
    double total = 0;
    for (Index i = 0; i < n; ++i) total += y[i] = std::exp(x[i]);
    for (Index i = 0; i < n; ++i) y[i] /= total;
  };
  const auto forgets_to_rescale = [](const double* x, double* y, Index n) {
    double top = -kInf, total = 0;
    for (Index i = 0; i < n; ++i) {
      top = std::max(top, x[i]);
      if (x[i] > -kInf) total += std::exp(x[i] - top);
    }
    for (Index i = 0; i < n; ++i) y[i] = std::exp(x[i] - top) / total;
  };
  const auto off_by_a_millionth = [&](const double* x, double* y, Index n) {
    right(x, y, n);
    for (Index i = 0; i < n; ++i) y[i] *= 1 + 1e-6;
  };
  const auto drops_the_tail = [&](const double* x, double* y, Index n) {
    right(x, y, n - n % 8);
    std::fill(y + n - n % 8, y + n, 0.0);
  };
  CHECK(worst_of_all<double>(naive) > 1);
  CHECK(worst_of_all<double>(forgets_to_rescale) > 1);
  CHECK(worst_of_all<double>(off_by_a_millionth) > 1);
  CHECK(worst_of_all<double>(drops_the_tail) > 1);
}

TEMPLATE_TEST_CASE("worked numbers of both papers' sheets", "[kernels][softmax][sheets]", float, double) {
  using T = TestType;
  for (const SoftmaxAlgorithm algorithm : kAll) {
    const Row<T> online = run(kernel<T>(algorithm), Row<T>{1, 3, 2, 5});
    const double wanted[] = {0.015219, 0.112457, 0.041371, 0.830953};
    for (std::size_t i = 0; i < 4; ++i) CHECK(static_cast<double>(online[i]) == Approx(wanted[i]).margin(6e-7));
    const Row<T> two_pass = run(kernel<T>(algorithm), Row<T>{100, -3, 101.5, 0.25});
    const double large[] = {0.182426, 0, 0.817574, 0};
    for (std::size_t i = 0; i < 4; ++i) CHECK(static_cast<double>(two_pass[i]) == Approx(large[i]).margin(6e-7));
  }
}

TEMPLATE_TEST_CASE("infinite, huge and missing scores have stated outcomes", "[kernels][softmax]", float, double) {
  using T = TestType;
  constexpr T inf = std::numeric_limits<T>::infinity(), most = std::numeric_limits<T>::max();
  for (const SoftmaxAlgorithm algorithm : kAll) {
    INFO(static_cast<int>(algorithm));
    const auto of = [&](const Row<T>& x) { return run(kernel<T>(algorithm), x); };
    CHECK(of({T(-1e30), 0, T(1e30)}) == Row<T>{0, 0, 1});
    CHECK(of({T(-1e30), T(-2e30)}) == Row<T>{1, 0});
    CHECK(of({-most, most, most, 0}) == Row<T>{0, 0.5, 0.5, 0});
    CHECK(of({-most}) == Row<T>{1});
    CHECK(of({-inf, 0}) == Row<T>{0, 1});
    CHECK(of({-inf, T(-1e30)}) == Row<T>{0, 1});
    CHECK(of({}).empty());
    for (const std::size_t n : {1u, 7u, 40u, 2000u}) {
      for (const T y : of(Row<T>(n, -inf))) CHECK(y == 0);
      for (const T y : of(Row<T>(n, T(0)))) CHECK(y == 1 / static_cast<T>(n));
      for (const T bad : {inf, std::numeric_limits<T>::quiet_NaN()})
        for (const std::size_t at : {std::size_t(0), n / 2, n - 1}) {
          Row<T> x = random_row<T>(static_cast<Index>(n), -300, 300);
          x[at] = bad;
          Index numbers = 0;
          for (const T y : of(x)) numbers += y == y;
          CHECK(numbers == 0);
        }
    }
  }
}

TEST_CASE("the algorithm of a row is chosen by its length alone", "[kernels][softmax]") {
  using kernels::softmax_algorithm_for;
  CHECK(softmax_algorithm_for(1, 4) == SoftmaxAlgorithm::three_pass_reload);
  CHECK(softmax_algorithm_for(262'144, 4) == SoftmaxAlgorithm::three_pass_reload);  // 2 MiB with its result
  CHECK(softmax_algorithm_for(262'145, 4) == SoftmaxAlgorithm::online_reload);
  CHECK(softmax_algorithm_for(131'072, 8) == SoftmaxAlgorithm::three_pass_reload);
  CHECK(softmax_algorithm_for(131'073, 8) == SoftmaxAlgorithm::online_reload);
  for (const Index n : {5000, 300'000}) {
    const Row<float> x = random_row<float>(n, -8, 8);
    CHECK(run(kernel<float>(SoftmaxAlgorithm::automatic), x) == run(kernel<float>(softmax_algorithm_for(n, 4)), x));
  }
}

TEST_CASE("the table of softmax algorithms", "[kernels][softmax]") {
  // Accesses of an element as the papers count them: reload 5, recompute 4, online 3, two-pass 3.
  std::vector<int> accesses, exponentials;
  for (const auto& info : kernels::softmax_algorithms()) {
    accesses.push_back(info.reads + info.writes);
    exponentials.push_back(info.exponentials);
    CHECK(kernels::softmax_algorithm(info.name, "test") == info.algorithm);
  }
  CHECK(accesses == std::vector<int>{5, 4, 3, 3, 4});
  CHECK(exponentials == std::vector<int>{1, 2, 2, 2, 1});
  CHECK(kernels::softmax_algorithm("auto", "test") == SoftmaxAlgorithm::automatic);
  CHECK(error_of([] { kernels::softmax_algorithm("two_pas", "test"); }) ==
        "test: there is no softmax algorithm 'two_pas'; did you mean `two_pass`?; known: auto, three_pass_reload, "
        "three_pass_recompute, online, two_pass, online_reload");
}

TEMPLATE_TEST_CASE("the gradient of a softmax row", "[kernels][softmax]", float, double) {
  using T = TestType;
  for (const Index n : {1, 5, 16, 33, 100}) {
    const Row<T> y = run(kernel<T>(SoftmaxAlgorithm::online), random_row<T>(n, -2, 2)), dy = random_row<T>(n, -1, 1, 2);
    double dot = 0;
    for (std::size_t i = 0; i < y.size(); ++i) dot += static_cast<double>(y[i]) * static_cast<double>(dy[i]);
    Row<T> dx(y.size(), T(3)), more(y.size(), T(3)), same = dy;
    kernels::softmax_row_gradient(y.data(), dy.data(), dx.data(), n, false);
    kernels::softmax_row_gradient(y.data(), dy.data(), more.data(), n, true);
    kernels::softmax_row_gradient(y.data(), same.data(), same.data(), n, false);
    CHECK(same == dx);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double wanted = static_cast<double>(y[i]) * (static_cast<double>(dy[i]) - dot);
      CHECK(static_cast<double>(dx[i]) == Approx(wanted).margin(4 * std::numeric_limits<T>::epsilon()));
      CHECK(more[i] == 3 + dx[i]);
    }
  }
}
