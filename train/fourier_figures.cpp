#include "train/fourier_figures.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace tempera {
namespace {

constexpr std::ptrdiff_t kStrongest = 5;

}  // namespace

std::vector<double> fourier_shares(const Tensor& table, Index p) {
  require(table.rank() == 2 && table.dim(0) >= p && p > 0, "fourier_shares",
          "a table of {} came; at least {} rows and columns were wanted", table, p);
  const Index width = table.dim(1);
  std::vector<double> cosine(static_cast<std::size_t>(p)), sine(cosine.size());
  for (std::size_t n = 0; n < cosine.size(); ++n) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(p);
    cosine[n] = std::cos(angle);
    sine[n] = std::sin(angle);
  }
  std::vector<double> power(static_cast<std::size_t>(p / 2)), real(static_cast<std::size_t>(width)), other(real.size());
  for (Index k = 1; k <= p / 2; ++k) {
    std::fill(real.begin(), real.end(), 0);
    std::fill(other.begin(), other.end(), 0);
    dispatch(table.dtype(), [&]<class T>(Type<T>) {
      for (Index n = 0; n < p; ++n) {
        const auto turn = static_cast<std::size_t>(k * n % p);
        const T* const row = table.data<T>() + n * width;
        for (std::size_t j = 0; j < real.size(); ++j) {
          real[j] += static_cast<double>(row[j]) * cosine[turn];
          other[j] += static_cast<double>(row[j]) * sine[turn];
        }
      }
    });
    power[static_cast<std::size_t>(k - 1)] = std::inner_product(real.begin(), real.end(), real.begin(), 0.0) +
                                             std::inner_product(other.begin(), other.end(), other.begin(), 0.0);
  }
  const double sum = std::accumulate(power.begin(), power.end(), 0.0);
  for (double& x : power) x = sum > 0 ? x / sum : 0;
  return power;
}

FourierFigures::FourierFigures(Experiment& experiment)
    : parameters_(experiment.trainer().parameters()), p_(experiment.data().cycle.value_or(0)) {
  if (p_ < 2) return;
  for (const Parameters::Entry& entry : parameters_.entries()) {
    const Shape& shape = entry.parameter->shape;
    if (shape.rank() != 2) continue;
    if (entry.name.ends_with("embedding.tokens.weight") && shape[0] >= p_) {
      tables_.push_back({"numbers", &entry, false, 0});
    } else if (entry.name.ends_with("layers.0.weight") && shape[1] == 2 * p_) {
      tables_.push_back({"first number", &entry, true, 0});
      tables_.push_back({"second number", &entry, true, p_});
    }
  }
}

std::vector<double> FourierFigures::shares(const Table& table) const {
  const Tensor weight = parameters_.view(parameters_.flat(), *table.entry);
  if (!table.columns) return fourier_shares(weight, p_);
  Tensor turned = Tensor::empty({p_, weight.dim(0)}, weight.dtype());
  for (Index n = 0; n < p_; ++n)
    for (Index j = 0; j < weight.dim(0); ++j)
      turned.set(n * weight.dim(0) + j, weight.at(j * weight.dim(1) + table.first + n));
  return fourier_shares(turned, p_);
}

NamedValues FourierFigures::metrics() const {
  if (tables_.empty()) return {};
  double least = 1;
  for (const Table& table : tables_) {
    std::vector<double> power = shares(table);
    const auto end = power.begin() + std::min(kStrongest, std::ssize(power));
    std::partial_sort(power.begin(), end, power.end(), std::greater());
    least = std::min(least, std::accumulate(power.begin(), end, 0.0));
  }
  return {{"fourier_top5", least}};
}

std::optional<LabelledMatrix> FourierFigures::picture() const {
  if (tables_.empty()) return std::nullopt;
  LabelledMatrix picture;
  for (Index k = 1; k <= p_ / 2; ++k) picture.columns.push_back(std::to_string(k));
  for (const Table& table : tables_) {
    picture.rows.push_back(table.name);
    const std::vector<double> power = shares(table);
    picture.values.insert(picture.values.end(), power.begin(), power.end());
  }
  return picture;
}

}  // namespace tempera
