#include "core/ops/gru.h"

#include "core/kernels/product.h"
#include "core/lanes.h"
#include "core/ops/affine.h"
#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kRows = 8;      // samples of a panel
constexpr Index kColumns = 64;  // of a panel of column sums

struct Sizes {
  Index samples, steps, width;
  Index gates() const { return 3 * width; }
};

// What a backward pass needs. kept [B, N, 4, D] holds r, z, n, c_n.
struct Saved {
  Sizes sizes;
  Tensor weight, start, y, kept;
};

// h_{t-1} of all samples, and the distance between them.
template <class T>
kernels::Operand<T> state_before(const Sizes& s, const T* start, const T* y, Index t) {
  return t == 0 ? kernels::Operand<T>{start, s.width} : kernels::Operand<T>{y + (t - 1) * s.width, s.steps * s.width};
}

// One step of one sample. c holds h_{t-1} W^T without the bias; kept may be null.
template <class T>
void forward_row(Index width, const T* a, const T* c, const T* bias, const T* before, T* h, T* kept) {
  using L = Lanes<T>;
  for (Index i = 0; i < width; i += lane_width<T>) {
    const Index count = std::min(lane_width<T>, width - i);
    const auto part = [&](const T* from, Index gate) { return L::load(from + gate * width + i, count); };
    const L r = sigmoid(part(a, 0) + (part(c, 0) + part(bias, 0)));
    const L z = sigmoid(part(a, 1) + (part(c, 1) + part(bias, 1)));
    const L cn = part(c, 2) + part(bias, 2);
    const L n = tanh(part(a, 2) + r * cn);
    (n + z * (L::load(before + i, count) - n)).store(h + i, count);
    if (!kept) continue;
    r.store(kept + i, count);
    z.store(kept + width + i, count);
    n.store(kept + 2 * width + i, count);
    cn.store(kept + 3 * width + i, count);
  }
}

// The gradients of one step of one sample. carry: what comes back from the next step, and then e z. da may be null.
template <class T>
void backward_row(Index width, const T* dy, const T* kept, const T* before, T* carry, T* dc, T* da, bool add) {
  using L = Lanes<T>;
  for (Index i = 0; i < width; i += lane_width<T>) {
    const Index count = std::min(lane_width<T>, width - i);
    const auto part = [&](Index gate) { return L::load(kept + gate * width + i, count); };
    const L r = part(0), z = part(1), n = part(2), one(1);
    const L e = L::load(dy + i, count) + L::load(carry + i, count);
    const L an = e * (one - z) * (one - n * n);
    const L az = e * (L::load(before + i, count) - n) * z * (one - z);
    const L ar = an * part(3) * r * (one - r);
    (e * z).store(carry + i, count);
    ar.store(dc + i, count);
    az.store(dc + width + i, count);
    (an * r).store(dc + 2 * width + i, count);
    if (!da) continue;
    const auto give = [&](Index gate, L g) {
      T* to = da + gate * width + i;
      (add ? L::load(to, count) + g : g).store(to, count);
    };
    give(0, ar), give(1, az), give(2, an);
  }
}

template <class T>
void forward(Tape& tape, const Sizes& s, const Tensor& gates, const Tensor& weight, const Tensor& bias,
             const Tensor& start, Tensor& y, Tensor& kept) {
  const kernels::Team team{tape.threads(), tape.pool(), tape.matrix_units()};
  Tensor products = tape.empty({s.samples, s.gates()}, y.dtype());
  const T *a = gates.data<T>(), *b = bias.data<T>();
  T *c = products.data<T>(), *h = y.data<T>(), *k = kept.defined() ? kept.data<T>() : nullptr;
  for (Index t = 0; t < s.steps; ++t) {
    const kernels::Operand<T> before = state_before<T>(s, start.data<T>(), h, t);
    kernels::product<T>(team, s.samples, s.gates(), s.width, 1, before,
                        {weight.data<T>(), s.width, kernels::Transpose::yes}, 0, c, s.gates());
    parallel_panels(tape.threads(), s.samples, kRows, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const Index at = i * s.steps + t;
        forward_row<T>(s.width, a + at * s.gates(), c + i * s.gates(), b, before.at + i * before.ld, h + at * s.width,
                       k ? k + at * 4 * s.width : nullptr);
      }
    });
  }
}

// dW (+)= sum_t dc_t^T h_{t-1}
template <class T>
void weight_gradient(const kernels::Team& team, const Saved& saved, const T* dc, Into to) {
  const Sizes& s = saved.sizes;
  const Index rows = s.steps * s.gates();
  T* dw = to.grad.data<T>();
  if (!to.add) to.grad.fill(0);
  if (s.steps == 0) return;
  kernels::product<T>(team, s.gates(), s.width, s.samples, 1, {dc, rows, kernels::Transpose::yes},
                      {saved.start.data<T>(), s.width}, 1, dw, s.width);
  kernels::products<T>(team, {s.samples, rows, s.steps * s.width, 0}, s.gates(), s.width, s.steps - 1, 1,
                       {dc + s.gates(), s.gates(), kernels::Transpose::yes}, {saved.y.data<T>(), s.width}, 1, dw,
                       s.width);
}

template <class T>
void bias_gradient(int threads, const Sizes& s, const T* dc, Into to) {
  if (!to.add) to.grad.fill(0);
  T* db = to.grad.data<T>();
  parallel_panels(threads, s.gates(), kColumns, [&](Index first, Index last) {
    for (Index row = 0; row < s.samples * s.steps; ++row)
      for (Index j = first; j < last; ++j) db[j] += dc[row * s.gates() + j];
  });
}

