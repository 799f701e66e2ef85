#include "core/ops/triangular_solve.h"

#include "core/parallel.h"

namespace tempera {
namespace {

struct Extents {
  Index count, n, m;
};

// Sum of x[i] y[i].
template <class T>
T dot(const T* x, const T* y, Index count) {
  constexpr Index W = lane_width<T>;
  const Index whole = count / W * W;
  Lanes<T> sum(0);
  for (Index i = 0; i < whole; i += W) sum += Lanes<T>::load(x + i) * Lanes<T>::load(y + i);
  if (whole < count) sum += Lanes<T>::load(x + whole, count - whole) * Lanes<T>::load(y + whole, count - whole);
  return lane_sum(sum);
}

// x = op(A)^-1 x for every matrix.
template <class T>
void solve(const Extents& e, const Tensor& a, Tensor& x, const TriangularOptions& options, int threads) {
  const T* matrix = a.data<T>();
  T* out = x.data<T>();
  parallel_panels(threads, e.count, 1,
                  [&](Index i, Index) { substitute(matrix + i * e.n * e.n, out + i * e.n * e.m, e.n, e.m, options); });
}

// dA from dB and X.
template <class T>
void backward_matrix(const Extents& e, const Tensor& db, const Tensor& x, Into to, const TriangularOptions& options,
                     int threads) {
  const Tensor &left = options.transpose ? x : db, &right = options.transpose ? db : x;
  const T *u = left.data<T>(), *v = right.data<T>();
  T* out = to.grad.data<T>();
  parallel_panels(threads, e.count * e.n, 16, [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index i = row % e.n, entry = row / e.n;
      for (Index j = 0; j < e.n; ++j) {
        const bool read = i == j ? !options.unit_diagonal : (j < i) == options.lower;
        const T share = read ? -dot(u + row * e.m, v + (entry * e.n + j) * e.m, e.m) : T(0);
        out[row * e.n + j] = to.add ? out[row * e.n + j] + share : share;
      }
    }
  });
}

std::vector<Example> examples() {
  const auto with = [](const TriangularOptions& options) {
    return [options](std::span<const Var> x) { return triangular_solve(x[0], x[1], options); };
  };
  return {
      {"lower", {{{2, 3, 3}, 0.5, 1.5}, {{2, 3, 2}}}, with({}), "torch.linalg.solve_triangular(a, b, upper=False)"},
      {"upper",
       {{{3, 3}, 0.5, 1.5}, {{3, 19}}},
       with({.lower = false}),
       "torch.linalg.solve_triangular(a, b, upper=True)"},
      {"lower transposed",
       {{{5, 5}, 0.5, 1.5}, {{5, 3}}},
       with({.transpose = true}),
       "torch.linalg.solve_triangular(a.mT, b, upper=True)"},
      {"upper transposed",
       {{{2, 2, 2}, 0.5, 1.5}, {{2, 2, 1}}},
       with({.lower = false, .transpose = true}),
       "torch.linalg.solve_triangular(a.mT, b, upper=False)"},
      {"unit diagonal",
       {{{4, 4}}, {{4, 2}}},
       with({.unit_diagonal = true}),
       "torch.linalg.solve_triangular(a, b, upper=False, unitriangular=True)"},
  };
}

}  // namespace

const Op triangular_solve_op{"triangular_solve", examples};

Var triangular_solve(const Var& a, const Var& b, const TriangularOptions& options) {
  const std::string_view who = triangular_solve_op.name;
  require(is_floating(a.dtype()) && a.dtype() == b.dtype(), who,
          "A is {} and B {}; both were wanted as float32 or both as float64", a.dtype(), b.dtype());
  require(a.rank() >= 2 && a.shape().back() == a.shape().back(1), who,
          "A is {}; square matrices [.., n, n] were wanted", a.shape());
  require(b.rank() == a.rank() && a.shape() == b.shape().with(b.rank() - 1, a.shape().back()), who,
          "B is {} and A {}; [.., n, m] was wanted for B with the leading axes and the n of A", b.shape(), a.shape());
  const Extents e{a.shape().product(0, a.rank() - 2), a.shape().back(), b.shape().back()};
  for (Index i = 0; !options.unit_diagonal && i < e.count * e.n; ++i)
    require(a.value().at(i * e.n + i % e.n) != 0, who,
            "element {} on the diagonal of matrix {} of A {} is 0, so there is no solution; add to the diagonal",
            i % e.n, i / e.n, a.shape());
  Tape& tape = a.tape();
  Tensor x = b.value().clone(tape.pool());
  dispatch(a.dtype(), [&]<class T>(Type<T>) { solve<T>(e, a.value(), x, options, tape.threads()); });
  return Tape::record(triangular_solve_op, {a, b}, x,
                      [e, options, x, matrix = a.value()](const Tensor& dy, Gradients& dx) {
                        TriangularOptions flipped = options;
                        flipped.transpose = !options.transpose;
                        const int threads = dx.tape().threads();
                        Tensor db = dy.clone(dx.tape().pool());
                        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
                          solve<T>(e, matrix, db, flipped, threads);
                          if (dx.wanted(0)) backward_matrix<T>(e, db, x, dx.into(0), options, threads);
                        });
                        dx.add(1, db);
                      });
}

}  // namespace tempera
