#include "core/ops/matmul.h"

#include "core/broadcast.h"
#include "core/kernels/product.h"

namespace tempera {
namespace {

Transpose flipped(Transpose t) {
  return t == Transpose::no ? Transpose::yes : Transpose::no;
}

Shape leading(const Shape& shape) {
  return Shape(std::span(shape.begin(), static_cast<std::size_t>(shape.rank() - 2)));
}

// The sizes of Y = op(A) op(B), and how the batches line up.
struct Plan {
  Transpose ta, tb;
  Index n, m, k;
  BroadcastLoops<2> batches;
  Shape output;
  Index size_a, size_b;  // elements of one matrix
  Index ld_a, ld_b;

  Plan(const Shape& a, const Shape& b, Transpose ta_, Transpose tb_)
      : ta(ta_),
        tb(tb_),
        n(ta == Transpose::no ? a.back(1) : a.back()),
        m(tb == Transpose::no ? b.back() : b.back(1)),
        k(ta == Transpose::no ? a.back() : a.back(1)),
        batches({leading(a), leading(b)}, matmul_op.name),
        output(batches.shape().inserted(batches.shape().rank(), n)),
        size_a(a.back() * a.back(1)),
        size_b(b.back() * b.back(1)),
        ld_a(a.back()),
        ld_b(b.back()) {
    output = output.inserted(output.rank(), m);
    // One matrix B for all rows of A: a single tall product.
    if (b.rank() == 2 && ta == Transpose::no) {
      n *= leading(a).size();
      batches = BroadcastLoops<2>({Shape{}, Shape{}}, matmul_op.name);
    }
  }
};

template <class T>
void forward(const kernels::Team& team, const Plan& p, const T* a, const T* b, T* y) {
  for (Index run = 0; run < p.batches.outer(); ++run) {
    const auto [at_a, at_b] = p.batches.offsets(run);
    const kernels::Batch batch{p.batches.inner(), p.batches.step(0) * p.size_a, p.batches.step(1) * p.size_b,
                               p.n * p.m};
    kernels::products<T>(team, batch, p.n, p.m, p.k, 1, {a + at_a * p.size_a, p.ld_a, p.ta},
                         {b + at_b * p.size_b, p.ld_b, p.tb}, 0, y + run * p.batches.inner() * p.n * p.m, p.m);
  }
}

// dA = dY op(B)^T, or its transpose op(B) dY^T where op transposes A.
template <class T>
void backward_a(const kernels::Team& team, const Plan& p, const T* dy, const T* b, T* da, T beta) {
  const Index size_y = p.n * p.m;
  for (Index run = 0; run < p.batches.outer(); ++run) {
    const auto [at_a, at_b] = p.batches.offsets(run);
    const Index step_b = p.batches.step(1) * p.size_b, step_a = p.batches.step(0) * p.size_a;
    const T *dy_run = dy + run * p.batches.inner() * size_y, *b_run = b + at_b * p.size_b;
    T* da_run = da + at_a * p.size_a;
    if (p.ta == Transpose::no)
      kernels::products<T>(team, {p.batches.inner(), size_y, step_b, step_a}, p.n, p.k, p.m, 1, {dy_run, p.m},
                           {b_run, p.ld_b, flipped(p.tb)}, beta, da_run, p.ld_a);
    else
      kernels::products<T>(team, {p.batches.inner(), step_b, size_y, step_a}, p.k, p.n, p.m, 1, {b_run, p.ld_b, p.tb},
                           {dy_run, p.m, Transpose::yes}, beta, da_run, p.ld_a);
  }
}

// dB = op(A)^T dY, or its transpose dY^T op(A) where op transposes B.
template <class T>
void backward_b(const kernels::Team& team, const Plan& p, const T* dy, const T* a, T* db, T beta) {
  const Index size_y = p.n * p.m;
  for (Index run = 0; run < p.batches.outer(); ++run) {
    const auto [at_a, at_b] = p.batches.offsets(run);
    const Index step_b = p.batches.step(1) * p.size_b, step_a = p.batches.step(0) * p.size_a;
    const T *dy_run = dy + run * p.batches.inner() * size_y, *a_run = a + at_a * p.size_a;
    T* db_run = db + at_b * p.size_b;
    if (p.tb == Transpose::no)
      kernels::products<T>(team, {p.batches.inner(), step_a, size_y, step_b}, p.k, p.m, p.n, 1,
                           {a_run, p.ld_a, flipped(p.ta)}, {dy_run, p.m}, beta, db_run, p.ld_b);
    else
      kernels::products<T>(team, {p.batches.inner(), size_y, step_a, step_b}, p.m, p.k, p.n, 1,
                           {dy_run, p.m, Transpose::yes}, {a_run, p.ld_a, p.ta}, beta, db_run, p.ld_b);
  }
}

std::vector<Example> examples() {
  const auto product = [](Transpose ta, Transpose tb) {
    return [=](std::span<const Var> x) { return matmul(x[0], x[1], ta, tb); };
  };
  constexpr Transpose no = Transpose::no, yes = Transpose::yes;
  return {
      {"plain", {{{3, 5}}, {{5, 4}}}, product(no, no), "a @ b"},
      {"a transposed", {{{5, 3}}, {{5, 4}}}, product(yes, no), "a.mT @ b"},
      {"b transposed", {{{3, 5}}, {{4, 5}}}, product(no, yes), "a @ b.mT"},
      {"both transposed", {{{5, 3}}, {{4, 5}}}, product(yes, yes), "a.mT @ b.mT"},
      {"vector code and tail", {{{2, 19}}, {{19, 17}}}, product(no, no), "a @ b"},
      {"batched", {{{2, 3, 2, 4}}, {{2, 3, 4, 3}}}, product(no, no), "a @ b"},
      {"one b for all", {{{2, 3, 4}}, {{4, 2}}}, product(no, no), "a @ b"},
      {"one transposed b for all", {{{2, 3, 4}}, {{2, 4}}}, product(no, yes), "a @ b.mT"},
      {"one a for all", {{{3, 4}}, {{2, 4, 2}}}, product(no, no), "a @ b"},
      {"broadcast both ways", {{{2, 1, 4, 2}}, {{3, 4, 3}}}, product(yes, no), "a.mT @ b"},
      {"broadcast within", {{{2, 1, 2, 3}}, {{1, 3, 2, 3}}}, product(no, yes), "a @ b.mT"},
  };
}

}  // namespace

// Of the last two extents of A one is N, the other K.
const Op matmul_op{"matmul", examples, 1e-8, [](Inputs inputs, const Tensor& y) {
                     const Shape& a = inputs[0].shape();
                     const Index n = y.shape().back(1);
                     return n == 0 ? 0 : 2.0 * static_cast<double>(y.size() * (a.back() * a.back(1) / n));
                   }};

Var matmul(const Var& a, const Var& b, Transpose ta, Transpose tb) {
  const Shape &sa = a.shape(), &sb = b.shape();
  require(sa.rank() >= 2 && sb.rank() >= 2, matmul_op.name,
          "matrices were wanted, but the shapes are {} and {}; insert an axis of 1 with unsqueeze", sa, sb);
  require(a.dtype() == b.dtype(), matmul_op.name, "inputs are {} and {}; convert one of them", a.dtype(), b.dtype());
  const Index inner_a = ta == Transpose::no ? sa.back() : sa.back(1);
  const Index inner_b = tb == Transpose::no ? sb.back(1) : sb.back();
  require(inner_a == inner_b, matmul_op.name,
          "inner extents differ: {} of a {}{} and {} of b {}{}; did you mean to transpose one of them?", inner_a, sa,
          ta == Transpose::yes ? "^T" : "", inner_b, sb, tb == Transpose::yes ? "^T" : "");
  const Plan plan(sa, sb, ta, tb);
  Tape& tape = a.tape();
  Tensor y = tape.empty(plan.output, a.dtype());
  dispatch(a.dtype(), [&]<class T>(Type<T>) {
    forward<T>({tape.threads(), tape.pool(), tape.matrix_units()}, plan, a.value().data<T>(), b.value().data<T>(),
               y.data<T>());
  });
  return Tape::record(matmul_op, {a, b}, std::move(y),
                      [plan, va = a.value(), vb = b.value()](const Tensor& dy, Gradients& dx) {
                        const kernels::Team team{dx.tape().threads(), dx.tape().pool(), dx.tape().matrix_units()};
                        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
                          for (int input = 0; input < 2; ++input) {
                            if (!dx.wanted(input)) continue;
                            Into to = dx.into(input);
                            const bool summed = plan.batches.reduced(static_cast<std::size_t>(input));
                            if (summed && !to.add) to.grad.fill(0);
                            const T beta = to.add || summed ? T(1) : T(0);
                            if (input == 0)
                              backward_a<T>(team, plan, dy.data<T>(), vb.data<T>(), to.grad.data<T>(), beta);
                            else backward_b<T>(team, plan, dy.data<T>(), va.data<T>(), to.grad.data<T>(), beta);
                          }
                        });
                      });
}

}  // namespace tempera