template <class T>
void backward(const Saved& saved, const Tensor& dy, Gradients& dx) {
  const Sizes& s = saved.sizes;
  const int threads = dx.tape().threads();
  const kernels::Team team{threads, dx.tape().pool(), dx.tape().matrix_units()};
  Tensor dc = dx.empty({s.samples, s.steps, s.gates()}, dy.dtype());
  Tensor carry = dx.empty({s.samples, s.width}, dy.dtype());
  carry.fill(0);
  Into to = dx.wanted(0) ? dx.into(0) : Into{};
  T *pc = dc.data<T>(), *back = carry.data<T>(), *da = to.grad.defined() ? to.grad.data<T>() : nullptr;
  const T *g = dy.data<T>(), *kept = saved.kept.data<T>();
  for (Index t = s.steps - 1; t >= 0; --t) {
    const auto before = state_before<T>(s, saved.start.data<T>(), saved.y.data<T>(), t);
    parallel_panels(threads, s.samples, kRows, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const Index at = i * s.steps + t;
        backward_row<T>(s.width, g + at * s.width, kept + at * 4 * s.width, before.at + i * before.ld,
                        back + i * s.width, pc + at * s.gates(), da ? da + at * s.gates() : nullptr, to.add);
      }
    });
    kernels::product<T>(team, s.samples, s.width, s.gates(), 1, {pc + t * s.gates(), s.steps * s.gates()},
                        {saved.weight.data<T>(), s.width}, 1, back, s.width);
  }
  if (dx.wanted(1)) weight_gradient<T>(team, saved, pc, dx.into(1));
  if (dx.wanted(2)) bias_gradient<T>(threads, s, pc, dx.into(2));
  if (dx.wanted(3)) dx.add(3, carry);
}

std::vector<Example> examples() {
  // The input's part comes ready made: W_ih = 1, b_ih = 0.
  const auto torch = [](Index width, const char* bias, const char* start) {
    return fmt::format(
        "torch._VF.gru(a, {2}, [torch.eye({0}, dtype=a.dtype), b, torch.zeros({0}, dtype=a.dtype), {1}], True, 1, 0.0, "
        "False, False, True)[0]",
        3 * width, bias, start);
  };
  const auto call = [](std::span<const Var> x) { return gru(x[0], x[1], x[2], x[3]); };
  return {
      {"a batch", {{{2, 4, 9}}, {{9, 3}}, {{9}}, {{2, 3}}}, call, torch(3, "c", "d[None]")},
      {"one step", {{{3, 1, 6}}, {{6, 2}}, {{6}}, {{3, 2}}}, call, torch(2, "c", "d[None]")},
      {"vector code and tail",
       {{{1, 2, 57}}, {{57, 19}, -0.3, 0.3}, {{57}}, {{1, 19}}},
       call,
       torch(19, "c", "d[None]")},
      {"no bias, from nothing",
       {{{2, 5, 3}}, {{3, 1}}},
       [](std::span<const Var> x) { return gru(x[0], x[1]); },
       torch(1, "torch.zeros(3, dtype=a.dtype)", "torch.zeros(1, 2, 1, dtype=a.dtype)")},
  };
}

Sizes checked(const Var& gates, const Var& weight, const Var& start) {
  const std::string_view who = gru_op.name;
  require_floating(gates.value(), "gates", who);
  require(weight.rank() == 2 && weight.dim(0) == 3 * weight.dim(1), who, "the weight is {}; [3 D, D] was wanted",
          weight.shape());
  const Index width = weight.dim(1);
  require(gates.rank() == 3 && gates.dim(2) == 3 * width, who,
          "the gates are {}, but the weight {}; [B, N, {}] was wanted", gates.shape(), weight.shape(), 3 * width);
  require(gates.dtype() == weight.dtype(), who, "the gates are {}, but the weight {}; convert one of them",
          gates.dtype(), weight.dtype());
  require(!start.defined() || (start.shape() == Shape{gates.dim(0), width} && start.dtype() == gates.dtype()), who,
          "the start is {}; {} [{}, {}] was wanted", start.value(), gates.dtype(), gates.dim(0), width);
  return {gates.dim(0), gates.dim(1), width};
}

}  // namespace

const Op gru_op{"gru", examples, 1e-8, [](Inputs inputs, const Tensor&) {
                  return 2.0 * static_cast<double>(inputs[0].size() * inputs[1].dim(1));
                }};

Var gru(const Var& gates, const Var& weight, const Var& bias, const Var& start) {
  const Sizes s = checked(gates, weight, start);
  Tape& tape = gates.tape();
  const Var b = optional_feature(bias, "the bias", 0, gates, s.gates(), gru_op.name);
  const Var h0 = start.defined() ? start : tape.constant(tape.zeros({s.samples, s.width}, gates.dtype()));
  Tensor y = tape.empty({s.samples, s.steps, s.width}, gates.dtype());
  Tensor kept = tape.recording() ? tape.empty({s.samples, s.steps, 4, s.width}, gates.dtype()) : Tensor();
  dispatch(gates.dtype(), [&]<class T>(Type<T>) {
    forward<T>(tape, s, gates.value(), weight.value(), b.value(), h0.value(), y, kept);
  });
  Saved saved{s, weight.value(), h0.value(), y, kept};
  return Tape::record(gru_op, {gates, weight, b, h0}, std::move(y),
                      [saved = std::move(saved)](const Tensor& dy, Gradients& dx) {
                        dispatch(dy.dtype(), [&]<class T>(Type<T>) { backward<T>(saved, dy, dx); });
                      });
}

}  // namespace tempera
