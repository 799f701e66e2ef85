// A tensor: a shape, an element type and a buffer, always contiguous and row-major.
//
// A Tensor is a handle: copies share the buffer, as do the views that reshaped() and rows() give. Arithmetic happens
// in the Eigen maps it hands out. Nothing here is differentiable; see core/tape.h for that.
#pragma once

#include <Eigen/Core>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "core/dtype.h"
#include "core/memory.h"
#include "core/shape.h"

namespace tempera {

template <class T>
using Vector = Eigen::Array<T, Eigen::Dynamic, 1>;
template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T, int Rank>
using EigenTensor = Eigen::Tensor<T, Rank, Eigen::RowMajor, Index>;

class Tensor {
 public:
  Tensor() = default;  // undefined: no buffer, defined() is false

  // Contents undefined. With a pool the buffer comes from there, otherwise from the heap. 64-byte aligned.
  static Tensor empty(const Shape& shape, DType dtype, const std::shared_ptr<Pool>& pool = nullptr);
  static Tensor zeros(const Shape& shape, DType dtype, const std::shared_ptr<Pool>& pool = nullptr);
  static Tensor full(const Shape& shape, DType dtype, double value, const std::shared_ptr<Pool>& pool = nullptr);
  static Tensor scalar(double value, DType dtype = DType::float32) { return full({}, dtype, value); }

  // Throws Error when the count of values is not shape.size().
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> values);
  template <class T>
  static Tensor from(const Shape& shape, std::initializer_list<T> values) {
    return from<T>(shape, std::span<const T>(values.begin(), values.size()));
  }

  bool defined() const { return static_cast<bool>(storage_); }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  Index size() const { return size_; }
  Index dim(int axis) const { return shape_[axis]; }
  DType dtype() const { return dtype_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * byte_size(dtype_); }

  // Throws Error when T is not the element type.
  template <class T>
  T* data() {
    check_type(dtype_of<T>());
    return static_cast<T*>(data_);
  }
  template <class T>
  const T* data() const {
    check_type(dtype_of<T>());
    return static_cast<const T*>(data_);
  }
  void* raw() { return data_; }
  const void* raw() const { return data_; }

  // All elements as one array.
  template <class T>
  Eigen::Map<Vector<T>> vec() {
    return {data<T>(), size_};
  }
  template <class T>
  Eigen::Map<const Vector<T>> vec() const {
    return {data<T>(), size_};
  }
  // The last axis as columns, all others as rows; a scalar is 1 x 1.
  template <class T>
  Eigen::Map<Matrix<T>> mat() {
    return {data<T>(), matrix_rows(), matrix_cols()};
  }
  template <class T>
  Eigen::Map<const Matrix<T>> mat() const {
    return {data<T>(), matrix_rows(), matrix_cols()};
  }
  // The tensor with its own axes. Throws Error when Rank is not rank().
  template <class T, int Rank>
  Eigen::TensorMap<EigenTensor<T, Rank>> map() {
    return {data<T>(), extents<Rank>()};
  }
  template <class T, int Rank>
  Eigen::TensorMap<const EigenTensor<T, Rank>> map() const {
    return {data<T>(), extents<Rank>()};
  }

  Index matrix_cols() const { return rank() == 0 ? 1 : shape_.back(); }
  Index matrix_rows() const { return rank() == 0 ? 1 : shape_.product(0, rank() - 1); }

  // Another shape over the same buffer. Throws Error when the sizes differ.
  Tensor reshaped(const Shape& shape) const;
  // Entries [first, first + count) of axis 0 over the same buffer.
  Tensor rows(Index first, Index count) const;
  // A view of `shape` that starts `offset` elements into this buffer.
  Tensor view(Index offset, const Shape& shape) const;

  Tensor clone(const std::shared_ptr<Pool>& pool = nullptr) const;
  Tensor to(DType dtype, const std::shared_ptr<Pool>& pool = nullptr) const;
  void copy_from(const Tensor& other);  // same shape and dtype
  void fill(double value);

  double item() const;              // the only element; Error when size() != 1
  double at(Index position) const;  // element in row-major order, as double
  void set(Index position, double value);
  std::vector<double> to_vector() const;

  // True when both are handles of one buffer.
  bool shares_buffer(const Tensor& other) const { return data_ && data_ == other.data_; }
  std::int64_t references() const { return storage_.references(); }

 private:
  void check_type(DType wanted) const {
    if (wanted != dtype_) [[unlikely]]
      wrong_type(wanted);
  }
  [[noreturn]] void wrong_type(DType wanted) const;
  [[noreturn]] void wrong_rank(int wanted) const;
  template <int Rank>
  Eigen::DSizes<Index, Rank> extents() const {
    if (Rank != rank()) wrong_rank(Rank);
    Eigen::DSizes<Index, Rank> sizes;
    for (int i = 0; i < Rank; ++i) sizes[static_cast<std::size_t>(i)] = shape_[i];
    return sizes;
  }

  Storage storage_;
  void* data_ = nullptr;
  Index size_ = 0;
  Shape shape_;
  DType dtype_ = DType::float32;
};

// "float32 [2, 3]"
std::string to_string(const Tensor& tensor);

}  // namespace tempera

// Lazily, so that a check that holds formats nothing: require(ok, who, "{} came", tensor).
template <>
struct fmt::formatter<tempera::Tensor> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const tempera::Tensor& tensor, Context& context) const {
    return fmt::formatter<std::string>::format(tempera::to_string(tensor), context);
  }
};
