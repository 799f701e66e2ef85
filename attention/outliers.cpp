#include "attention/outliers.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "outliers";

struct Sizes {
  double largest = 0, sum = 0;
  void add(double x) {
    largest = std::max(largest, std::abs(x));
    sum += std::abs(x);
  }
};

WeightOutlier worst(const std::vector<Sizes>& lines, Index length) {
  std::vector<double> ratios;
  ratios.reserve(lines.size());
  for (const Sizes& line : lines)
    ratios.push_back(line.sum > 0 ? line.largest * static_cast<double>(length) / line.sum : 0);
  const auto top = std::max_element(ratios.begin(), ratios.end());
  const WeightOutlier found{top - ratios.begin(), *top, 0};
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  return {found.where, found.ratio, *middle > 0 ? found.ratio / *middle : 0};
}

// The rows of a matrix, or its columns.
WeightOutlier line_outlier(const Tensor& matrix, bool columns) {
  require(matrix.rank() == 2 && matrix.size() > 0, kWho, "{} came; a matrix with entries was wanted", matrix);
  const Index rows = matrix.dim(0), cols = matrix.dim(1);
  std::vector<Sizes> lines(static_cast<std::size_t>(columns ? cols : rows));
  for (Index i = 0; i < matrix.size(); ++i)
    lines[static_cast<std::size_t>(columns ? i % cols : i / cols)].add(matrix.at(i));
  return worst(lines, columns ? rows : cols);
}

}  // namespace

std::vector<Index> activation_outliers(const Tensor& activations, double ratio) {
  require(activations.rank() >= 1, kWho, "a scalar came; activations [.., d_model] were wanted");
  const Index width = activations.shape().back();
  Sizes all;
  for (Index i = 0; i < activations.size(); ++i) all.add(activations.at(i));
  const double bound = ratio * all.sum / static_cast<double>(std::max<Index>(1, activations.size()));
  std::vector<Index> found;
  for (Index i = 0; i < activations.size(); ++i) {
    const Index token = i / width;
    if (std::abs(activations.at(i)) > bound && (found.empty() || found.back() != token)) found.push_back(token);
  }
  return found;
}

std::vector<Index> attention_sinks(const Tensor& weights, double share) {
  require(weights.rank() == 3, kWho, "{} came; weights [heads, queries, keys] were wanted", weights);
  const Index heads = weights.dim(0), queries = weights.dim(1), keys = weights.dim(2);
  std::vector<double> gathered(static_cast<std::size_t>(keys), 0);
  for (Index i = 0; i < weights.size(); ++i) gathered[static_cast<std::size_t>(i % keys)] += weights.at(i);
  std::vector<Index> found;
  for (Index j = 0; j < keys; ++j)
    if (gathered[static_cast<std::size_t>(j)] >= share * static_cast<double>(queries * heads)) found.push_back(j);
  return found;
}

WeightOutlier row_outlier(const Tensor& matrix) {
  return line_outlier(matrix, false);
}

WeightOutlier column_outlier(const Tensor& matrix) {
  return line_outlier(matrix, true);
}

}  // namespace tempera
