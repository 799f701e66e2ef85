#include "attention/monotonic_alignment.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace tempera {
namespace {

// The matrices [N, M] of p.
struct Sizes {
  Index matrices, rows, keys;
  explicit Sizes(const Shape& s) : rows(s[s.rank() - 2]), keys(s.back()) {
    matrices = rows * keys > 0 ? s.size() / (rows * keys) : 0;
  }
};

// q of a row into `q`, from p and the alignment of the row before.
template <class T>
void arrivals(const T* p, const T* before, T* q, Index keys) {
  T here = 0;
  for (Index j = 0; j < keys; ++j) {
    here += before[j];
    q[j] = here;
    here *= 1 - p[j];
  }
}

template <class T>
void first_row(const T* before, T* row, Index keys) {
  if (before) std::copy_n(before, keys, row);
  else
    for (Index j = 0; j < keys; ++j) row[j] = j == 0 ? T(1) : T(0);
}

std::vector<Example> alignment_examples() {
  const auto call = [](std::span<const Var> x) { return monotonic_alignment(x[0]); };
  const Tensor before = Tensor::from<double>({2, 4}, {0.1, 0.4, 0.3, 0.1, 0, 0.7, 0.1, 0});
  const Tensor single = before.to(DType::float32);
  return {{"rows", {{{5, 4}, 0.1, 0.9}}, call},
          {"heads", {{{2, 2, 3, 19}, 0.05, 0.6}}, call},
          {"one key", {{{3, 1}, 0.2, 0.8}}, call},
          {"one row", {{{1, 5}, 0.2, 0.8}}, call},
          {"on top of another", {{{2, 3, 4}, 0.1, 0.9}}, [before, single](std::span<const Var> x) {
             return monotonic_alignment(x[0], x[0].dtype() == DType::float64 ? before : single);
           }}};
}

std::vector<Example> chunk_examples() {
  const auto of = [](Index width) {
    return [width](std::span<const Var> x) { return monotonic_chunks(x[0], x[1], width); };
  };
  return {{"two keys", {{{3, 5}, 0, 1}, {{3, 5}, -2, 2}}, of(2)},
          {"four keys", {{{2, 2, 3, 19}, 0, 1}, {{2, 2, 3, 19}, -2, 2}}, of(4)},
          {"one key", {{{3, 4}, 0, 1}, {{3, 4}}}, of(1)},
          {"wider than the row", {{{2, 3}, 0, 1}, {{2, 3}, -1, 1}}, of(7)}};
}

// Calls f(first key, weights) for the chunk that ends at each key k of a row.
template <class T, class F>
void each_chunk(const T* u, Index keys, Index width, T* weights, F&& f) {
  for (Index k = 0; k < keys; ++k) {
    const Index first = std::max<Index>(0, k - width + 1), count = k + 1 - first;
    const T top = *std::max_element(u + first, u + k + 1);
    T total = 0;
    for (Index l = 0; l < count; ++l) total += weights[l] = std::exp(u[first + l] - top);
    for (Index l = 0; l < count; ++l) weights[l] /= total;
    f(k, first, count);
  }
}

}  // namespace

const Op monotonic_alignment_op{"monotonic_alignment", alignment_examples};
const Op monotonic_chunks_op{"monotonic_chunks", chunk_examples};

