#include "attention/linear_attention.h"

#include <optional>

#include "attention/carver.h"
#include "attention/feature_maps/elu.h"
#include "core/kernels/gemm.h"
#include "core/ops/apply.h"
#include "core/parallel.h"

namespace tempera {
namespace {

using kernels::Transpose;

constexpr Index kChunk = 32;

struct Sizes {
  Index batch, heads, kv_heads, queries, keys, features, width;
  Index group() const { return heads / kv_heads; }
};

Sizes checked(const Shape& f, const Shape& g, const Shape& v, std::string_view who) {
  require(f.rank() == 4 && g.rank() == 4 && v.rank() == 4 && f[0] == g[0] && f[0] == v[0] && g[1] == v[1] &&
              g[2] == v[2] && f[3] == g[3] && g[1] > 0 && f[1] % g[1] == 0,
          who,
          "features {} and {} and values {} came; [B, H, N, F], [B, K, M, F], [B, K, M, E] with K a divisor of H was "
          "wanted",
          f, g, v);
  return {f[0], f[1], g[1], f[2], g[2], f[3], v[3]};
}

// y += the sum of the rows of x, times weight[i] if given
template <class T>
void add_rows(const T* x, Index rows, Index cols, const T* weight, T* y) {
  for (Index c = 0; c < cols; c += lane_width<T>) {
    const Index count = std::min(lane_width<T>, cols - c);
    Lanes<T> sum = Lanes<T>::load(y + c, count);
    for (Index i = 0; i < rows; ++i) {
      const Lanes<T> row = Lanes<T>::load(x + i * cols + c, count);
      sum += weight ? row * Lanes<T>(weight[i]) : row;
    }
    sum.store(y + c, count);
  }
}

// y = factor x, y may be x
template <class T>
void scale_row(const T* x, Index cols, T factor, T* y) {
  for (Index c = 0; c < cols; c += lane_width<T>) {
    const Index count = std::min(lane_width<T>, cols - c);
    (Lanes<T>::load(x + c, count) * Lanes<T>(factor)).store(y + c, count);
  }
}

template <class T>
T sum_of(const T* x, Index n) {
  Lanes<T> sum(0);
  for (Index i = 0; i < n; i += lane_width<T>) sum += Lanes<T>::load(x + i, std::min(lane_width<T>, n - i));
  return lane_sum(sum);
}

template <class T>
T dot(const T* a, const T* b, Index n) {
  constexpr Index W = lane_width<T>;
  Lanes<T> sum(0);
  Index i = 0;
  for (; i + W <= n; i += W) sum += Lanes<T>::load(a + i) * Lanes<T>::load(b + i);
  if (i < n) sum += Lanes<T>::load(a + i, n - i) * Lanes<T>::load(b + i, n - i);
  return lane_sum(sum);
}

// One (sequence, key head): its matrices, contiguous, and a worker's scratch.
template <class T>
struct Unit {
  Sizes n;
  Index b, kv_head, seen;  // `seen`: keys before the true length
  const T *f, *g, *v;      // f: of query head 0 of the group
  T *S, *z, *R, *r;        // [F, E], [F], and the same for the gradients
  T *A, *dA, *u, *h;       // [chunk, chunk] twice, [chunk, E], [chunk]
  kernels::Workspace workspace;

  const T* f_of(Index head) const { return f + head * n.queries * n.features; }
  Index keys_in(Index chunk) const { return std::clamp<Index>(seen - chunk * kChunk, 0, kChunk); }
  Index queries_in(Index chunk) const { return std::clamp<Index>(n.queries - chunk * kChunk, 0, kChunk); }
  Index chunks() const { return (std::max(n.queries, n.keys) + kChunk - 1) / kChunk; }
  const T* g_at(Index chunk) const { return g + chunk * kChunk * n.features; }
  const T* v_at(Index chunk) const { return v + chunk * kChunk * n.width; }

