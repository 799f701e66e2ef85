#include "core/ops/order.h"

#include <numeric>

#include "core/axis.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

// The sorting permutation of each line along the axis, by std::stable_sort.
Tensor twin(const Tensor& x, int axis, bool descending) {
  const AxisView view(x.shape(), axis);
  Tensor indices = Tensor::empty(x.shape(), DType::int32);
  for (Index o = 0; o < view.outer; ++o)
    for (Index i = 0; i < view.inner; ++i) {
      std::vector<Index> line(static_cast<std::size_t>(view.extent));
      std::iota(line.begin(), line.end(), 0);
      std::stable_sort(line.begin(), line.end(), [&](Index a, Index b) {
        const double p = x.at(view.at(o, a, i)), q = x.at(view.at(o, b, i));
        return descending ? p > q : p < q;
      });
      for (Index e = 0; e < view.extent; ++e)
        indices.set(view.at(o, e, i), static_cast<double>(line[static_cast<std::size_t>(e)]));
    }
  return indices;
}

}  // namespace

TEST_CASE("sort, argsort and topk equal a stable sort along every axis", "[ops][order]") {
  for (const Shape& shape :
       {Shape{23}, Shape{5, 37}, Shape{3, 7, 19}, Shape{0, 3}, Shape{3, 0}, Shape{1, 1}, Shape{2, 4099}})
    for (int axis = 0; axis < shape.rank(); ++axis)
      for (bool descending : {false, true})
        for (DType dtype : {DType::float32, DType::float64}) {
          INFO(to_string(shape) << ", axis " << axis << (descending ? ", descending" : ""));
          Tensor x = random_tensor(shape, 1, -6, 6);
          for (Index i = 0; i < x.size(); i += 2) x.set(i, std::round(x.at(i)));  // many ties
          x = x.to(dtype);
          const Tensor dy = random_tensor(shape, 2, -1, 1, dtype), wanted = twin(x, axis, descending);
          CHECK(same_bits(argsort(x, axis, descending), wanted));
          const AxisView view(x.shape(), axis);
          Tensor y = Tensor::empty(shape, dtype), dx = Tensor::empty(shape, dtype);
          for (Index o = 0; o < view.outer; ++o)
            for (Index e = 0; e < view.extent; ++e)
              for (Index i = 0; i < view.inner; ++i) {
                const Index at = view.at(o, e, i), from = view.at(o, static_cast<Index>(wanted.at(at)), i);
                y.set(at, x.at(from));
                dx.set(from, dy.at(at));
              }
          const Played got = play([&](std::span<const Var> v) { return sort(v[0], axis, descending); }, {x}, dy, 2);
          CHECK(same_bits(got.y, y));
          CHECK(same_bits(got.dx[0], dx));
          for (Index k : {Index{0}, view.extent / 2, view.extent}) {
            Tape tape;
            const TopK top = topk(tape.leaf(x), k, axis);
            const Tensor all = twin(x, axis, true);
            CHECK(top.values.shape() == shape.with(axis, k));
            bool right = true;
            for (Index o = 0; o < view.outer; ++o)
              for (Index e = 0; e < k; ++e)
                for (Index i = 0; i < view.inner; ++i) {
                  const Index at = (o * k + e) * view.inner + i;
                  right = right && top.indices.at(at) == all.at(view.at(o, e, i)) &&
                          top.values.value().at(at) == x.at(view.at(o, static_cast<Index>(top.indices.at(at)), i));
                }
            CHECK(right);
          }
        }
}

TEST_CASE("sorting of worked numbers", "[ops][order]") {
  const Tensor x = f64({5}, {2, -1, 2, 7, 0});
  CHECK(argsort(x).to_vector() == std::vector<double>{1, 4, 0, 2, 3});
  CHECK(argsort(x, 0, true).to_vector() == std::vector<double>{3, 0, 2, 4, 1});
  CHECK(argsort(Tensor::from<std::int32_t>({3}, {5, -7, 5}), 0, true).to_vector() == std::vector<double>{0, 2, 1});
  Tape tape;
  const Var v = tape.leaf(x);
  const TopK top = topk(v, 2);
  check_close(top.values.value(), f64({2}, {7, 2}));
  CHECK(top.indices.to_vector() == std::vector<double>{3, 0});
  tape.backward(top.values, f64({2}, {10, 20}));
  check_close(tape.grad(v), f64({5}, {20, 0, 0, 10, 0}));
}

TEST_CASE("NaN, infinities and signed zeros have their places in a sort", "[ops][order]") {
  const Tensor x = f64({7}, {kNaN, 0, -kInf, -0.0, kInf, -kNaN, -1e-310});
  CHECK(argsort(x).to_vector() == std::vector<double>{2, 6, 1, 3, 4, 0, 5});
  CHECK(argsort(x, 0, true).to_vector() == std::vector<double>{0, 5, 4, 1, 3, 6, 2});
  CHECK(argsort(x.to(DType::float32)).to_vector() == std::vector<double>{2, 1, 3, 6, 4, 0, 5});  // -1e-310 is -0 there
}

TEST_CASE("sorting refuses what it cannot do", "[ops][order]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  const Var integers = tape.constant(Tensor::zeros({2}, DType::int32));
  CHECK(error_of([&] { topk(x, 4); }) ==
        "topk: k is 4, but axis 1 of shape [2, 3] has 3 elements; 0 <= k <= 3 was wanted");
  CHECK(error_of([&] { topk(x, -1, 0); }) ==
        "topk: k is -1, but axis 0 of shape [2, 3] has 2 elements; 0 <= k <= 2 was wanted");
  CHECK(error_of([&] { sort(x, 2); }) == "sort: axis 2 is outside [-2, 2) of shape [2, 3]");
  CHECK(error_of([&] { argsort(x.value(), 2); }) == "argsort: axis 2 is outside [-2, 2) of shape [2, 3]");
  CHECK(error_of([&] { sort(integers); }) ==
        "sort: x is int32 [2]; float32 or float64 was wanted; convert it with Tensor::to");
  CHECK(error_of([&] { topk(integers, 1); }) ==
        "topk: x is int32 [2]; float32 or float64 was wanted; convert it with Tensor::to");
}
