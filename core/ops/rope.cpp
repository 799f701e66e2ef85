#include "core/ops/rope.h"

#include <cmath>
#include <vector>

#include "core/ops/apply.h"
#include "core/parallel.h"

namespace tempera {
namespace {

// cos and sin for position p and pair t at [p * pairs + t], for as many positions as were ever asked for.
template <class T>
struct Table {
  double base = 0;
  Index pairs = 0, positions = 0;
  std::vector<T> cosines, sines;

  void reach(Index wanted) {
    for (; positions < wanted; ++positions)
      for (Index t = 0; t < pairs; ++t) {
        const double rate = std::pow(base, -static_cast<double>(t) / static_cast<double>(pairs));
        const double angle = static_cast<double>(positions) * rate;
        cosines.push_back(static_cast<T>(std::cos(angle)));
        sines.push_back(static_cast<T>(std::sin(angle)));
      }
  }
};

template <class T>
struct Tables {
  std::vector<Table<T>> known;

  const Table<T>& find(double base, Index pairs, Index positions) {
    for (Table<T>& table : known)
      if (table.base == base && table.pairs == pairs) {
        table.reach(positions);
        return table;
      }
    known.push_back({base, pairs, 0, {}, {}});
    known.back().reach(positions);
    return known.back();
  }
};

// x as [outer, positions, between, heads, width of the last axis].
struct View {
  Index positions, between, heads, width;
};

View view_of(const Shape& shape, int axis, const RopeOptions& o) {
  const int rank = shape.rank();
  // Where the positions are the axis before the last there are no heads to choose from.
  const bool heads = axis < rank - 2;
  require(o.heads == 0 || (heads && o.heads <= shape[rank - 2]), rope_op.name,
          "{} heads of shape {} were to be rotated along axis {}; the axis before the last has no such count", o.heads,
          shape, axis);
  return {shape[axis], heads ? shape.product(axis + 1, rank - 2) : 1, heads ? shape[rank - 2] : 1, shape[rank - 1]};
}

template <class T>
void rotate_row(const T* x, T* y, const T* cosines, const T* sines, Index pairs, Index width, T sign, bool add) {
  const auto put = [add](T& to, T value) { to = add ? to + value : value; };
  for (Index t = 0; t < pairs; ++t) {
    const T a = x[2 * t], b = x[2 * t + 1], c = cosines[t], s = sign * sines[t];
    put(y[2 * t], a * c - b * s);
    put(y[2 * t + 1], a * s + b * c);
  }
  for (Index i = 2 * pairs; i < width; ++i) put(y[i], x[i]);
}

// sign: 1 forward, -1 backward.
void rotate(const Tensor& x, Into to, const View& view, const RopeOptions& o, double sign, Tape& tape) {
  constexpr Index kElements = 16384;
  const Index pairs = o.width / 2, token = view.between * view.heads * view.width;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const Table<T>& table = tape.workspace<Tables<T>>().find(o.base, pairs, o.start + view.positions);
    const T* from = x.data<T>();
    T* out = to.grad.template data<T>();
    const Index tokens = token == 0 ? 0 : x.size() / token,
                grain = std::max<Index>(1, kElements / std::max<Index>(1, token));
    parallel_panels(tape.threads(), tokens, grain, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const Index at = (o.start + i % view.positions) * pairs;
        for (Index row = 0; row < view.between * view.heads; ++row) {
          const Index place = i * token + row * view.width;
          const bool rotated = o.heads == 0 || row % view.heads < o.heads;
          rotate_row(from + place, out + place, table.cosines.data() + at, table.sines.data() + at, rotated ? pairs : 0,
                     view.width, static_cast<T>(sign), to.add);
        }
      }
    });
  });
}

std::vector<Example> examples() {
  const auto with = [](std::string name, Shape shape, int axis, RopeOptions o) {
    return Example{std::move(name), {{shape}}, [=](std::span<const Var> x) { return rope(x[0], axis, o); }};
  };
  std::vector<Example> all{with("a head", {5, 4}, 0, {}), with("wider than a vector", {2, 2, 3, 20}, -2, {.start = 3}),
                           with("one token", {2, 1, 6}, 1, {.start = 7, .base = 100}),
                           with("a part of the width", {3, 7}, 0, {.width = 4}),
                           with("tokens before heads", {2, 3, 3, 4}, 1, {.heads = 2})};
  // Pairs as complex numbers.
  all[0].torch =
      "torch.view_as_real(torch.view_as_complex(a.reshape(5, 2, 2)) * torch.exp(1j * torch.arange(5)[:, None].double()"
      " * 10000.0 ** (-torch.arange(2).double() / 2))).reshape(5, 4)";
  return all;
}

}  // namespace

const Op rope_op{"rope", examples};

Var rope(const Var& x, int axis, const RopeOptions& options) {
  require_floating(x.value(), "x", rope_op.name);
  axis = checked_axis(axis, x.shape(), rope_op.name);
  require(axis < x.rank() - 1, rope_op.name,
          "axis {} of shape {} came for the positions; it must lie before the last, which holds the pairs", axis,
          x.shape());
  RopeOptions o = options;
  if (o.width == 0) o.width = x.shape().back();
  require(o.width % 2 == 0 && o.width >= 0 && o.width <= x.shape().back(), rope_op.name,
          "{} elements of the last axis of shape {} were to be rotated; an even number up to its extent was wanted",
          o.width, x.shape());
  require(o.base > 0 && o.start >= 0, rope_op.name,
          "base {} and start {} came; wanted a base above 0 and a start of at "
          "least 0",
          o.base, o.start);
  const View view = view_of(x.shape(), axis, o);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  rotate(x.value(), {y, false}, view, o, 1, tape);
  return Tape::record(rope_op, {x}, std::move(y),
                      [view, o](const Tensor& dy, Gradients& dx) { rotate(dy, dx.into(0), view, o, -1, dx.tape()); });
}

}  // namespace tempera