  void gemm(Transpose ta, Transpose tb, Index m, Index cols, Index k, const T* a, Index lda, const T* x, Index ldb,
            T beta, T* c, Index ldc) const {
    kernels::gemm(ta, tb, m, cols, k, T(1), a, lda, x, ldb, beta, c, ldc, workspace);
  }
  void clear_state() const {
    std::fill_n(S, n.features * n.width, T(0));
    std::fill_n(z, n.features, T(0));
  }
  // S += g^T v, z += sum g for the keys of a chunk.
  void take_in(Index chunk) const {
    gemm(Transpose::yes, Transpose::no, n.features, n.width, keys_in(chunk), g_at(chunk), n.features, v_at(chunk),
         n.width, 1, S, n.width);
    add_rows<T>(g_at(chunk), keys_in(chunk), n.features, nullptr, z);
  }
  // R += f^T u, r += h f for the queries of a chunk.
  void give_back(Index chunk, const T* fc) const {
    gemm(Transpose::yes, Transpose::no, n.features, n.width, queries_in(chunk), fc, n.features, u, n.width, 1, R,
         n.width);
    add_rows<T>(fc, queries_in(chunk), n.features, h, r);
  }
  // Products of the features of a chunk, zero where the key comes after the query.
  void products(Index chunk, const T* fc) const {
    gemm(Transpose::no, Transpose::yes, queries_in(chunk), keys_in(chunk), n.features, fc, n.features, g_at(chunk),
         n.features, 0, A, kChunk);
    mask(chunk, A);
  }
  void mask(Index chunk, T* x) const {
    for (Index i = 0; i < queries_in(chunk); ++i)
      for (Index j = i + 1; j < keys_in(chunk); ++j) x[i * kChunk + j] = 0;
  }
  // dA = u v^T + h, masked
  void product_gradients(Index chunk) const {
    gemm(Transpose::no, Transpose::yes, queries_in(chunk), keys_in(chunk), n.width, u, n.width, v_at(chunk), n.width, 0,
         dA, kChunk);
    for (Index i = 0; i < queries_in(chunk); ++i)
      for (Index j = 0; j < keys_in(chunk); ++j) dA[i * kChunk + j] += h[i];
    mask(chunk, dA);
  }
};

template <class T>
class Units {
 public:
  Units(const Sizes& sizes, const Visibility& visibility, Tape& tape, const Tensor& f, const Tensor& g, const Tensor& v)
      : n_(sizes), visibility_(visibility), tape_(tape), f_(f), g_(g), v_(v) {
    const Index big = std::max({kChunk, n_.features, n_.width});
    workspace_bytes_ = kernels::gemm_workspace_bytes<T>(big, big, big);
    detail::Carver count(nullptr);
    carve(count);
    bytes_ = count.used();
    memory_ = Pool::allocate(tape.pool(), bytes_ * static_cast<std::size_t>(std::min<Index>(tape.threads(), units())));
  }
  Index units() const { return n_.batch * n_.kv_heads; }

  // body(unit) for every (sequence, key head)
  template <class F>
  void each(F&& body) const {
    parallel_units(tape_.threads(), units(), [&](Index worker, Index unit) {
      detail::Carver carver(memory_.data() + static_cast<std::size_t>(worker) * bytes_);
      Unit<T> u = carve(carver);
      u.b = unit / n_.kv_heads;
      u.kv_head = unit % n_.kv_heads;
      u.seen = visibility_.lengths.defined() ? visibility_.lengths.template data<std::int32_t>()[u.b] : n_.keys;
      u.f = f_.data<T>() + unit * n_.group() * n_.queries * n_.features;
      u.g = g_.data<T>() + unit * n_.keys * n_.features;
      u.v = v_.data<T>() + unit * n_.keys * n_.width;
      body(u, unit);
    });
  }

 private:
  Unit<T> carve(detail::Carver& c) const {
    Unit<T> u{};
    u.n = n_;
    u.S = c.take<T>(n_.features * n_.width);
    u.z = c.take<T>(n_.features);
    u.R = c.take<T>(n_.features * n_.width);
    u.r = c.take<T>(n_.features);
    u.A = c.take<T>(kChunk * kChunk);
    u.dA = c.take<T>(kChunk * kChunk);
    u.u = c.take<T>(kChunk * n_.width);
    u.h = c.take<T>(kChunk);
    u.workspace = {c.take<std::byte>(static_cast<Index>(workspace_bytes_)), workspace_bytes_};
    return u;
  }

