#include "core/ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/lanes.h"
#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kRows = 64;  // of one panel

// What is kept of a row: its maximum and sum exp(x - maximum). The probabilities are made again from the logits
// where the gradient is written, which is cheaper than storing them.
template <class T>
struct RowStats {
  T top, total;
};

template <class T>
RowStats<T> row_stats(const T* x, Index n) {
  constexpr Index W = lane_width<T>;
  constexpr T kLow = -std::numeric_limits<T>::infinity();
  const Index whole = n / W * W, rest = n - whole;
  Lanes<T> tops = Lanes<T>::load(x + whole, rest, kLow);
  for (Index i = 0; i < whole; i += W) tops = max(tops, Lanes<T>::load(x + i));
  const T top = lane_max(tops);
  if (top == kLow) return {top, 0};  // -inf - -inf is NaN
  Lanes<T> total = exp(Lanes<T>::load(x + whole, rest, kLow) - top);
  for (Index i = 0; i < whole; i += W) total += exp(Lanes<T>::load(x + i) - top);
  return {top, lane_sum(total)};
}

// dx (+)= scale (exp(x - top) / total - onehot(target)) for one row.
template <class T>
void backward_row(const T* x, T* dx, Index n, RowStats<T> stats, Index target, T scale, bool add) {
  constexpr Index W = lane_width<T>;
  const T factor = scale / stats.total;
  const auto step = [&](Index i, Index count) {
    const Lanes<T> g = exp(Lanes<T>::load(x + i, count) - stats.top) * factor;
    (add ? Lanes<T>::load(dx + i, count) + g : g).store(dx + i, count);
  };
  Index i = 0;
  for (; i + W <= n; i += W) step(i, W);
  if (i < n) step(i, n - i);
  dx[target] -= scale;
}

std::vector<Example> examples() {
  const auto call = [](std::span<const Var> x) { return cross_entropy(x[0], x[1].value()); };
  const auto classes = [](Shape shape, double count) { return Input{shape, 0, count, Draw::index}; };
  return {
      {"rows", {{{7, 5}, -3, 3}, classes({7}, 5)}, call, "F.cross_entropy(a, b)"},
      {"many classes", {{{2, 19}, -3, 3}, classes({2}, 19)}, call, "F.cross_entropy(a, b)"},
      {"two leading axes", {{{2, 3, 4}}, classes({2, 3}, 4)}, call, "F.cross_entropy(a.reshape(-1, 4), b.reshape(-1))"},
      {"one row", {{{6}, -3, 3}, classes({}, 6)}, call, "F.cross_entropy(a, b)"},
      {"one class", {{{3, 1}}, classes({3}, 1)}, call, "F.cross_entropy(a, b)"},
      {"far apart", {{{3, 7}, -30, 30}, classes({3}, 7)}, call, "F.cross_entropy(a, b)"},
      {"an ignored class",
       {{{13, 3}}, classes({13}, 3)},
       [](std::span<const Var> x) { return cross_entropy(x[0], x[1].value(), 1); },
       "F.cross_entropy(a, b, ignore_index=1)"},
  };
}

// Counts the rows that take part.
Index checked_rows(const Var& logits, const Tensor& targets, std::int32_t ignore_index) {
  const std::string_view who = cross_entropy_op.name;
  require(logits.rank() >= 1, who, "the logits are a scalar; [.., C] was wanted");
  require(targets.dtype() == DType::int32, who, "the targets are {}; int32 class indices were wanted", targets.dtype());
  const Shape wanted = logits.shape().without(logits.rank() - 1);
  require(targets.shape() == wanted, who, "the targets have shape {}, but the logits {}: {} was wanted",
          targets.shape(), logits.shape(), wanted);
  const std::int32_t* target = targets.data<std::int32_t>();
  const Index classes = logits.shape().back();
  Index rows = 0;
  for (Index row = 0; row < targets.size(); ++row) {
    if (target[row] == ignore_index) continue;
    require(target[row] >= 0 && target[row] < classes, who,
            "the target of row {} is {}; there are {} classes, counted from 0, and {} is ignored", row, target[row],
            classes, ignore_index);
    ++rows;
  }
  return rows;
}

}  // namespace

const Op cross_entropy_op{"cross_entropy", examples};

Var cross_entropy(const Var& logits, const Tensor& targets, std::int32_t ignore_index) {
  const Index taking_part = checked_rows(logits, targets, ignore_index);
  const Index n = logits.shape().back(), rows = targets.size();
  Tape& tape = logits.tape();
  Tensor y = tape.empty({}, logits.dtype());
  Tensor stats = tape.empty({rows, 2}, logits.dtype());
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    const T* x = logits.value().data<T>();
    const std::int32_t* target = targets.data<std::int32_t>();
    T* kept = stats.data<T>();
    parallel_panels(tape.threads(), rows, kRows, [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        if (target[row] == ignore_index) continue;
        const RowStats<T> s = row_stats(x + row * n, n);
        kept[2 * row] = s.top;
        kept[2 * row + 1] = s.total;
      }
    });
    double sum = 0;  // few numbers beside the logits: double costs nothing and loses nothing
    for (Index row = 0; row < rows; ++row) {
      if (target[row] == ignore_index) continue;
      const T top = kept[2 * row], total = kept[2 * row + 1];
      sum += total == 0 ? std::numeric_limits<double>::infinity()
                        : std::log(static_cast<double>(total)) + (static_cast<double>(top) - x[row * n + target[row]]);
    }
    *y.data<T>() = taking_part == 0 ? T(0) : static_cast<T>(sum / static_cast<double>(taking_part));
  });
  const Tensor x = logits.value();
  return Tape::record(cross_entropy_op, {logits}, y,
                      [x, targets, stats, taking_part, ignore_index](const Tensor& dy, Gradients& dx) {
                        Into to = dx.into(0);
                        const Index width = x.matrix_cols();
                        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
                          const T *in = x.data<T>(), *kept = stats.data<T>();
                          const std::int32_t* target = targets.data<std::int32_t>();
                          T* out = to.grad.data<T>();
                          const T scale = *dy.data<T>() / static_cast<T>(std::max<Index>(1, taking_part));
                          parallel_panels(dx.tape().threads(), targets.size(), kRows, [&](Index first, Index last) {
                            for (Index row = first; row < last; ++row) {
                              T* g = out + row * width;
                              const bool plays = target[row] != ignore_index && kept[2 * row + 1] != 0;
                              if (plays)
                                backward_row<T>(in + row * width, g, width, {kept[2 * row], kept[2 * row + 1]},
                                                target[row], scale, to.add);
                              else if (!to.add) std::fill_n(g, width, T(0));
                            }
                          });
                        });
                      });
}

}  // namespace tempera
