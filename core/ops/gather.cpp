#include "core/ops/gather.h"

#include "core/kernels/rows.h"
#include "core/kernels/strided.h"
#include "core/parallel.h"

namespace tempera {
namespace {

// Which element of x belongs to each entry of `indices`.
struct Places {
  Shape x, indices;
  int axis;

  Index rows() const { return indices.product(0, indices.rank() - 1); }
  Index cols() const { return indices.rank() == 0 ? 1 : indices.back(); }
  // Rows that differ in an axis before `axis` never meet in x: they come in groups of this many.
  Index group() const { return std::max<Index>(1, indices.product(axis, indices.rank() - 1)); }

  // f(first entry of the row, where the row starts in x, step in x per column, step in x per index)
  template <class F>
  void each_row(Index first, Index last, F&& f) const {
    const int columns = indices.rank() - 1;
    for (Index row = first; row < last; ++row) {
      Index rest = row, base = 0;
      for (int k = columns - 1; k >= 0; --k) {
        if (k != axis) base += rest % indices[k] * stride_of(x, k);
        rest /= indices[k];
      }
      f(row * cols(), base, axis == columns ? Index{0} : Index{1}, stride_of(x, axis));
    }
  }
};

Places checked_places(const Op& op, const Var& x, int axis, const Tensor& indices) {
  require(x.rank() > 0 && indices.rank() == x.rank(), op.name,
          "the indices are {} for {}; the same rank, 1 or more, was wanted", indices.shape(), x.shape());
  axis = checked_axis(axis, x.shape(), op.name);
  for (int k = 0; k < x.rank(); ++k)
    require(k == axis || indices.dim(k) <= x.dim(k), op.name,
            "the indices are {} for {}; along axis {} they must be no longer", indices.shape(), x.shape(), k);
  check_indices(indices, x.dim(axis), op.name);
  return {x.shape(), indices.shape(), axis};
}

// y[p] (+)= x[place of p]
void gather_to(const Places& places, const Tensor& x, const Tensor& indices, Tensor& y, bool add, int threads) {
  const std::int32_t* index = indices.data<std::int32_t>();
  const auto run = [&]<class T>(Type<T>) {
    const T* in = x.data<T>();
    T* out = y.data<T>();
    const Index cols = places.cols(), grain = std::max<Index>(1, 4096 / std::max<Index>(1, cols));
    parallel_panels(threads, places.rows(), grain, [&](Index first, Index last) {
      places.each_row(first, last, [&](Index entry, Index base, Index step, Index stride) {
        for (Index j = 0; j < cols; ++j) {
          const T value = in[base + j * step + index[entry + j] * stride];
          out[entry + j] = add ? static_cast<T>(out[entry + j] + value) : value;
        }
      });
    });
  };
  dispatch_any(x.dtype(), run);
}

// sums[place of p] += source[p], sums in float64.
void scatter_to(const Places& places, const Tensor& source, const Tensor& indices, Tensor& sums, int threads) {
  const std::int32_t* index = indices.data<std::int32_t>();
  double* total = sums.data<double>();
  dispatch(source.dtype(), [&]<class T>(Type<T>) {
    const T* in = source.data<T>();
    const Index cols = places.cols(), group = places.group();
    const Index groups = indices.size() == 0 ? 0 : places.rows() / group;
    parallel_panels(threads, groups, std::max<Index>(1, 4096 / (group * cols + 1)), [&](Index first, Index last) {
      places.each_row(first * group, last * group, [&](Index entry, Index base, Index step, Index stride) {
        for (Index j = 0; j < cols; ++j)
          total[base + j * step + index[entry + j] * stride] += static_cast<double>(in[entry + j]);
      });
    });
  });
}

// to (+)= sums, rounded to the dtype of `to`.
void round_to(const Tensor& sums, Tensor& to, bool add) {
  dispatch(to.dtype(), [&]<class T>(Type<T>) {
    if (add) to.vec<T>() = (to.vec<T>().template cast<double>() + sums.vec<double>()).template cast<T>();
    else to.vec<T>() = sums.vec<double>().template cast<T>();
  });
}

std::vector<Example> gather_examples() {
  const auto along = [](int axis) {
    return [axis](std::span<const Var> x) { return gather(x[0], axis, x[1].value()); };
  };
  return {
      {"last axis", {{{3, 5}}, {{3, 19}, 0, 5, Draw::index}}, along(-1), "torch.gather(a, -1, b)"},
      {"first axis", {{{5, 3}}, {{4, 3}, 0, 5, Draw::index}}, along(0), "torch.gather(a, 0, b)"},
      {"middle axis", {{{2, 3, 5}}, {{2, 4, 5}, 0, 3, Draw::index}}, along(1), "torch.gather(a, 1, b)"},
      {"part of the other axes", {{{3, 7, 4}}, {{2, 3, 3}, 0, 7, Draw::index}}, along(1), "torch.gather(a, 1, b)"},
      {"one element", {{{1}}, {{1}, 0, 1, Draw::index}}, along(0), "torch.gather(a, 0, b)"},
  };
}

std::vector<Example> scatter_examples() {
  const auto along = [](int axis) {
    return [axis](std::span<const Var> x) { return scatter_add(x[0], axis, x[1].value(), x[2]); };
  };
  return {
      {"last axis", {{{3, 5}}, {{3, 19}, 0, 5, Draw::index}, {{3, 19}}}, along(-1), "a.scatter_add(-1, b, c)"},
      {"first axis", {{{5, 3}}, {{4, 3}, 0, 5, Draw::index}, {{4, 3}}}, along(0), "a.scatter_add(0, b, c)"},
      {"middle axis", {{{2, 3, 5}}, {{2, 4, 5}, 0, 3, Draw::index}, {{2, 4, 5}}}, along(1), "a.scatter_add(1, b, c)"},
      {"part of the other axes",
       {{{3, 7, 4}}, {{2, 3, 3}, 0, 7, Draw::index}, {{2, 3, 3}}},
       along(1),
       "a.scatter_add(1, b, c)"},
  };
}

}  // namespace

const Op gather_op{"gather", gather_examples};
const Op scatter_add_op{"scatter_add", scatter_examples};

Var gather(const Var& x, int axis, const Tensor& indices) {
  const Places places = checked_places(gather_op, x, axis, indices);
  Tape& tape = x.tape();
  Tensor y = tape.empty(indices.shape(), x.dtype());
  gather_to(places, x.value(), indices, y, false, tape.threads());
  return Tape::record(gather_op, {x}, std::move(y), [places, indices](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    Tensor sums = dx.tape().zeros(places.x, DType::float64);
    scatter_to(places, dy, indices, sums, dx.tape().threads());
    round_to(sums, to.grad, to.add);
  });
}

Var scatter_add(const Var& x, int axis, const Tensor& indices, const Var& source) {
  require(source.shape() == indices.shape() && source.dtype() == x.dtype(), scatter_add_op.name,
          "the source is {}; {} {} was wanted, the shape of the indices and the dtype of x", source.value(), x.dtype(),
          indices.shape());
  const Places places = checked_places(scatter_add_op, x, axis, indices);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  Tensor sums = tape.zeros(x.shape(), DType::float64);
  scatter_to(places, source.value(), indices, sums, tape.threads());
  y.copy_from(x.value());
  round_to(sums, y, true);
  return Tape::record(scatter_add_op, {x, source}, std::move(y), [places, indices](const Tensor& dy, Gradients& dx) {
    if (dx.wanted(1)) {
      Into to = dx.into(1);
      gather_to(places, dy, indices, to.grad, to.add, dx.tape().threads());
    }
    dx.add(0, dy);
  });
}

}  // namespace tempera