  Sizes n_;
  const Visibility& visibility_;
  Tape& tape_;
  const Tensor &f_, &g_, &v_;
  std::size_t workspace_bytes_ = 0, bytes_ = 0;
  Storage memory_;
};

// o of a chunk of queries of one head: from S and, if causal, the products within the chunk. `denominators` gets d.
template <class T>
void forward_chunk(const Unit<T>& u, Index chunk, Index head, bool causal, double eps, T* o, T* denominators) {
  const Sizes& n = u.n;
  const Index rows = u.queries_in(chunk), first = chunk * kChunk;
  const T* fc = u.f_of(head) + first * n.features;
  if (causal) {
    u.products(chunk, fc);
    u.gemm(Transpose::no, Transpose::no, rows, n.width, u.keys_in(chunk), u.A, kChunk, u.v_at(chunk), n.width, 0, o,
           n.width);
  }
  u.gemm(Transpose::no, Transpose::no, rows, n.width, n.features, fc, n.features, u.S, n.width, causal ? T(1) : T(0), o,
         n.width);
  for (Index i = 0; i < rows; ++i) {
    T d = dot(fc + i * n.features, u.z, n.features) + static_cast<T>(eps);
    if (causal) d += sum_of(u.A + i * kChunk, std::min(i + 1, u.keys_in(chunk)));
    denominators[i] = d;
    scale_row(o + i * n.width, n.width, 1 / d, o + i * n.width);
  }
}

template <class T>
void forward_unit(const Unit<T>& u, bool causal, double eps, T* o, T* denominators) {
  const Sizes& n = u.n;
  for (Index chunk = 0; !causal && chunk < u.chunks(); ++chunk) u.take_in(chunk);
  for (Index chunk = 0; chunk < u.chunks(); ++chunk) {
    for (Index head = 0; head < n.group(); ++head) {
      const Index row = head * n.queries + chunk * kChunk;
      if (u.queries_in(chunk) > 0) forward_chunk(u, chunk, head, causal, eps, o + row * n.width, denominators + row);
    }
    if (causal) u.take_in(chunk);
  }
}

template <class T>
struct Backward {
  const Tensor &y, &denominators, &dy;
  std::array<std::optional<Into>, 3> to;

  T* target(std::size_t input, Index offset) const {
    return to[input] ? const_cast<Tensor&>(to[input]->grad).data<T>() + offset : nullptr;
  }
  T beta(std::size_t input) const { return to[input] && to[input]->add ? T(1) : T(0); }

  // u = dy / d, h = -<dy, o> / d for a chunk of queries of a head.
  void load(const Unit<T>& s, Index unit, Index chunk, Index head) const {
    const Index row = (unit * s.n.group() + head) * s.n.queries + chunk * kChunk, width = s.n.width;
    const T *g = dy.data<T>() + row * width, *o = y.data<T>() + row * width, *d = denominators.data<T>() + row;
    for (Index i = 0; i < s.queries_in(chunk); ++i) {
      s.h[i] = -dot(g + i * width, o + i * width, width) / d[i];
      scale_row(g + i * width, width, 1 / d[i], s.u + i * width);
    }
  }

  // df = dA g + u S^T + h z
  void queries(const Unit<T>& s, Index unit, Index chunk, Index head, bool causal) const {
    const Sizes& n = s.n;
    const Index rows = s.queries_in(chunk);
    T* const df = target(0, ((unit * n.group() + head) * n.queries + chunk * kChunk) * n.features);
    if (!to[0] || rows == 0) return;
    s.gemm(Transpose::no, Transpose::yes, rows, n.features, n.width, s.u, n.width, s.S, n.width, beta(0), df,
           n.features);
    if (causal) {
      s.product_gradients(chunk);
      s.gemm(Transpose::no, Transpose::no, rows, n.features, s.keys_in(chunk), s.dA, kChunk, s.g_at(chunk), n.features,
             1, df, n.features);
    }
    for (Index i = 0; i < rows; ++i)
      for (Index c = 0; c < n.features; ++c) df[i * n.features + c] += s.h[i] * s.z[c];
  }

  // dg = v R^T + r,  dv = g R; zeros for keys that nobody sees
  void keys(const Unit<T>& s, Index unit, Index chunk) const {
    const Sizes& n = s.n;
    const Index rows = s.keys_in(chunk), at = unit * n.keys + chunk * kChunk;
    const Index hidden = std::clamp<Index>(n.keys - chunk * kChunk, 0, kChunk) - rows;
    if (T* const dg = target(1, at * n.features)) {
      s.gemm(Transpose::no, Transpose::yes, rows, n.features, n.width, s.v_at(chunk), n.width, s.R, n.width, beta(1),
             dg, n.features);
      for (Index i = 0; i < rows; ++i)
        for (Index c = 0; c < n.features; ++c) dg[i * n.features + c] += s.r[c];
      if (!to[1]->add) std::fill_n(dg + rows * n.features, hidden * n.features, T(0));
    }
    if (T* const dv = target(2, at * n.width)) {
      s.gemm(Transpose::no, Transpose::no, rows, n.width, n.features, s.g_at(chunk), n.features, s.R, n.width, beta(2),
             dv, n.width);
      if (!to[2]->add) std::fill_n(dv + rows * n.width, hidden * n.width, T(0));
    }
  }

