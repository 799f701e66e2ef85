#include "attention/normalizers/softplus.h"

#include <cmath>

#include "attention/normalizers/whole_power.h"
#include "attention/row_normalizer.h"
#include "core/row_loops.h"

namespace tempera {
namespace {

using detail::each_vector;
using detail::load_vector;
using detail::row_sums;
using detail::store_vector;

class LengthScaledSoftplus : public RowNormalizer<LengthScaledSoftplus> {
 public:
  LengthScaledSoftplus(Index width, bool training, bool evaluation, int power)
      : RowNormalizer({.needs_count = true, .sparse = training || evaluation, .cosine = true, .saved = 3}),
        log_width_(std::log(static_cast<double>(width))),
        reweights_{evaluation, training},
        power_(power) {}

  // saved: sum a, the largest excess n A - o, and sum r over its power; an excess of 0: the weights are A.
  template <class T>
  void weigh(const WholeRow<T>& row, T* w) const {
    using L = Lanes<T>;
    T &sum = row.saved[0], &top = row.saved[1], &total = row.saved[2];
    const T factor = scale(row);
    L largest(0);
    const auto [found] = row_sums<1, T>(row.size, [&](Index i, Index count, auto& sums) {
      const L a = softplus(L(factor) * load_vector(row.scores + i, count, T(0)));
      store_vector(a, w + i, count);
      const L seen = load_vector(w + i, count, T(0));
      largest = max(largest, seen);
      sums[0] += seen;
    });
    if (!row.again) {
      sum = found;
      top = reweights_[row.training] ? static_cast<T>(row.count) * (lane_max(largest) / sum) - offset(row) : T(0);
    }
    if (!(top > 0)) {
      multiply(w, row.size, 1 / sum);
      return;
    }
    const auto [powers] = row_sums<1, T>(row.size, [&](Index i, Index count, auto& sums) {
      const L u = excess(row, load_vector(w + i, count, T(0)), sum);
      store_vector(detail::whole_power(u / L(top), power_), w + i, count);
      sums[0] += load_vector(w + i, count, T(0));
    });
    if (!row.again) total = powers;
    multiply(w, row.size, 1 / total);
  }

  // u = relu(n A - o):  du = p w / u (dw - <w, dw>),  dA = n du,  da = (dA - <A, dA>) / sum a,  ds = f sigmoid(f s) da
  template <class T>
  void differentiate(const WholeRow<T>& row, const T* w, const RowGradient<T>& to) const {
    using L = Lanes<T>;
    const T sum = row.saved[0], factor = scale(row), n = static_cast<T>(row.count);
    const bool sharpened = row.saved[1] > 0;
    const auto positive = [&](Index i, Index count) {
      return softplus(L(factor) * load_vector(row.scores + i, count, T(0)));
    };
    const auto means = row_sums<1, T>(row.size, [&](Index i, Index count, auto& sums) {
      sums[0] += load_vector(w + i, count, T(0)) * load_vector(to.dw + i, count, T(0));
    });
    const auto products = row_sums<1, T>(row.size, [&](Index i, Index count, auto& sums) {
      const L a = positive(i, count);
      L g = load_vector(to.dw + i, count, T(0));
      if (sharpened) {
        const L u = excess(row, a, sum), weight = load_vector(w + i, count, T(0));
        g = where(u > L(0), L(n * static_cast<T>(power_)) * (weight / u) * (g - L(means[0])), L(0));
      }
      store_vector(g, to.ds + i, count);
      sums[0] += a / L(sum) * load_vector(to.ds + i, count, T(0));
    });
    each_vector<T>(row.size, [&](Index i, Index count) {
      const L slope = sigmoid(L(factor) * load_vector(row.scores + i, count, T(0)));
      const L g = load_vector(to.ds + i, count, T(0)) - L(products[0]);
      store_vector(L(factor / sum) * slope * g, to.ds + i, count);
    });
  }

 private:
  template <class T>
  T scale(const WholeRow<T>& row) const {
    return static_cast<T>(log_width_ * std::log(static_cast<double>(row.count)));
  }
  template <class T>
  static T offset(const WholeRow<T>& row) {
    return row.count <= 3 ? T(0) : T(1);
  }
  template <class T>
  static Lanes<T> excess(const WholeRow<T>& row, Lanes<T> a, T sum) {
    return max(Lanes<T>(static_cast<T>(row.count)) * (a / Lanes<T>(sum)) - Lanes<T>(offset(row)), Lanes<T>(0));
  }
  template <class T>
  static void multiply(T* w, Index size, T factor) {
    each_vector<T>(size, [&](Index i, Index count) {
      store_vector(load_vector(w + i, count, T(0)) * Lanes<T>(factor), w + i, count);
    });
  }

  double log_width_;
  std::array<bool, 2> reweights_;  // in evaluation, in training
  int power_;
};

}  // namespace

void SoftplusOptions::describe(Fields& f) {
  f("reweight", reweight, "when weights above the average of their row are sharpened and the others dropped",
    one_of({"always", "evaluation", "never"}));
  f("power", power, "of the sharpening; 3 is best at the length of training, 15 beyond", between(1, 64));
}

std::unique_ptr<ScoreNormalizer> SoftplusOptions::make(const NormalizerPlace& place) const {
  return std::make_unique<LengthScaledSoftplus>(place.width, reweight == "always", reweight != "never", power);
}

}  // namespace tempera
