#include "core/tensor.h"

#include <algorithm>
#include <cstring>

namespace tempera {

Tensor Tensor::empty(const Shape& shape, DType dtype, const std::shared_ptr<Pool>& pool) {
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.size_ = shape.size();
  tensor.dtype_ = dtype;
  tensor.storage_ = pool ? Pool::allocate(pool, tensor.bytes()) : Storage::on_heap(tensor.bytes());
  tensor.data_ = tensor.storage_.data();
  return tensor;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, const std::shared_ptr<Pool>& pool) {
  Tensor tensor = empty(shape, dtype, pool);
  std::memset(tensor.data_, 0, tensor.bytes());
  return tensor;
}

Tensor Tensor::full(const Shape& shape, DType dtype, double value, const std::shared_ptr<Pool>& pool) {
  Tensor tensor = empty(shape, dtype, pool);
  tensor.fill(value);
  return tensor;
}

template <class T>
Tensor Tensor::from(const Shape& shape, std::span<const T> values) {
  require(static_cast<Index>(values.size()) == shape.size(), "Tensor::from",
          "{} values came for shape {}, which holds {}", values.size(), shape, shape.size());
  Tensor tensor = empty(shape, dtype_of<T>());
  std::copy(values.begin(), values.end(), tensor.data<T>());
  return tensor;
}
template Tensor Tensor::from(const Shape&, std::span<const float>);
template Tensor Tensor::from(const Shape&, std::span<const double>);
template Tensor Tensor::from(const Shape&, std::span<const std::int32_t>);

Tensor Tensor::reshaped(const Shape& shape) const {
  require(shape.size() == size_, "reshape", "shape {} has {} elements, but {} has {}", shape_, size_, shape,
          shape.size());
  return view(0, shape);
}

Tensor Tensor::rows(Index first, Index count) const {
  require(rank() > 0, "Tensor::rows", "a scalar has no rows");
  require(first >= 0 && count >= 0 && first + count <= shape_[0], "Tensor::rows",
          "rows [{}, {}) were wanted of shape {}", first, first + count, shape_);
  return view(first * shape_.product(1, rank()), shape_.with(0, count));
}

Tensor Tensor::view(Index offset, const Shape& shape) const {
  require(offset >= 0 && offset + shape.size() <= size_, "Tensor::view",
          "a view of shape {} at element {} exceeds the {} elements of {}", shape, offset, size_, shape_);
  Tensor result = *this;
  result.shape_ = shape;
  result.size_ = shape.size();
  result.data_ = static_cast<std::byte*>(data_) + static_cast<std::size_t>(offset) * byte_size(dtype_);
  return result;
}

Tensor Tensor::clone(const std::shared_ptr<Pool>& pool) const {
  Tensor result = empty(shape_, dtype_, pool);
  std::memcpy(result.data_, data_, bytes());
  return result;
}

Tensor Tensor::to(DType dtype, const std::shared_ptr<Pool>& pool) const {
  if (dtype == dtype_) return *this;
  Tensor result = empty(shape_, dtype, pool);
  dispatch_any(dtype_, [&]<class From>(Type<From>) {
    dispatch_any(dtype, [&]<class To>(Type<To>) { result.vec<To>() = vec<From>().template cast<To>(); });
  });
  return result;
}

void Tensor::copy_from(const Tensor& other) {
  require(other.shape_ == shape_ && other.dtype_ == dtype_, "Tensor::copy_from", "{} came where {} was wanted", other,
          *this);
  std::memmove(data_, other.data_, bytes());
}

void Tensor::fill(double value) {
  dispatch_any(dtype_, [&]<class T>(Type<T>) { std::fill_n(data<T>(), size_, static_cast<T>(value)); });
}

double Tensor::item() const {
  require(size_ == 1 && defined(), "Tensor::item", "one element was wanted, but the shape is {}", shape_);
  return at(0);
}

double Tensor::at(Index position) const {
  require(position >= 0 && position < size_, "Tensor::at", "position {} is outside [0, {})", position, size_);
  return dispatch_any(dtype_, [&]<class T>(Type<T>) { return static_cast<double>(data<T>()[position]); });
}

void Tensor::set(Index position, double value) {
  require(position >= 0 && position < size_, "Tensor::set", "position {} is outside [0, {})", position, size_);
  dispatch_any(dtype_, [&]<class T>(Type<T>) { data<T>()[position] = static_cast<T>(value); });
}

std::vector<double> Tensor::to_vector() const {
  std::vector<double> values(static_cast<std::size_t>(size_));
  for (Index i = 0; i < size_; ++i) values[static_cast<std::size_t>(i)] = at(i);
  return values;
}

void Tensor::wrong_type(DType wanted) const {
  fail("Tensor", "a tensor of {} was read as {}", *this, wanted);
}

void Tensor::wrong_rank(int wanted) const {
  fail("Tensor", "a tensor of shape {} was read with rank {}", shape_, wanted);
}

std::string to_string(const Tensor& tensor) {
  return tensor.defined() ? fmt::format("{} {}", tensor.dtype(), tensor.shape()) : "undefined tensor";
}

}  // namespace tempera
