#include "core/kernels/rows.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kPanel = 16384;  // elements

Index grain_of(Index work) {
  return std::max<Index>(1, kPanel / std::max<Index>(1, work));
}

std::string position_of(const Shape& shape, Index element) {
  std::array<Index, Shape::kMaxRank> at{};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[static_cast<std::size_t>(axis)] = element % shape[axis];
    element /= shape[axis];
  }
  return to_string(Shape(std::span<const Index>(at.data(), static_cast<std::size_t>(shape.rank()))));
}

}  // namespace

void check_indices(const Tensor& indices, Index extent, std::string_view who) {
  require(indices.defined() && indices.dtype() == DType::int32, who, "the indices are {}; int32 was wanted", indices);
  const std::int32_t* index = indices.data<std::int32_t>();
  bool inside = true;  // without an early end, so that the loop runs on vectors
  const auto limit = static_cast<std::int32_t>(std::min<Index>(extent, std::numeric_limits<std::int32_t>::max()));
  for (Index k = 0; k < indices.size(); ++k) inside &= (index[k] >= 0) & (index[k] < limit);
  if (inside) return;
  const Index bad = std::find_if(index, index + indices.size(), [&](auto i) { return i < 0 || i >= limit; }) - index;
  fail(who, "index {} at {} of {} is outside [0, {})", index[bad], position_of(indices.shape(), bad), indices.shape(),
       extent);
}

void take_rows(const Tensor& x, const AxisView& view, const Tensor& indices, Tensor& y, int threads) {
  const Index count = indices.size(), inner = view.inner;
  const std::int32_t* index = indices.data<std::int32_t>();
  dispatch_any(x.dtype(), [&]<class T>(Type<T>) {
    const T* in = x.data<T>();
    T* out = y.data<T>();
    parallel_panels(threads, view.outer * count, grain_of(inner), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* from = in + view.at(row / count, index[row % count], 0);
        if (inner == 1) out[row] = *from;
        else std::memcpy(out + row * inner, from, static_cast<std::size_t>(inner) * sizeof(T));
      }
    });
  });
}

void sum_rows(const Tensor& dy, const AxisView& view, const Tensor& indices, Index skipped, const Into& to,
              Tape& tape) {
  const Index count = indices.size(), inner = view.inner;
  const std::int32_t* index = indices.data<std::int32_t>();
  // Counting sort: order[start[e]], ..., order[start[e + 1] - 1] are the k with index e, ascending.
  Tensor starts = tape.zeros({view.extent + 2}, DType::int32), orders = tape.empty({count}, DType::int32);
  std::int32_t *start = starts.data<std::int32_t>(), *order = orders.data<std::int32_t>();
  for (Index k = 0; k < count; ++k) ++start[index[k] + 2];
  for (Index e = 2; e <= view.extent; ++e) start[e] += start[e - 1];
  for (Index k = 0; k < count; ++k) order[start[index[k] + 1]++] = static_cast<std::int32_t>(k);
  dispatch(dy.dtype(), [&]<class T>(Type<T>) {
    const T* g = dy.data<T>();
    Tensor grad = to.grad;
    T* out = grad.data<T>();
    parallel_panels(tape.threads(), view.outer * view.extent, grain_of(inner), [&](Index first, Index last) {
      constexpr Index kColumns = 64;
      double sum[kColumns];
      for (Index row = first; row < last; ++row) {
        const Index o = row / view.extent, e = row % view.extent;
        const Index members = e == skipped ? 0 : start[e + 1] - start[e];
        T* target = out + row * inner;
        if (members == 0) {
          if (!to.add) std::fill_n(target, inner, T(0));
          continue;
        }
        const auto source = [&](Index m) { return g + (o * count + order[start[e] + m]) * inner; };
        for (Index c = 0; c < inner; c += kColumns) {
          const Index width = std::min(kColumns, inner - c);
          for (Index i = 0; i < width; ++i) sum[i] = to.add ? static_cast<double>(target[c + i]) : 0;
          for (Index m = 0; m < members; ++m) {
            const T* from = source(m) + c;
            for (Index i = 0; i < width; ++i) sum[i] += static_cast<double>(from[i]);
          }
          for (Index i = 0; i < width; ++i) target[c + i] = static_cast<T>(sum[i]);
        }
      }
    });
  });
}

}  // namespace tempera
