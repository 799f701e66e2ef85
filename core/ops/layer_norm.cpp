#include "core/ops/layer_norm.h"

#include <array>
#include <cmath>

#include "core/ops/affine.h"
#include "core/ops/reduce.h"
#include "core/ops/strip.h"

namespace tempera {
namespace {

constexpr Index kRows = 64;  // rows of a panel, which sums its own part of dgamma and dbeta

// The statistics of a row: y = gamma (x - center) scale + beta.
template <class T>
struct Stats {
  T center, scale;
};

// Calls f(R, r) for rows of [first, last), R of them at a time from row r on: a row alone would wait for its own sums.
// What is computed for a row is the same in either company.
template <class F>
TEMPERA_INLINE void in_groups(Index first, Index last, const F& f) {
  constexpr int kAtOnce = 4;
  for (; first + kAtOnce <= last; first += kAtOnce) f(std::integral_constant<int, kAtOnce>{}, first);
  for (; first < last; ++first) f(std::integral_constant<int, 1>{}, first);
}

template <int R, class T, bool Centered>
TEMPERA_INLINE std::array<Stats<T>, R> stats_of(RowStrip<T> row, const T* x, double eps) {
  const Index n = row.extent;
  const T count = static_cast<T>(n);
  std::array<Stats<T>, R> stats{};
  Lanes<T> sums[R], centers[R], squares[R];
  for (int k = 0; k < R; ++k) sums[k] = centers[k] = squares[k] = Lanes<T>(0);
  if constexpr (Centered) {
    row.each([&](auto io, Index at) {
      for (int k = 0; k < R; ++k) sums[k] += io.load(x + k * n + at, 0);
    });
    for (int k = 0; k < R; ++k)
      centers[k] = Lanes<T>(stats[static_cast<std::size_t>(k)].center = lane_sum(sums[k]) / count);
  }
  row.each([&](auto io, Index at) {
    for (int k = 0; k < R; ++k) {
      const T fill = stats[static_cast<std::size_t>(k)].center;
      squares[k] += square(io.load(x + k * n + at, fill) - centers[k]);
    }
  });
  for (int k = 0; k < R; ++k)
    stats[static_cast<std::size_t>(k)].scale = 1 / std::sqrt(lane_sum(squares[k]) / count + static_cast<T>(eps));
  return stats;
}

template <class T, bool Centered>
void forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor& y, Tensor& stats, double eps,
             int threads) {
  const RowStrip<T> row{x.matrix_cols()};
  const T *in = x.data<T>(), *g = gamma.data<T>(), *b = Centered ? beta.data<T>() : nullptr;
  T *out = y.data<T>(), *kept = stats.data<T>();
  parallel_panels(threads, x.matrix_rows(), kRows, [&](Index first, Index last) {
    in_groups(first, last, [&]<int R>(std::integral_constant<int, R>, Index r) {
      const auto found = stats_of<R, T, Centered>(row, in + r * row.extent, eps);
      for (int k = 0; k < R; ++k) {
        const T* xr = in + (r + k) * row.extent;
        T* yr = out + (r + k) * row.extent;
        const auto [center, scale] = found[static_cast<std::size_t>(k)];
        kept[2 * (r + k)] = center;
        kept[2 * (r + k) + 1] = scale;
        row.each([&, c = Lanes<T>(center), s = Lanes<T>(scale)](auto io, Index at) {
          if constexpr (Centered)
            io.store(yr + at, (io.load(xr + at, 0) - c) * s * io.load(g + at, 0) + io.load(b + at, 0));
          else io.store(yr + at, io.load(xr + at, 0) * s * io.load(g + at, 0));
        });
      }
    });
  });
}

// dx is null where no gradient is wanted. dgamma and dbeta are [panels, n].
template <class T, bool Centered>
void backward(const Tensor& x, const Tensor& gamma, const Tensor& stats, const Tensor& dy, Into* to, Tensor& dgamma,
              Tensor& dbeta, int threads) {
  const RowStrip<T> row{x.matrix_cols()};
  const Index n = row.extent;
  const T *in = x.data<T>(), *gain = gamma.data<T>(), *kept = stats.data<T>(), *up = dy.data<T>();
  T *out = to ? to->grad.data<T>() : nullptr, *dgs = dgamma.data<T>(), *dbs = dbeta.data<T>();
  parallel_panels(threads, x.matrix_rows(), kRows, [&](Index first, Index last) {
    T *dg = dgs + first / kRows * n, *db = dbs + first / kRows * n;
    std::fill_n(dg, n, T(0));
    std::fill_n(db, n, T(0));
    in_groups(first, last, [&]<int R>(std::integral_constant<int, R>, Index r) {
      const T *xr = in + r * n, *dyr = up + r * n;
      Lanes<T> centers[R], scales[R], sums[R], products[R];
      for (int k = 0; k < R; ++k) {
        centers[k] = Lanes<T>(kept[2 * (r + k)]);
        scales[k] = Lanes<T>(kept[2 * (r + k) + 1]);
        sums[k] = products[k] = Lanes<T>(0);
      }
      row.each([&](auto io, Index at) {
        const Lanes<T> gains = io.load(gain + at, 0);
        Lanes<T> dgain = io.load(dg + at, 0), dbias = Centered ? io.load(db + at, 0) : Lanes<T>(0);
        for (int k = 0; k < R; ++k) {
          const Lanes<T> g = io.load(dyr + k * n + at, 0);
          const Lanes<T> normal = (io.load(xr + k * n + at, 0) - centers[k]) * scales[k], h = g * gains;
          if (Centered) sums[k] += h;
          products[k] += h * normal;
          dgain += g * normal;
          if (Centered) dbias += g;
        }
        io.store(dg + at, dgain);
        if (Centered) io.store(db + at, dbias);
      });
      if (!out) return;
      const T count = static_cast<T>(n);
      for (int k = 0; k < R; ++k) {
        T* dxr = out + (r + k) * n;
        const Lanes<T> mean(lane_sum(sums[k]) / count), slope(lane_sum(products[k]) / count);
        row.each([&, center = centers[k], scale = scales[k]](auto io, Index at) {
          const Lanes<T> normal = (io.load(xr + k * n + at, 0) - center) * scale;
          const Lanes<T> h = io.load(dyr + k * n + at, 0) * io.load(gain + at, 0);
          const Lanes<T> g = scale * ((Centered ? h - mean : h) - normal * slope);
          io.store(dxr + at, to->add ? io.load(dxr + at, 0) + g : g);
        });
      }
    });
  });
}

template <bool Centered>
auto backward_of(const Var& x, const Var& gamma, const Tensor& stats) {
  return [x = x.value(), gamma = gamma.value(), stats](const Tensor& dy, Gradients& dx) {
    const Index n = x.matrix_cols(), panels = (x.matrix_rows() + kRows - 1) / kRows;
    const int threads = dx.tape().threads();
    Tensor parts[2] = {dx.empty({panels, n}, x.dtype()), dx.empty({panels, n}, x.dtype())};
    Into to;
    if (dx.wanted(0)) to = dx.into(0);
    dispatch(x.dtype(), [&]<class T>(Type<T>) {
      backward<T, Centered>(x, gamma, stats, dy, dx.wanted(0) ? &to : nullptr, parts[0], parts[1], threads);
    });
    const ReduceLoops loops({panels, n}, 0, "layer_norm");
    for (int i = 1; i <= (Centered ? 2 : 1); ++i) {
      if (!dx.wanted(i)) continue;
      Tensor total = dx.empty({n}, x.dtype());
      reduce<Sum>(
          loops, threads, [](auto a, auto...) { return a; }, total, parts[i - 1]);
      dx.add(i, total);
    }
  };
}

void check(const Op& op, const Var& x, double eps) {
  require_floating(x.value(), "x", op.name);
  require(x.rank() > 0, op.name, "x is a scalar; a tensor with a last axis was wanted");
  require_eps(eps, op.name);
}

std::vector<Example> layer_examples() {
  const auto call = [](std::span<const Var> x) { return layer_norm(x[0], x[1], x[2]); };
  const char* torch = "F.layer_norm(a, a.shape[-1:], b, c)";
  return {{"rows", {{{3, 19}, -2, 2}, {{19}, 0.5, 2}, {{19}}}, call, torch},
          {"three axes", {{{2, 3, 5}, -2, 2}, {{5}, 0.5, 2}, {{5}}}, call, torch},
          {"far from zero", {{{3, 7}, 10, 14}, {{7}, 0.5, 2}, {{7}}}, call, torch},
          {"one row", {{{17}, -2, 2}, {{17}, 0.5, 2}, {{17}}}, call, torch},
          {"plain",
           {{{4, 6}, -2, 2}},
           [](std::span<const Var> x) { return layer_norm(x[0], {}, {}, 1e-3); },
           "F.layer_norm(a, a.shape[-1:], eps=1e-3)"}};
}

std::vector<Example> rms_examples() {
  const auto call = [](std::span<const Var> x) { return rms_norm(x[0], x[1]); };
  const char* torch = "F.rms_norm(a, a.shape[-1:], b, 1e-5)";
  return {{"rows", {{{3, 19}, -2, 2}, {{19}, 0.5, 2}}, call, torch},
          {"three axes", {{{2, 3, 5}, -2, 2}, {{5}, 0.5, 2}}, call, torch},
          {"one element",
           {{{4, 1}, 0.5, 2}, {{1}, 0.5, 2}},
           [](std::span<const Var> x) { return rms_norm(x[0], x[1], 0.1); },
           "F.rms_norm(a, (1,), b, 0.1)"},
          {"plain",
           {{{4, 6}, -2, 2}},
           [](std::span<const Var> x) { return rms_norm(x[0], {}, 1e-3); },
           "F.rms_norm(a, a.shape[-1:], eps=1e-3)"}};
}

}  // namespace

