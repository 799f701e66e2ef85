#include "train/continual/accuracy_matrix.h"

#include <algorithm>
#include <limits>

namespace tempera {
namespace {

// Of f(first) .. f(last).
template <class F>
double mean_over(Index first, Index last, F f) {
  if (first > last) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (Index i = first; i <= last; ++i) sum += f(i);
  return sum / static_cast<double>(last - first + 1);
}

}  // namespace

AccuracyMatrix::AccuracyMatrix(Index tasks)
    : values_(Tensor::full({tasks + 1, tasks}, DType::float64, std::numeric_limits<double>::quiet_NaN())) {}

Index AccuracyMatrix::place(Index done, Index task) const {
  require(0 <= done && done <= tasks() && 1 <= task && task <= tasks(), "AccuracyMatrix",
          "task {} after {} was asked for of {} tasks", task, done, tasks());
  return done * tasks() + task - 1;
}

double AccuracyMatrix::average(Index done) const {
  return mean_over(1, done, [&](Index i) { return at(done, i); });
}

double AccuracyMatrix::forgetting(Index done) const {
  return mean_over(1, done - 1, [&](Index i) {
    double best = at(done, i);
    for (Index r = i; r < done; ++r) best = std::max(best, at(r, i));
    return best - at(done, i);
  });
}

double AccuracyMatrix::backward_transfer(Index done) const {
  return mean_over(1, done - 1, [&](Index i) { return at(done, i) - at(i, i); });
}

double AccuracyMatrix::forward_transfer(Index done) const {
  return mean_over(2, done, [&](Index i) { return at(i - 1, i) - at(0, i); });
}

}  // namespace tempera
