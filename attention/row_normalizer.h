// A normalizer as two functions of one row, for those that search, sort or iterate.
//
//   struct Sparsemax : RowNormalizer<Sparsemax> {
//     Sparsemax() : RowNormalizer({.sparse = true, .saved = 1}) {}
//     template <class T>
//     void weigh(const WholeRow<T>& row, T* w) const;
//     template <class T>
//     void differentiate(const WholeRow<T>& row, const T* w, const RowGradient<T>& to) const;
//   };
//
// weigh() finds what it needs to know of the row, puts it into row.saved, and gives the weights; where row.again is set
// it finds it there. w may be the buffer of row.scores, and the two buffers of a gradient may be one.
#pragma once

#include "attention/typed_normalizer.h"

namespace tempera {

// The visible keys of one query, and only those.
template <class T>
struct WholeRow {
  const T* scores = nullptr;  // [size]
  Index size = 0;             // >= 1
  Index count = 0;            // what the row is told: the same
  T* saved = nullptr;         // [traits().saved]
  bool again = false;
  bool training = false;
  std::array<T, kMaxHeadParameters> parameters{};  // this head's values
};

template <class T>
struct RowGradient {
  const T* dw = nullptr;        // [size]
  T* ds = nullptr;              // [size], to be written
  HeadValues<T> dparameters{};  // to be added to, where not null
};

template <class Derived>
class RowNormalizer : public TypedNormalizer<RowNormalizer<Derived>> {
  using Typed = TypedNormalizer<RowNormalizer>;
  friend Typed;

 protected:
  using Typed::traits_;
  explicit RowNormalizer(const NormalizerTraits& traits) : Typed(traits) {}

 private:
  // Calls body(row, place of its first element) for every row that sees something.
  template <class T, class Body>
  void each_row(const ScoreRows<T>& rows, Body&& body) const {
    WholeRow<T> row;
    row.again = rows.again;
    row.training = rows.training;
    for (std::size_t p = 0; p < this->entries().size(); ++p)
      row.parameters[p] = rows.parameters[p] ? *rows.parameters[p] : static_cast<T>(this->entries()[p].otherwise);
    for (Index r = 0; r < rows.rows; ++r) {
      const Range visible = rows.info[r].visible;
      if (visible.count() <= 0) continue;
      const Index at = r * rows.stride + visible.first;
      row.scores = rows.scores + at;
      row.size = visible.count();
      row.count = rows.info[r].count;
      row.saved = rows.saved + r * traits_.saved;
      body(row, at);
    }
  }
  template <class T>
  void run_forward(const ScoreRows<T>& rows) const {
    each_row(rows, [&](const WholeRow<T>& row, Index at) {
      static_cast<const Derived*>(this)->weigh(row, rows.weights + at);
    });
  }
  template <class T>
  void run_backward(const ScoreRows<T>& rows, const ScoreGradients<T>& g) const {
    each_row(rows, [&](const WholeRow<T>& row, Index at) {
      static_cast<const Derived*>(this)->differentiate(row, rows.weights + at,
                                                       RowGradient<T>{g.dweights + at, g.dscores + at, g.dparameters});
    });
  }
};

}  // namespace tempera
