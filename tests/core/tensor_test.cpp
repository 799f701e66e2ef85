#include "core/tensor.h"

#include <catch2/catch.hpp>
#include <cstdint>

using namespace tempera;

TEST_CASE("tensors are made, filled and read", "[tensor]") {
  const Tensor zeros = Tensor::zeros({2, 3}, DType::float64);
  CHECK(zeros.size() == 6);
  CHECK(zeros.bytes() == 48);
  CHECK(zeros.to_vector() == std::vector<double>(6, 0.0));
  CHECK(Tensor::full({3}, DType::int32, 7).to_vector() == std::vector<double>{7, 7, 7});
  CHECK(Tensor::scalar(2.5, DType::float64).item() == 2.5);
  CHECK(Tensor::from<float>({2}, {1.5F, 2.F}).to_vector() == std::vector<double>{1.5, 2});
  CHECK_FALSE(Tensor().defined());
  CHECK(to_string(Tensor()) == "undefined tensor");
  CHECK(to_string(zeros) == "float64 [2, 3]");
  CHECK(Tensor::zeros({0, 4}, DType::float32).to_vector().empty());
}

TEST_CASE("every buffer starts on a cache line", "[tensor]") {
  const auto pool = std::make_shared<Pool>();
  for (const Index n : {0, 1, 3, 17, 1000, 4099})
    for (const auto& from : {std::shared_ptr<Pool>(), pool}) {
      const Tensor tensor = Tensor::empty({n}, DType::float32, from);
      CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64 == 0);
    }
}

TEST_CASE("Eigen maps see the same memory", "[tensor]") {
  Tensor x = Tensor::from<double>({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(x.vec<double>().sum() == 21);
  CHECK(x.mat<double>()(1, 0) == 4);
  CHECK(x.map<double, 2>()(0, 2) == 3);
  x.mat<double>().row(1) *= 10;
  CHECK(x.to_vector() == std::vector<double>{1, 2, 3, 40, 50, 60});
  CHECK(Tensor::zeros({2, 3, 4}, DType::float32).mat<float>().rows() == 6);
  CHECK(Tensor::scalar(1).mat<float>().size() == 1);
}

TEST_CASE("views share the buffer, clones do not", "[tensor]") {
  Tensor x = Tensor::from<double>({3, 2}, {1, 2, 3, 4, 5, 6});
  Tensor row = x.rows(1, 1), flat = x.reshaped({6}), copy = x.clone();
  row.set(0, 30);
  CHECK(flat.at(2) == 30);
  CHECK(copy.at(2) == 3);
  CHECK(x.shares_buffer(flat));
  CHECK_FALSE(x.shares_buffer(copy));
  CHECK(x.view(3, {3}).to_vector() == std::vector<double>{4, 5, 6});
  CHECK(x.rows(3, 0).size() == 0);
}

TEST_CASE("element types convert", "[tensor]") {
  const Tensor x = Tensor::from<double>({3}, {1.75, -2, 3});
  CHECK(x.to(DType::float32).dtype() == DType::float32);
  CHECK(x.to(DType::int32).to_vector() == std::vector<double>{1, -2, 3});
  CHECK(x.to(DType::float64).shares_buffer(x));
}

TEST_CASE("misuse of a tensor is refused", "[tensor][errors]") {
  Tensor x = Tensor::zeros({2, 3}, DType::float32);
  CHECK_THROWS_WITH(x.data<double>(), "Tensor: a tensor of float32 [2, 3] was read as float64");
  CHECK_THROWS_WITH((x.map<float, 3>()), "Tensor: a tensor of shape [2, 3] was read with rank 3");
  CHECK_THROWS_WITH(x.reshaped({5}), "reshape: shape [2, 3] has 6 elements, but [5] has 5");
  CHECK_THROWS_WITH(x.item(), "Tensor::item: one element was wanted, but the shape is [2, 3]");
  CHECK_THROWS_WITH(x.at(6), "Tensor::at: position 6 is outside [0, 6)");
  CHECK_THROWS_WITH(x.set(-1, 0), "Tensor::set: position -1 is outside [0, 6)");
  CHECK_THROWS_WITH(x.rows(1, 2), "Tensor::rows: rows [1, 3) were wanted of shape [2, 3]");
  CHECK_THROWS_WITH(Tensor::scalar(1).rows(0, 1), "Tensor::rows: a scalar has no rows");
  CHECK_THROWS_WITH(x.view(4, {3}), "Tensor::view: a view of shape [3] at element 4 exceeds the 6 elements of [2, 3]");
  CHECK_THROWS_WITH(x.copy_from(Tensor::zeros({2, 3}, DType::float64)),
                    "Tensor::copy_from: float64 [2, 3] came where float32 [2, 3] was wanted");
  CHECK_THROWS_WITH(Tensor::from<float>({2, 2}, {1.F}), "Tensor::from: 1 values came for shape [2, 2], which holds 4");
  CHECK_THROWS_WITH(dispatch(DType::int32, [](auto) {}),
                    "dispatch: an int32 tensor came where float32 or float64 was wanted");
}

TEST_CASE("a pool serves again what it was given back", "[memory]") {
  const auto pool = std::make_shared<Pool>();
  const void* first = nullptr;
  {
    const Tensor x = Tensor::empty({1000}, DType::float32, pool);
    first = x.raw();
    CHECK(pool->live_bytes() >= 4000);
    CHECK(pool->live_bytes() <= 4000 * 9 / 8 + 64);
  }
  CHECK(pool->live_bytes() == 0);
  CHECK(pool->peak_bytes() >= 4000);
  const std::size_t reserved = pool->reserved_bytes();
  const Tensor again = Tensor::empty({999}, DType::float32, pool);
  CHECK(again.raw() == first);
  CHECK(pool->reserved_bytes() == reserved);
  pool->reset_peak();
  CHECK(pool->peak_bytes() == pool->live_bytes());
}

TEST_CASE("size classes lose at most an eighth", "[memory]") {
  const auto pool = std::make_shared<Pool>();
  for (std::size_t bytes = 1; bytes < (std::size_t{1} << 24); bytes = bytes * 17 / 16 + 1) {
    const Storage block = Pool::allocate(pool, bytes);
    CHECK(block.bytes() >= bytes);
    CHECK(block.bytes() <= bytes + std::max<std::size_t>(64, bytes / 8 + 64));
  }
  pool->trim();
  CHECK(pool->reserved_bytes() == 0);
  CHECK_THROWS_AS(Pool::allocate(pool, SIZE_MAX), std::bad_alloc);
}

TEST_CASE("a tensor outlives the pool's owner", "[memory]") {
  auto pool = std::make_shared<Pool>();
  Tensor x = Tensor::full({100}, DType::float32, 3, pool);
  const std::weak_ptr<Pool> watch = pool;
  pool.reset();
  CHECK_FALSE(watch.expired());
  CHECK(x.at(99) == 3);
  x = Tensor();
  CHECK(watch.expired());
}
