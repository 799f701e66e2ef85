#include "attention/normalizers/sinkhorn.h"

#include <cmath>
#include <limits>

#include "attention/matrix_normalizer.h"
#include "core/row_loops.h"

namespace tempera {
namespace {

using detail::each_vector;
using detail::load_vector;
using detail::row_sums;
using detail::store_vector;

template <class T>
constexpr T kLow = -std::numeric_limits<T>::infinity();

// u and v after each step: step t writes row t of the history, and reads row t - 1 of the other kind.
template <class T>
struct Potentials {
  T* history;    // [steps + 1, tokens]; row 0 is v = 0
  T *top, *sum;  // [tokens], of columns
  Index tokens;
  T* after(Index step) const { return history + (step + 1) * tokens; }
  T* before(Index step) const { return history + step * tokens; }
};

template <class T>
void update_rows(const WholeMatrix<T>& m, const T* v, T* u, T shift) {
  using L = Lanes<T>;
  for (Index i = 0; i < m.tokens; ++i) {
    const T* const s = m.scores + i * m.stride;
    L top(kLow<T>);
    each_vector<T>(m.tokens, [&](Index j, Index count) {
      top = max(top, load_vector(s + j, count, kLow<T>) + load_vector(v + j, count, T(0)));
    });
    const T high = lane_max(top);
    const auto [sum] = row_sums<1, T>(m.tokens, [&](Index j, Index count, auto& to) {
      to[0] += exp(load_vector(s + j, count, kLow<T>) + load_vector(v + j, count, T(0)) - L(high));
    });
    u[i] = shift - high - std::log(sum);
  }
}

template <class T>
void update_columns(const WholeMatrix<T>& m, const T* u, T* v, T shift, const Potentials<T>& p) {
  using L = Lanes<T>;
  std::fill_n(p.top, m.tokens, kLow<T>);
  std::fill_n(p.sum, m.tokens, T(0));
  for (Index i = 0; i < m.tokens; ++i)
    each_vector<T>(m.tokens, [&](Index j, Index count) {
      const L s = load_vector(m.scores + i * m.stride + j, count, T(0)) + L(u[i]);
      store_vector(max(load_vector(p.top + j, count, T(0)), s), p.top + j, count);
    });
  for (Index i = 0; i < m.tokens; ++i)
    each_vector<T>(m.tokens, [&](Index j, Index count) {
      const L s = load_vector(m.scores + i * m.stride + j, count, T(0)) + L(u[i]);
      store_vector(load_vector(p.sum + j, count, T(0)) + exp(s - load_vector(p.top + j, count, T(0))), p.sum + j,
                   count);
    });
  for (Index j = 0; j < m.tokens; ++j) v[j] = shift - p.top[j] - std::log(p.sum[j]);
}

class Sinkhorn : public MatrixNormalizer<Sinkhorn> {
 public:
  explicit Sinkhorn(int steps) : MatrixNormalizer({}), steps_(steps) {}

  Index scratch(Index rows, Index) const override { return (steps_ + 5) * rows; }

  template <class T>
  void weigh(const WholeMatrix<T>& m, T* w) const {
    using L = Lanes<T>;
    const Potentials<T> p = iterate(m);
    const T *u = p.after(steps_ - 1), *v = p.before(steps_ - 1);
    const T log_tokens = std::log(static_cast<T>(m.tokens));
    for (Index i = 0; i < m.tokens; ++i)
      each_vector<T>(m.tokens, [&](Index j, Index count) {
        const L s = load_vector(m.scores + i * m.stride + j, count, T(0));
        store_vector(exp(s + load_vector(v + j, count, T(0)) + L(u[i] + log_tokens)), w + i * m.stride + j, count);
      });
  }

  // du and dv are completed and consumed from the last step to the first. The step that gave u_i has
  //   du_i/dS_ij = -A_ij,  du_i/dv_j = -A_ij,   A_ij = T exp(S_ij + v_j + u_i);    the same for v_j along columns.
  template <class T>
  void differentiate(const WholeMatrix<T>& m, const T* w, const MatrixGradient<T>& to) const {
    using L = Lanes<T>;
    const Potentials<T> p = iterate(m);
    T *du = p.top, *dv = p.sum;
    std::fill_n(dv, m.tokens, T(0));
    for (Index i = 0; i < m.tokens; ++i) {
      const Index row = i * m.stride;
      const auto [total] = row_sums<1, T>(m.tokens, [&](Index j, Index count, auto& sums) {
        const L g = load_vector(w + row + j, count, T(0)) * load_vector(to.dw + row + j, count, T(0));
        store_vector(g, to.ds + row + j, count);
        store_vector(load_vector(dv + j, count, T(0)) + g, dv + j, count);
        sums[0] += g;
      });
      du[i] = total;
    }
    const T log_tokens = std::log(static_cast<T>(m.tokens));
    for (Index step = steps_ - 1; step >= 0; --step) {
      const bool rows = step % 2 == 0;
      const T *u = rows ? p.after(step) : p.before(step), *v = rows ? p.before(step) : p.after(step);
      // What flows into the other potential starts anew: its own gradient was consumed by the step after this one,
      // except at the last step, where both meet.
      T *from = rows ? du : dv, *into = rows ? dv : du;
      for (Index i = 0; i < m.tokens; ++i) {
        const Index row = i * m.stride;
        const auto [total] = row_sums<1, T>(m.tokens, [&](Index j, Index count, auto& sums) {
          const L a = exp(load_vector(m.scores + row + j, count, kLow<T>) + load_vector(v + j, count, T(0)) +
                          L(u[i] + log_tokens));
          const L g = a * (rows ? L(from[i]) : load_vector(from + j, count, T(0)));
          store_vector(load_vector(to.ds + row + j, count, T(0)) - g, to.ds + row + j, count);
          if (rows) store_vector(load_vector(into + j, count, T(0)) - g, into + j, count);
          sums[0] += g;
        });
        if (!rows) into[i] -= total;
      }
      std::fill_n(from, m.tokens, T(0));
    }
  }

 private:
  template <class T>
  Potentials<T> iterate(const WholeMatrix<T>& m) const {
    const Potentials<T> p{m.scratch, m.scratch + (steps_ + 1) * m.tokens, m.scratch + (steps_ + 2) * m.tokens,
                          m.tokens};
    const T shift = -std::log(static_cast<T>(m.tokens));
    std::fill_n(p.history, m.tokens, T(0));
    for (Index step = 0; step < steps_; ++step) {
      if (step % 2 == 0) update_rows(m, p.before(step), p.after(step), shift);
      else update_columns(m, p.before(step), p.after(step), shift, p);
    }
    return p;
  }

  int steps_;
};

}  // namespace

void SinkhornOptions::describe(Fields& f) {
  f("steps", steps, "odd; 1 is the softmax, 3, 5 and 21 are usual", between(1, 999));
}

std::vector<Problem> SinkhornOptions::problems() const {
  if (steps % 2 == 0) return {{"steps", fmt::format("{} came; an odd number ends with the rows", steps)}};
  return {};
}

std::unique_ptr<ScoreNormalizer> SinkhornOptions::make(const NormalizerPlace&) const {
  require(steps % 2 == 1, "sinkhorn", "{} steps came; an odd number ends with the rows", steps);
  return std::make_unique<Sinkhorn>(steps);
}

}  // namespace tempera