Var monotonic_alignment(const Var& p, const Tensor& before) {
  constexpr std::string_view kWho = "monotonic_alignment";
  require(p.rank() >= 2, kWho, "probabilities of shape {} came; [.., queries, keys] was wanted", p.shape());
  const Shape wanted = p.shape().without(p.rank() - 2);
  require(!before.defined() || (before.shape() == wanted && before.dtype() == p.dtype()), kWho,
          "the alignment before the first query is {}; {} {} was wanted", before, p.dtype(), wanted);
  const Sizes s(p.shape());
  Tape& tape = p.tape();
  Tensor a = tape.empty(p.shape(), p.dtype());
  dispatch(p.dtype(), [&]<class T>(Type<T>) {
    const T *in = p.value().data<T>(), *start = before.defined() ? before.data<T>() : nullptr;
    T* out = a.data<T>();
    parallel_panels(tape.threads(), s.matrices, 1, [&](Index m, Index) {
      for (Index i = 0; i < s.rows; ++i) {
        const Index at = (m * s.rows + i) * s.keys;
        T* row = out + at;
        if (i == 0) first_row(start ? start + m * s.keys : nullptr, row, s.keys);
        arrivals(in + at, i == 0 ? row : row - s.keys, row, s.keys);
        for (Index j = 0; j < s.keys; ++j) row[j] *= in[at + j];
      }
    });
  });
  return Tape::record(monotonic_alignment_op, {p}, a, [p = p.value(), a, before, s](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    Tensor scratch = dx.empty({s.matrices, 3, s.keys}, dy.dtype());
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const T *start = before.defined() ? before.data<T>() : nullptr, *in = p.data<T>(), *out = a.data<T>();
      parallel_panels(dx.tape().threads(), s.matrices, 1, [&](Index m, Index) {
        // What the row below asks of this one's alignment, this row's q, and the alignment before the first.
        T* const asked = scratch.data<T>() + m * 3 * s.keys;
        T *const q = asked + s.keys, *const first = q + s.keys;
        std::fill_n(asked, s.keys, T(0));
        first_row(start ? start + m * s.keys : nullptr, first, s.keys);
        for (Index i = s.rows - 1; i >= 0; --i) {
          const Index at = (m * s.rows + i) * s.keys;
          arrivals(in + at, i == 0 ? first : out + at - s.keys, q, s.keys);
          T dq = 0;  // of the next key
          for (Index j = s.keys - 1; j >= 0; --j) {
            const T g = dy.data<T>()[at + j] + asked[j], pj = in[at + j];
            T& target = to.grad.data<T>()[at + j];
            target = (to.add ? target : T(0)) + q[j] * (g - dq);
            asked[j] = dq = pj * g + (1 - pj) * dq;
          }
        }
      });
    });
  });
}

Var monotonic_chunks(const Var& a, const Var& u, Index width) {
  constexpr std::string_view kWho = "monotonic_chunks";
  require(a.rank() >= 2 && a.shape() == u.shape() && a.dtype() == u.dtype(), kWho,
          "alignments {} and energies {} came; one shape [.., queries, keys] and one type were wanted", a.value(),
          u.value());
  require(width >= 1, kWho, "chunks of {} keys came; at least 1 was wanted", width);
  const Index keys = a.shape().back(), rows = keys > 0 ? a.size() / keys : 0, widest = std::min(width, keys);
  Tape& tape = a.tape();
  Tensor b = tape.zeros(a.shape(), a.dtype());
  constexpr Index kRows = 16;  // of one panel
  const Index panels = (rows + kRows - 1) / kRows;
  Tensor scratch = tape.empty({panels, std::max<Index>(1, widest)}, a.dtype());
  dispatch(a.dtype(), [&]<class T>(Type<T>) {
    const T *align = a.value().data<T>(), *energy = u.value().data<T>();
    T* out = b.data<T>();
    parallel_panels(tape.threads(), rows, kRows, [&](Index begin, Index end) {
      T* const w = scratch.data<T>() + begin / kRows * std::max<Index>(1, widest);
      for (Index row = begin; row < end; ++row)
        each_chunk(energy + row * keys, keys, widest, w, [&](Index k, Index first, Index count) {
          for (Index l = 0; l < count; ++l) out[row * keys + first + l] += align[row * keys + k] * w[l];
        });
    });
  });
  return Tape::record(monotonic_chunks_op, {a, u}, b,
                      [a = a.value(), u = u.value(), keys, rows, widest, panels](const Tensor& dy, Gradients& dx) {
                        Tensor da = dx.empty(a.shape(), a.dtype()), du = dx.empty(a.shape(), a.dtype());
                        Tensor weights = dx.empty({panels, std::max<Index>(1, widest)}, a.dtype());
                        du.fill(0);
                        dispatch(a.dtype(), [&]<class T>(Type<T>) {
                          const T *align = a.data<T>(), *energy = u.data<T>(), *g = dy.data<T>();
                          parallel_panels(dx.tape().threads(), rows, kRows, [&](Index begin, Index end) {
                            T* const w = weights.data<T>() + begin / kRows * std::max<Index>(1, widest);
                            for (Index row = begin; row < end; ++row) {
                              const Index at = row * keys;
                              each_chunk(energy + at, keys, widest, w, [&](Index k, Index first, Index count) {
                                T mean = 0;
                                for (Index l = 0; l < count; ++l) mean += w[l] * g[at + first + l];
                                da.data<T>()[at + k] = mean;
                                for (Index l = 0; l < count; ++l)
                                  du.data<T>()[at + first + l] += align[at + k] * w[l] * (g[at + first + l] - mean);
                              });
                            }
                          });
                        });
                        if (dx.wanted(0)) dx.add(0, std::move(da));
                        if (dx.wanted(1)) dx.add(1, std::move(du));
                      });
}

}  // namespace tempera