  // What the queries of the same chunk add: dg += dA^T f, dv += A^T u.
  void keys_within(const Unit<T>& s, Index unit, Index chunk, const T* fc) const {
    const Sizes& n = s.n;
    const Index rows = s.queries_in(chunk), cols = s.keys_in(chunk), at = unit * n.keys + chunk * kChunk;
    if (T* const dg = target(1, at * n.features)) {
      s.product_gradients(chunk);
      s.gemm(Transpose::yes, Transpose::no, cols, n.features, rows, s.dA, kChunk, fc, n.features, 1, dg, n.features);
    }
    if (T* const dv = target(2, at * n.width)) {
      s.products(chunk, fc);
      s.gemm(Transpose::yes, Transpose::no, cols, n.width, rows, s.A, kChunk, s.u, n.width, 1, dv, n.width);
    }
  }

  void run(const Unit<T>& s, Index unit, bool causal) const {
    const Sizes& n = s.n;
    s.clear_state();
    std::fill_n(s.R, n.features * n.width, T(0));
    std::fill_n(s.r, n.features, T(0));
    for (Index chunk = 0; !causal && chunk < s.chunks(); ++chunk) s.take_in(chunk);
    for (Index chunk = 0; chunk < s.chunks(); ++chunk) {
      for (Index head = 0; head < n.group(); ++head) {
        load(s, unit, chunk, head);
        queries(s, unit, chunk, head, causal);
        if (!causal) s.give_back(chunk, s.f_of(head) + chunk * kChunk * n.features);
      }
      if (causal) s.take_in(chunk);
    }
    for (Index chunk = s.chunks() - 1; chunk >= 0; --chunk) {
      keys(s, unit, chunk);
      for (Index head = 0; causal && head < n.group(); ++head) {
        const T* fc = s.f_of(head) + chunk * kChunk * n.features;
        load(s, unit, chunk, head);
        keys_within(s, unit, chunk, fc);
        s.give_back(chunk, fc);
      }
    }
  }
};

std::vector<Example> examples() {
  const auto with = [](std::string name, Shape q, Shape k, Shape v, Visibility visibility) {
    return Example{std::move(name), {{q, 0.1, 2}, {k, 0.1, 2}, {v}}, [=](std::span<const Var> x) {
                     return linear_attention(x[0], x[1], x[2], visibility, 0.1);
                   }};
  };
  std::vector<Example> all{
      with("bidirectional", {1, 2, 3, 2}, {1, 2, 5, 2}, {1, 2, 5, 3}, {}),
      with("causal", {2, 1, 5, 3}, {2, 1, 5, 3}, {2, 1, 5, 2}, {.causal = true}),
      with("one token", {2, 1, 1, 3}, {2, 1, 1, 3}, {2, 1, 1, 2}, {.causal = true}),
      with("grouped queries, lengths", {2, 2, 3, 2}, {2, 1, 3, 2}, {2, 1, 3, 2},
           {.lengths = Tensor::from<std::int32_t>({2}, {2, 3}), .causal = true}),
      with("lengths", {2, 1, 3, 2}, {2, 1, 4, 2}, {2, 1, 4, 2}, {.lengths = Tensor::from<std::int32_t>({2}, {2, 0})}),
  };
  const char* const seen[] = {"1", "torch.ones(5, 5).tril()", "1",
                              "torch.ones(3, 3).tril() * (torch.arange(3) < torch.tensor([2, 3])[:, None, None, None])",
                              "(torch.arange(4) < torch.tensor([2, 0])[:, None, None, None])"};
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i].torch = fmt::format("(lambda w: w @ c / (w.sum(-1, keepdim=True) + 0.1))(a @ b.mT * {})", seen[i]);
  return all;
}

}  // namespace

// f S and g^T v.
const Op linear_attention_op{"attention.linear", examples, 1e-8, [](Inputs inputs, const Tensor&) {
                               const Index width = inputs[2].shape().back();
                               return 2.0 * static_cast<double>((inputs[0].size() + inputs[1].size()) * width);
                             }};

