// A normalizer as reductions over a row and a map, all of them lambdas that know their own derivative.
//
//   // SSMax: softmax(s log(n) z)
//   struct SSMax : RowwiseNormalizer<SSMax, 1> {
//     explicit SSMax(Index heads) : RowwiseNormalizer({.needs_count = true}) {
//       add("scale", Parameter({heads}, Init::constant(0.43), false));
//     }
//     auto formula(Row row) const {
//       const auto z = [row](auto x, auto s) { return s * row.log_count * x; };
//       return RowFormula(std::tuple(row_shift(z), row_sum([z](auto x, auto s, auto m) { return exp(z(x, s) - m); })),
//                         [z](auto x, auto s, auto m, auto sum) { return exp(z(x, s) - m) / sum; });
//     }
//   };
//
// Lambdas see the score, the head's value of each parameter, and the reductions so far (core/rowwise.h). Without
// reductions the normalizer is pointwise.
#pragma once

#include <cmath>

#include "attention/typed_normalizer.h"
#include "core/rowwise.h"

namespace tempera {

// A row's constants.
struct Row {
  double count = 0;      // of visible keys, >= 1
  double log_count = 0;  // its logarithm, where traits().needs_count
  bool training = false;
};

template <class Map, class... R>
struct RowFormula {
  RowFormula(std::tuple<R...> reductions_, Map map_) : reductions(reductions_), map(map_) {}
  std::tuple<R...> reductions;
  Map map;
};
template <class Map>
RowFormula(std::tuple<>, Map) -> RowFormula<Map>;

template <class Derived, int Parameters = 0>
class RowwiseNormalizer : public TypedNormalizer<RowwiseNormalizer<Derived, Parameters>> {
  using Typed = TypedNormalizer<RowwiseNormalizer>;
  friend Typed;

 protected:
  using Typed::traits_;
  explicit RowwiseNormalizer(NormalizerTraits traits) : Typed(traits) {
    using Formula = decltype(std::declval<const Derived&>().formula(Row{}));
    constexpr auto reductions = static_cast<Index>(std::tuple_size_v<decltype(std::declval<Formula>().reductions)>);
    traits_.reach = reductions == 0 ? NormalizerTraits::Reach::pointwise : NormalizerTraits::Reach::row;
    traits_.saved = reductions;
  }

 private:
  template <class T>
  static constexpr std::size_t kInputs = 1 + static_cast<std::size_t>(Parameters);

  // Calls body(kernel, inputs, columns of the row, row number) for every row that sees something.
  template <class T, class Body>
  void each_row(const ScoreRows<T>& rows, Body&& body) const {
    constexpr std::size_t N = kInputs<T>;
    std::array<T, kMaxHeadParameters> otherwise{};
    for (std::size_t p = 0; p + 1 < N; ++p) otherwise[p] = static_cast<T>(this->entries()[p].otherwise);
    for (Index r = 0; r < rows.rows; ++r) {
      const RowInfo& info = rows.info[r];
      if (info.visible.count() <= 0) continue;
      const auto count = static_cast<double>(info.count);
      const auto formula = static_cast<const Derived*>(this)->formula(
          Row{count, traits_.needs_count ? std::log(count) : 0, rows.training});
      const auto run = [&]<class F, class... R>(const F& map, const std::tuple<R...>& reductions) {
        const detail::RowKernel<T, static_cast<int>(N), F, R...> kernel(map, reductions, info.visible.count());
        const auto inputs = [&]<std::size_t... p>(std::index_sequence<p...>) {
          return std::array<detail::Reader<T>, N>{
              detail::Reader<T>(rows.scores + r * rows.stride + info.visible.first, 1),
              detail::Reader<T>(rows.parameters[p] ? rows.parameters[p] : &otherwise[p], 0)...};
        }
        (std::make_index_sequence<N - 1>{});
        body(kernel, inputs, r * rows.stride + info.visible.first, r);
      };
      run(formula.map, formula.reductions);
    }
  }

  template <class T, class Kernel>
  static typename Kernel::Reduced kept(const Kernel&, const T* saved) {
    typename Kernel::Reduced reduced{};
    std::copy_n(saved, reduced.size(), reduced.begin());
    return reduced;
  }

  template <class T>
  void run_forward(const ScoreRows<T>& rows) const {
    each_row(rows, [&](const auto& kernel, const auto& inputs, Index at, Index r) {
      T* const saved = rows.saved + r * traits_.saved;
      auto reduced = kept<T>(kernel, saved);
      if (!rows.again) std::copy_n((reduced = kernel.reduce(inputs)).begin(), reduced.size(), saved);
      kernel.map(inputs, reduced, rows.weights + at);
    });
  }

  template <class T>
  void run_backward(const ScoreRows<T>& rows, const ScoreGradients<T>& g) const {
    each_row(rows, [&](const auto& kernel, const auto& inputs, Index at, Index r) {
      const auto reduced = kept<T>(kernel, rows.saved + r * traits_.saved);
      const auto outputs = [&]<std::size_t... p>(std::index_sequence<p...>) {
        return std::array<detail::Writer<T>, kInputs<T>>{detail::Writer<T>{g.dscores + at, 1, false},
                                                         detail::Writer<T>{g.dparameters[p], 0, true}...};
      };
      auto out = outputs(std::make_index_sequence<kInputs<T> - 1>{});
      kernel.backward(inputs, reduced, g.dweights + at, out);
    });
  }
};

}  // namespace tempera
