#include "train/perpendicular.h"

#include <cmath>

namespace tempera {
namespace {

constexpr double kTiny = 1e-30;

struct Products {
  double ww = 0, wg = 0, gg = 0;
};

// Eight sums each that the compiler keeps in vectors, joined in order.
template <class T>
Products products(const T* w, const T* g, Index n) {
  constexpr int kPlaces = 8;
  Products at[kPlaces];
  const auto add = [&](Index i, int place) {
    const auto a = static_cast<double>(w[i]), b = static_cast<double>(g[i]);
    at[place].ww += a * a;
    at[place].wg += a * b;
    at[place].gg += b * b;
  };
  Index i = 0;
  for (; i + kPlaces <= n; i += kPlaces)
    for (int place = 0; place < kPlaces; ++place) add(i + place, place);
  for (int place = 0; i < n; ++i, ++place) add(i, place);
  Products sum;
  for (const Products& p : at) sum.ww += p.ww, sum.wg += p.wg, sum.gg += p.gg;
  return sum;
}

}  // namespace

void GradientOptions::describe(Fields& f) {
  f("perpendicular", perpendicular, "takes out of each parameter's gradient what only scales the parameter");
  f("rescale", rescale, "a perpendicular gradient keeps its length");
}

void make_perpendicular(const Tensor& values, Tensor& gradients, std::span<const Segment> segments, bool rescale) {
  dispatch(values.dtype(), [&]<class T>(Type<T>) {
    for (const Segment& s : segments) {
      const T* const w = values.data<T>() + s.offset;
      T* const g = gradients.data<T>() + s.offset;
      const Products p = products<T>(w, g, s.size);
      const T along = static_cast<T>(p.wg / (p.ww + kTiny));
      for (Index i = 0; i < s.size; ++i) g[i] -= along * w[i];
      if (!rescale) continue;
      const T factor = static_cast<T>(std::sqrt(p.gg) / (std::sqrt(products<T>(w, g, s.size).gg) + kTiny));
      for (Index i = 0; i < s.size; ++i) g[i] *= factor;
    }
  });
}

double gradient_alignment(const Tensor& values, const Tensor& gradients, std::span<const Segment> segments) {
  Products all;
  dispatch(values.dtype(), [&]<class T>(Type<T>) {
    for (const Segment& s : segments) {
      const Products p = products<T>(values.data<T>() + s.offset, gradients.data<T>() + s.offset, s.size);
      all.ww += p.ww, all.wg += p.wg, all.gg += p.gg;
    }
  });
  const double lengths = std::sqrt(all.ww) * std::sqrt(all.gg);
  return lengths == 0 ? 0 : -all.wg / lengths;
}

}  // namespace tempera
