// How fast is the matrix product? Our kernel beside the libraries found at run time, on one thread, over the products
// of a transformer. Figures are GFLOP/s by thread time, the best of several interleaved rounds, and the median share of
// the peak, measured before and after each turn.
#include <Eigen/Core>
#include <algorithm>
#include <array>

#include "apps/bench/benchmarks.h"
#include "apps/bench/gemm_peers.h"
#include "apps/support/peak.h"
#include "core/dtype.h"
#include "core/error.h"

namespace tempera::bench {
namespace {

struct Row {
  Case shape;
  double peak;                 // GFLOP/s, best
  std::vector<double> gflops;  // one per candidate, best
  std::vector<double> share;   // of the peak, median; 0 for a candidate that has nothing for this product
};

// Rounds in which each candidate has its turn beside a fresh measurement of the peak, for the clock drifts.
template <class T>
Row measure(const Case& shape, const std::vector<Candidate<T>>& list, double seconds) {
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  const Vector a = Vector::Random(shape.m * shape.k), b = Vector::Random(shape.k * shape.n);
  Vector c = Vector::Zero(shape.m * shape.n);
  constexpr int kRounds = 5;
  Row row{shape, 0.0, std::vector<double>(list.size(), 0.0), std::vector<double>(list.size(), 0.0)};
  const double guess = shape.flops() / 100e9;  // seconds per call at 100 GFLOP/s
  const int calls = std::max(1, static_cast<int>(seconds / kRounds / guess));
  std::vector<std::array<double, kRounds>> shares(list.size());
  std::vector<bool> has(list.size());
  for (std::size_t round = 0; round < kRounds; ++round)
    for (std::size_t i = 0; i < list.size(); ++i) {
      shares[i][round] = 0.0;
      if (round == 0) has[i] = list[i].run(shape, a.data(), b.data(), c.data());
      if (!has[i]) continue;
      for (int spin = 0; spin < 8; ++spin)
        peak_gflops<T>();  // a candidate must not pay for the clock of the one before
      const double peak_before = peak_gflops<T>(), begin = cpu_seconds();
      for (int call = 0; call < calls; ++call) list[i].run(shape, a.data(), b.data(), c.data());
      const double gflops = 1e-9 * shape.flops() * calls / (cpu_seconds() - begin);
      const double peak = 0.5 * (peak_before + peak_gflops<T>());
      shares[i][round] = gflops / peak;
      row.peak = std::max(row.peak, peak);
      row.gflops[i] = std::max(row.gflops[i], gflops);
    }
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::nth_element(shares[i].begin(), shares[i].begin() + kRounds / 2, shares[i].end());
    row.share[i] = shares[i][kRounds / 2];
  }
  return row;
}

constexpr Transpose kNo = Transpose::no, kYes = Transpose::yes;

void add_layer(std::vector<Case>& cases, Index tokens, Index in, Index out) {
  const std::string name = std::to_string(tokens) + " x " + std::to_string(in) + " -> " + std::to_string(out);
  cases.push_back({name + "  Y", kNo, kYes, tokens, out, in, false});
  cases.push_back({name + " dX", kNo, kNo, tokens, in, out, false});
  cases.push_back({name + " dW", kYes, kNo, out, in, tokens, true});
}

std::vector<Case> cases_of(std::string_view which) {
  std::vector<Case> cases;
  if (which == "quick")
    for (const Index width : {32, 64, 128, 256, 512}) add_layer(cases, 1024, width, width);
  if (which == "layer")
    for (const Index tokens : {256, 1024, 4096})
      for (const Index width : {32, 64, 128, 256, 384, 512, 1024}) {
        add_layer(cases, tokens, width, width);
        add_layer(cases, tokens, width, 4 * width);
        add_layer(cases, tokens, 4 * width, width);
      }
  if (which == "tile")
    for (const auto& [m, n, k] :
         {std::array<Index, 3>{64, 64, 32}, {64, 128, 64}, {64, 64, 64}, {256, 256, 32}, {256, 256, 64}}) {
      const std::string name = std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k);
      cases.push_back({name + " NT", kNo, kYes, m, n, k, false});
      cases.push_back({name + " NN", kNo, kNo, m, n, k, false});
      cases.push_back({name + " TN", kYes, kNo, m, n, k, true});
    }
  return cases;
}

template <class T>
Table table(std::string_view which, double seconds) {
  const auto candidates = gemm_candidates<T>();
  std::vector<Table::Column> columns{{"product"}, {"peak", "{:.0f}"}};
  for (const auto& candidate : candidates) {
    columns.push_back({candidate.name, "{:.0f}"});
    columns.push_back({candidate.name + " %", "{:.0f}"});
  }
  Table result(fmt::format("matrix products, {}: GFLOP/s and share of the measured peak", dtype_of<T>()), columns);
  for (const Case& shape : cases_of(which)) {
    const Row row = measure(shape, candidates, seconds);
    std::vector<Cell> cells{shape.name, row.peak};
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      cells.push_back(row.gflops[i]);
      cells.push_back(100 * row.share[i]);
    }
    result.add(std::move(cells));
  }
  return result;
}

}  // namespace

Table gemm(const Options& options) {
  std::string type = "f32", set = "quick";
  for (std::size_t i = 0; i < options.rest.size(); i += 2) {
    const bool known = options.rest[i] == "--type" || options.rest[i] == "--set";
    require(known && i + 1 < options.rest.size(), "bench gemm",
            "'{}' came; --type f32|f64 and --set quick|layer|tile are known", options.rest[i]);
    (options.rest[i] == "--type" ? type : set) = options.rest[i + 1];
  }
  require(type == "f32" || type == "f64", "bench gemm", "--type {} came; f32 or f64 was wanted", type);
  require(!cases_of(set).empty(), "bench gemm", "--set {} came; quick, layer or tile was wanted", set);
  return type == "f32" ? table<float>(set, options.seconds / 5) : table<double>(set, options.seconds / 5);
}

}  // namespace tempera::bench
