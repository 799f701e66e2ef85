#include "attention/normalizers/entmax.h"

#include <cmath>

#include "attention/row_normalizer.h"
#include "core/entmax_row.h"

namespace tempera {
namespace {

using detail::each_vector;
using detail::load_vector;
using detail::row_sums;
using detail::store_vector;

class Entmax : public RowNormalizer<Entmax> {
 public:
  Entmax(double alpha, Parameter logit) : RowNormalizer({.sparse = true, .saved = 3}), alpha_(alpha) {
    learned_ = logit.exists();
    add("alpha", logit);
  }

  // saved: the maximum, tau, and the sum that rounding leaves.
  template <class T>
  void weigh(const WholeRow<T>& row, T* w) const {
    const T factor = alpha(row) - 1;
    if (!row.again) {
      const detail::EntmaxRow<T> found = detail::solve_entmax(row.scores, row.size, factor);
      row.saved[0] = found.top;
      row.saved[1] = found.tau;
      row.saved[2] = found.sum;
    }
    detail::entmax_weights(row.scores, row.size, factor, {row.saved[0], row.saved[1], row.saved[2]}, w);
  }

  template <class T>
  void differentiate(const WholeRow<T>& row, const T* w, const RowGradient<T>& to) const {
    using L = Lanes<T>;
    const T a = alpha(row);
    const auto slope = [a](const L& p) {
      if (a == T(2)) return where(p > L(0), L(1), L(0));
      if (a == T(1.5)) return sqrt(p);
      return where(p > L(0), exp(L(2 - a) * log(p)), L(0));
    };
    const auto [total, product] = row_sums<2, T>(row.size, [&](Index i, Index count, auto& sums) {
      const L g = slope(load_vector(w + i, count, T(0)));
      sums[0] += g;
      sums[1] += g * load_vector(to.dw + i, count, T(0));
    });
    const L mean(product / total);
    if (to.dparameters[0]) {
      // d alpha / d logit = (alpha - 1)(2 - alpha)
      *to.dparameters[0] += alpha_gradient(row, w, to.dw, a, total, slope) * (a - 1) * (2 - a);
    }
    each_vector<T>(row.size, [&](Index i, Index count) {
      const L g = slope(load_vector(w + i, count, T(0)));
      store_vector(g * (load_vector(to.dw + i, count, T(0)) - mean), to.ds + i, count);
    });
  }

 private:
  template <class T>
  T alpha(const WholeRow<T>& row) const {
    if (!learned_) return static_cast<T>(alpha_);
    return 1 + 1 / (1 + std::exp(-std::max(row.parameters[0], kLeast<T>)));
  }
  // alpha stays above 1.01.
  template <class T>
  static constexpr T kLeast = T(-4.59511985013459);

  template <class T, class Slope>
  static T alpha_gradient(const WholeRow<T>& row, const T* w, const T* dw, T alpha, T total, const Slope& slope) {
    using L = Lanes<T>;
    const auto [entropy, weighted, tilted, logs] = row_sums<4, T>(row.size, [&](Index i, Index count, auto& sums) {
      const L p = load_vector(w + i, count, T(0)), g = load_vector(dw + i, count, T(0));
      const L h = where(p > L(0), p * log(p), L(0));
      sums[0] += h;
      sums[1] += g * p;
      sums[2] += g * slope(p);
      sums[3] += g * h;
    });
    const T own = tilted / total, f = alpha - 1;
    return (weighted - own) / (f * f) - (logs - own * entropy) / f;
  }

  double alpha_;
  bool learned_;
};

}  // namespace

void EntmaxOptions::describe(Fields& f) {
  f("alpha", alpha, "1 would be the softmax, 2 is the sparsemax; where it is learned, its start", between(1.01, 10));
  f("learned", learned, "whether each head learns its own alpha, between 1 and 2");
}

std::vector<Problem> EntmaxOptions::problems() const {
  if (learned && alpha >= 2) return {{"alpha", fmt::format("{} came; a learned alpha starts below 2", alpha)}};
  return {};
}

std::unique_ptr<ScoreNormalizer> EntmaxOptions::make(const NormalizerPlace& place) const {
  const double logit = std::log((alpha - 1) / (2 - std::min(alpha, 1.999)));
  return std::make_unique<Entmax>(alpha,
                                  learned ? Parameter({place.heads}, Init::constant(logit), false) : Parameter());
}

std::unique_ptr<ScoreNormalizer> SparsemaxOptions::make(const NormalizerPlace&) const {
  return std::make_unique<Entmax>(2, Parameter());
}

}  // namespace tempera