const Op layer_norm_op{"layer_norm", layer_examples};
const Op rms_norm_op{"rms_norm", rms_examples};

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double eps) {
  check(layer_norm_op, x, eps);
  const Var g = optional_feature(gamma, "gamma", 1, x, x.shape().back(), layer_norm_op.name);
  const Var b = optional_feature(beta, "beta", 0, x, x.shape().back(), layer_norm_op.name);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype()), stats = tape.empty({x.value().matrix_rows(), 2}, x.dtype());
  dispatch(x.dtype(),
           [&]<class T>(Type<T>) { forward<T, true>(x.value(), g.value(), b.value(), y, stats, eps, tape.threads()); });
  return Tape::record(layer_norm_op, {x, g, b}, std::move(y), backward_of<true>(x, g, stats));
}

Var rms_norm(const Var& x, const Var& gamma, double eps) {
  check(rms_norm_op, x, eps);
  const Var g = optional_feature(gamma, "gamma", 1, x, x.shape().back(), rms_norm_op.name);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype()), stats = tape.empty({x.value().matrix_rows(), 2}, x.dtype());
  dispatch(x.dtype(),
           [&]<class T>(Type<T>) { forward<T, false>(x.value(), g.value(), {}, y, stats, eps, tape.threads()); });
  return Tape::record(rms_norm_op, {x, g}, std::move(y), backward_of<false>(x, g, stats));
}

}  // namespace tempera