Var linear_attention(const Var& f, const Var& g, const Var& v, const Visibility& visibility, double eps) {
  const std::string_view who = linear_attention_op.name;
  const Sizes n = checked(f.shape(), g.shape(), v.shape(), who);
  require_floating(f.value(), "f", who);
  require(f.dtype() == g.dtype() && f.dtype() == v.dtype(), who,
          "features and values are {}, {}, {}; one type was wanted", f.dtype(), g.dtype(), v.dtype());
  visibility.check(n.batch, n.keys, who);
  require(visibility.window == 0 && visibility.prefix == 0 && visibility.start == 0 && visibility.key_start == 0, who,
          "a window, a prefix or a start came; sums of features know none of them");
  require(!visibility.causal || n.queries == n.keys, who,
          "{} queries and {} keys came; causal attention wants as many of one as of the other", n.queries, n.keys);
  Tape& tape = f.tape();
  Tensor y = tape.empty({n.batch, n.heads, n.queries, n.width}, f.dtype());
  Tensor denominators = tape.empty({n.batch, n.heads, n.queries}, f.dtype());
  dispatch(f.dtype(), [&]<class T>(Type<T>) {
    T *o = y.data<T>(), *d = denominators.data<T>();
    Units<T>(n, visibility, tape, f.value(), g.value(), v.value()).each([&](const Unit<T>& unit, Index at) {
      unit.clear_state();
      const Index row = at * n.group() * n.queries;
      forward_unit(unit, visibility.causal, eps, o + row * n.width, d + row);
    });
  });
  return Tape::record(linear_attention_op, {f, g, v}, y,
                      [n, visibility, y, denominators, x = std::array<Tensor, 3>{f.value(), g.value(), v.value()}](
                          const Tensor& dy, Gradients& dx) {
                        std::array<std::optional<Into>, 3> to;
                        for (int i = 0; i < 3; ++i)
                          if (dx.wanted(i)) to[static_cast<std::size_t>(i)] = dx.into(i);
                        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
                          const Backward<T> backward{y, denominators, dy, to};
                          Units<T>(n, visibility, dx.tape(), x[0], x[1], x[2]).each([&](const Unit<T>& unit, Index at) {
                            backward.run(unit, at, visibility.causal);
                          });
                        });
                      });
}

Tensor linear_attention_weights(const Tensor& f, const Tensor& g, const Visibility& visibility, double eps) {
  const Sizes n = checked(f.shape(), g.shape(), g.shape(), "linear_attention_weights");
  visibility.check(n.batch, n.keys, "linear_attention_weights");
  Tensor weights = Tensor::zeros({n.batch, n.heads, n.queries, n.keys}, f.dtype());
  dispatch(f.dtype(), [&]<class T>(Type<T>) {
    for (Index row = 0; row < n.batch * n.heads * n.queries; ++row) {
      const Index head = row / n.queries, b = head / n.heads;
      const T* query = f.data<T>() + row * n.features;
      const T* keys = g.data<T>() + head / n.group() * n.keys * n.features;
      T* w = weights.data<T>() + row * n.keys;
      const Range seen = visibility(b, row % n.queries, n.keys);
      T sum = static_cast<T>(eps);
      for (Index j = seen.first; j < seen.last; ++j) sum += w[j] = dot(query, keys + j * n.features, n.features);
      for (Index j = seen.first; j < seen.last; ++j) w[j] /= sum;
    }
  });
  return weights;
}

Tensor linear_attention_step(Tape& tape, const Tensor& f, const Tensor& g, const Tensor& v, LinearAttentionState& state,
                             double eps) {
  const std::string_view who = "linear_attention_step";
  const Sizes n = checked(f.shape(), g.shape(), v.shape(), who);
  require(n.queries == n.keys, who, "{} queries and {} keys came; each token brings one of both", n.queries, n.keys);
  require(state.sums.shape() == Shape{n.batch, n.kv_heads, n.features, n.width} && state.sums.dtype() == f.dtype(), who,
          "the state is {}; it was made for other sequences than features {} and values {}", state.sums, f, v);
  Tensor y = tape.empty({n.batch, n.heads, n.queries, n.width}, f.dtype());
  Tensor denominators = tape.empty({n.batch, n.heads, n.queries}, f.dtype());
  const Visibility everything{.causal = true};
  dispatch(f.dtype(), [&]<class T>(Type<T>) {
    T *o = y.data<T>(), *d = denominators.data<T>(), *sums = state.sums.data<T>(), *z = state.normaliser.data<T>();
    Units<T>(n, everything, tape, f, g, v).each([&](Unit<T>& unit, Index at) {
      unit.S = sums + at * n.features * n.width;
      unit.z = z + at * n.features;
      const Index row = at * n.group() * n.queries;
      forward_unit(unit, true, eps, o + row * n.width, d + row);
    });
  });
  return y;
}

}  // namespace tempera
