#include "core/ops/linear.h"

#include <optional>

#include "core/dual.h"
#include "core/kernels/product.h"
#include "core/ops/column_sums.h"
#include "core/ops/frozen_weights.h"

namespace tempera {
namespace {

// y = f(y + bias) for columns [col, col + cols) of one row, and f's derivative there into `slope` unless that is null:
// both share the expensive part, and the backward pass has but to multiply.
template <class T, bool Slope, class F>
void finish_row(F f, const T* bias, T* y, T* slope, Index cols) {
  constexpr Index W = lane_width<T>;
  const auto step = [&](Index i, auto count) {
    Lanes<T> z = Lanes<T>::load(y + i, count);
    if (bias) z += Lanes<T>::load(bias + i, count);
    if constexpr (Slope) {
      const auto [value, d] = f(Dual<T, 1>::input(z, 0));
      value.store(y + i, count);
      d[0].store(slope + i, count);
    } else {
      Lanes<T>(f(z)).store(y + i, count);
    }
  };
  Index i = 0;
  for (; i + W <= cols; i += W) step(i, std::integral_constant<Index, W>{});
  if (i < cols) step(i, cols - i);
}

std::vector<Example> examples() {
  std::vector<Example> all;
  const auto with = [&](std::string name, Activation f, const char* torch) {
    all.push_back({std::move(name),
                   {{{5, 3}}, {{4, 3}}, {{4}}},
                   [f](std::span<const Var> x) { return linear(x[0], x[1], x[2], f); },
                   torch});
  };
  with("bias", Activation::none, "F.linear(a, b, c)");
  with("gelu", Activation::gelu, "F.gelu(F.linear(a, b, c))");
  with("gelu_tanh", Activation::gelu_tanh, "F.gelu(F.linear(a, b, c), approximate='tanh')");
  with("silu", Activation::silu, "F.silu(F.linear(a, b, c))");
  with("tanh", Activation::tanh, "torch.tanh(F.linear(a, b, c))");
  with("sigmoid", Activation::sigmoid, "torch.sigmoid(F.linear(a, b, c))");
  all.push_back({"relu",
                 {{{5, 3}, 0.1, 1}, {{4, 3}, 0.1, 1}, {{4}, -1.2, 0}},
                 [](std::span<const Var> x) { return linear(x[0], x[1], x[2], Activation::relu); },
                 "torch.relu(F.linear(a, b, c))"});
  all.push_back({"no bias",
                 {{{2, 3, 5}}, {{18, 5}}},
                 [](std::span<const Var> x) { return linear(x[0], x[1]); },
                 "F.linear(a, b)"});
  all.push_back({"no bias, gelu",
                 {{{7, 5}}, {{3, 5}}},
                 [](std::span<const Var> x) { return linear(x[0], x[1], {}, Activation::gelu); },
                 "F.gelu(F.linear(a, b))"});
  all.push_back({"one row",
                 {{{6}}, {{17, 6}}, {{17}}},
                 [](std::span<const Var> x) { return linear(x[0], x[1], x[2]); },
                 "F.linear(a, b, c)"});
  return all;
}

// What a backward pass needs. `slope` is f'(Z), undefined where f is the identity.
struct Saved {
  LinearSizes sizes;
  Tensor x, w, slope;
};

template <class T>
void backward(Saved& s, bool bias, const Tensor& dy, Gradients& dx) {
  const Index rows = s.sizes.rows, in = s.sizes.in, out = s.sizes.out;
  const int threads = dx.tape().threads();
  const kernels::Team team{threads, dx.tape().pool(), dx.tape().matrix_units()};
  // A backward pass runs once, so the slope may become dz where it lies.
  Tensor dz = s.slope.defined() ? s.slope : dy;
  std::optional<Into> db;
  if (bias && dx.wanted(2)) db = dx.into(2);
  if (db || s.slope.defined()) {
    detail::column_sums<T>(threads, dy.data<T>(), s.slope.defined() ? dz.data<T>() : nullptr,
                           db ? db->grad.template data<T>() : nullptr, db && db->add, rows, out, out);
  }
  const T* g = std::as_const(dz).data<T>();
  if (dx.wanted(1)) {
    Into to = dx.into(1);
    kernels::product<T>(team, out, in, rows, 1, {g, out, kernels::Transpose::yes}, {std::as_const(s.x).data<T>(), in},
                        to.add, to.grad.data<T>(), in);
  }
  if (dx.wanted(0)) {  // X is read no more
    Into to = dx.into(0, s.x);
    kernels::product<T>(team, rows, in, out, 1, {g, out}, {s.w.data<T>(), in}, to.add, to.grad.data<T>(), in);
  }
}

}  // namespace

const Op linear_op{"linear", examples, 1e-8, [](Inputs inputs, const Tensor& y) {
                     return 2.0 * static_cast<double>(y.size() * inputs[1].dim(1));
                   }};

Var linear(const Var& x, const Var& w, const Var& b, Activation activation) {
  const LinearSizes sizes = linear_sizes(linear_op.name, x, w, b);
  Tape& tape = x.tape();
  const Shape shape = x.shape().with(x.rank() - 1, sizes.out);
  Tensor y = tape.empty(shape, x.dtype());
  const bool curved = activation != Activation::none && tape.recording();
  Tensor slope = curved ? tape.empty(shape, x.dtype()) : Tensor();
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* bias = b.defined() ? b.value().data<T>() : nullptr;
    T *out = y.data<T>(), *d = curved ? slope.data<T>() : nullptr;
    visit(activation, [&](auto f) {
      const auto finish = [&](Index row, Index rows, Index col, Index cols) {
        for (Index i = row; i < row + rows; ++i) {
          const Index at = i * sizes.out + col;
          const T* const b_at = bias ? bias + col : nullptr;
          if (d) finish_row<T, true>(f, b_at, out + at, d + at, cols);
          else finish_row<T, false>(f, b_at, out + at, nullptr, cols);
        }
      };
      const kernels::Epilogue epilogue =
          !bias && activation == Activation::none ? kernels::Epilogue() : kernels::Epilogue(finish);
      const kernels::Team team{tape.threads(), tape.pool(), tape.matrix_units()};
      const T* const in = x.value().data<T>();
      if (const Tensor* panels = tape.workspace<FrozenWeights>().find(w.value()))
        kernels::packed_product<T>(team, sizes.rows, sizes.out, sizes.in, in, sizes.in, panels->data<T>(), out,
                                   sizes.out, epilogue);
      else
        kernels::product<T>(team, sizes.rows, sizes.out, sizes.in, 1, {in, sizes.in},
                            {w.value().data<T>(), sizes.in, kernels::Transpose::yes}, 0, out, sizes.out, epilogue);
    });
  });
  Saved saved{sizes, x.value(), w.value(), slope};
  auto play = [saved = std::move(saved), bias = b.defined()](const Tensor& dy, Gradients& dx) mutable {
    dispatch(dy.dtype(), [&]<class T>(Type<T>) { backward<T>(saved, bias, dy, dx); });
  };
  return b.defined() ? Tape::record(linear_op, {x, w, b}, std::move(y), std::move(play))
                     : Tape::record(linear_op, {x, w}, std::move(y), std::move(play));
}

LinearSizes linear_sizes(std::string_view who, const Var& x, const Var& w, const Var& b) {
  require(w.rank() == 2, who, "the weight has shape {}; [out, in] was wanted", w.shape());
  require(x.rank() >= 1 && x.shape().back() == w.dim(1), who,
          "the input has shape {}, but the weight {}: the last axis of the input must be {}", x.shape(), w.shape(),
          w.dim(1));
  require(x.dtype() == w.dtype(), who, "the input is {}, but the weight {}; convert one of them", x.dtype(), w.dtype());
  if (b.defined()) {
    require(b.rank() == 1 && b.dim(0) == w.dim(0), who, "the bias has shape {}, but the weight {}: [{}] was wanted",
            b.shape(), w.shape(), w.dim(0));
    require(b.dtype() == w.dtype(), who, "the bias is {}, but the weight {}; convert one of them", b.dtype(),
            w.dtype());
  }
  return {x.value().matrix_rows(), w.dim(1), w.dim(0)};
}

}  // namespace tempera
