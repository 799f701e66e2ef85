#include "core/ops/linear.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/dual.h"
#include "core/kernels/product.h"
#include "core/parallel.h"

namespace tempera {
namespace {

// z += bias, y = f(z) for columns [col, col + cols) of one row. y and z may be the same.
template <class T, class F>
void finish_row(F f, const T* bias, T* z, T* y, Index cols) {
  constexpr Index W = lane_width<T>;
  const auto step = [&](Index i, Index count) {
    Lanes<T> sum = Lanes<T>::load(z + i, count);
    if (bias) sum += Lanes<T>::load(bias + i, count);
    sum.store(z + i, count);
    Lanes<T>(f(sum)).store(y + i, count);
  };
  Index i = 0;
  for (; i + W <= cols; i += W) step(i, W);
  if (i < cols) step(i, cols - i);
}

// dz = dy f'(z), and its column sums into db, for all rows of at most kGroup vectors of columns from `col` on. Row by
// row, so that memory is read in runs of cache lines.
constexpr Index kGroup = 4;

template <class T, class F>
void backward_columns(F f, const T* z, const T* dy, T* dz, T* db, bool add, Index rows, Index stride, Index col,
                      Index cols) {
  constexpr Index W = lane_width<T>;
  using D = Dual<T, 1>;
  const auto count = [&](Index j) { return std::clamp<Index>(cols - j * W, 0, W); };
  std::array<Lanes<T>, kGroup> sum;
  for (Index j = 0; j < kGroup; ++j)
    sum[static_cast<std::size_t>(j)] = db && add ? Lanes<T>::load(db + col + j * W, count(j)) : Lanes<T>(0);
  for (Index row = 0; row < rows; ++row)
    for (Index j = 0; j < kGroup; ++j) {
      const Index at = row * stride + col + j * W;
      Lanes<T> g = Lanes<T>::load(dy + at, count(j));
      if constexpr (!std::is_same_v<F, formulas::Identity>) {
        g *= f(D::input(Lanes<T>::load(z + at, count(j)), 0)).d[0];
        g.store(dz + at, count(j));
      }
      sum[static_cast<std::size_t>(j)] += g;
    }
  for (Index j = 0; db && j < kGroup; ++j) sum[static_cast<std::size_t>(j)].store(db + col + j * W, count(j));
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

// What a backward pass needs. `z` is undefined where f is the identity.
struct Saved {
  LinearSizes sizes;
  Activation activation;
  Tensor x, w, z;
};

template <class T>
void backward(const Saved& s, bool bias, const Tensor& dy, Gradients& dx) {
  const auto [rows, in, out] = s.sizes;
  const int threads = dx.tape().threads();
  const kernels::Team team{threads, dx.tape().pool()};
  Tensor dz = s.z.defined() ? dx.empty(dy.shape(), dy.dtype()) : dy;
  std::optional<Into> db;
  if (bias && dx.wanted(2)) db = dx.into(2);
  if (db || s.z.defined()) {
    const T* z = s.z.defined() ? s.z.data<T>() : nullptr;
    T *to_dz = s.z.defined() ? dz.data<T>() : nullptr, *to_db = db ? db->grad.template data<T>() : nullptr;
    const bool add = db && db->add;
    // Each thread owns columns, so a sum over rows stays in one hand.
    constexpr Index kColumns = kGroup * lane_width<T>;
    visit(s.activation, [&](auto f) {
      parallel_panels(threads, out, kColumns, [&](Index first, Index last) {
        backward_columns<T>(f, z, dy.data<T>(), to_dz, to_db, add, rows, out, first, last - first);
      });
    });
  }
  const T* g = std::as_const(dz).data<T>();
  if (dx.wanted(0)) {
    Into to = dx.into(0);
    kernels::product<T>(team, rows, in, out, 1, {g, out}, {s.w.data<T>(), in}, to.add, to.grad.data<T>(), in);
  }
  if (dx.wanted(1)) {
    Into to = dx.into(1);
    kernels::product<T>(team, out, in, rows, 1, {g, out, kernels::Transpose::yes}, {s.x.data<T>(), in}, to.add,
                        to.grad.data<T>(), in);
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
  const bool keeps_z = activation != Activation::none && tape.recording();
  Tensor z = keeps_z ? tape.empty(shape, x.dtype()) : y;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* bias = b.defined() ? b.value().data<T>() : nullptr;
    T *pz = z.data<T>(), *py = y.data<T>();
    visit(activation, [&](auto f) {
      const auto finish = [&](Index row, Index rows, Index col, Index cols) {
        for (Index i = row; i < row + rows; ++i)
          finish_row(f, bias ? bias + col : nullptr, pz + i * sizes.out + col, py + i * sizes.out + col, cols);
      };
      const bool plain = !bias && activation == Activation::none;
      kernels::product<T>({tape.threads(), tape.pool()}, sizes.rows, sizes.out, sizes.in, 1,
                          {x.value().data<T>(), sizes.in}, {w.value().data<T>(), sizes.in, kernels::Transpose::yes}, 0,
                          pz, sizes.out, plain ? kernels::Epilogue() : kernels::Epilogue(finish));
    });
  });
  Saved saved{sizes, activation, x.value(), w.value(), keeps_z ? z : Tensor()};
  const auto play = [saved = std::move(saved), bias = b.defined()](const Tensor& dy, Gradients& dx) {
    dispatch(dy.dtype(), [&]<class T>(Type<T>) { backward<T>(saved, bias, dy, dx); });
  };
  return b.defined() ? Tape::record(linear_op, {x, w, b}, std::move(y), play)
                     : Tape::record(linear_op, {x, w}, std::move(y), play);
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
