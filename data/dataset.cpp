#include "data/dataset.h"

#include <cstring>
#include <limits>

namespace tempera {
namespace {

constexpr std::int64_t kMostSamples = std::numeric_limits<std::int32_t>::max();

Shape with_batch(Index batch, const Shape& sample) {
  return sample.inserted(0, batch);
}

void copy_row(const Tensor& from, std::int64_t i, Tensor& to, Index row) {
  const std::size_t bytes = static_cast<std::size_t>(from.shape().product(1, from.rank())) * byte_size(from.dtype());
  std::memcpy(static_cast<std::byte*>(to.raw()) + static_cast<std::size_t>(row) * bytes,
              static_cast<const std::byte*>(from.raw()) + static_cast<std::size_t>(i) * bytes, bytes);
}

}  // namespace

Dataset::Dataset(std::int64_t size, Description description) : size_(size), description_(std::move(description)) {
  const Description& d = description_;
  require(size >= 0 && size <= kMostSamples, "Dataset", "{} samples came; at most 2^31 - 1 can be numbered", size);
  const bool pairs = d.second_inputs.rank() > 0;
  require((d.vocabulary > 0) == (d.input_type == DType::int32 || pairs), "Dataset",
          "inputs are {} and the vocabulary has {} entries; tokens are int32 and have a vocabulary", d.input_type,
          d.vocabulary);
  require((d.classes > 0) == (d.target_type == DType::int32), "Dataset",
          "targets are {} of {} classes; classes are int32, numbers float32 without classes", d.target_type, d.classes);
  const auto names = static_cast<Index>(d.class_names.size()), features = static_cast<Index>(d.feature_names.size());
  require(names == 0 || names == d.classes, "Dataset", "{} names came for {} classes", names, d.classes);
  require(features == 0 || features == d.inputs.size(), "Dataset", "{} names came for features of shape {}", features,
          d.inputs);
  const auto outputs = static_cast<Index>(d.target_names.size());
  require(outputs == 0 || outputs == d.targets.size(), "Dataset", "{} names came for targets of shape {}", outputs,
          d.targets);
  const bool whole = d.input_type == DType::int32, tokens = whole && d.inputs.rank() == 1,
             vectors = !whole && d.inputs.rank() == 2;
  require(tokens || vectors || (!d.lengths && !pairs), "Dataset",
          "inputs are {} {}; only tokens [N] and vectors [N, features] have lengths or come in pairs", d.input_type,
          d.inputs);
  require(d.second_inputs.rank() <= 1, "Dataset", "second inputs are {}; [M] was wanted, or none", d.second_inputs);
}

void Dataset::fill(std::span<const std::int64_t> samples, Batch& out) const {
  const auto batch = static_cast<Index>(samples.size());
  out.fit(out.inputs, with_batch(batch, description_.inputs), description_.input_type);
  out.fit(out.targets, with_batch(batch, description_.targets), description_.target_type);
  out.fit(out.ids, {batch}, DType::int32);
  const bool pairs = description_.second_inputs.rank() > 0;
  if (description_.lengths) out.fit(out.lengths, {batch}, DType::int32);
  if (pairs) out.fit(out.second_inputs, with_batch(batch, description_.second_inputs), DType::int32);
  if (pairs && description_.lengths) out.fit(out.second_lengths, {batch}, DType::int32);
  if (!description_.lengths) out.lengths = out.second_lengths = Tensor();
  if (!pairs) out.second_inputs = out.second_lengths = Tensor();
  std::int32_t* ids = out.ids.data<std::int32_t>();
  for (Index row = 0; row < batch; ++row) {
    const std::int64_t sample = samples[static_cast<std::size_t>(row)];
    require(sample >= 0 && sample < size_, "Dataset::fill", "sample {} was asked for of {}", sample, size_);
    ids[row] = static_cast<std::int32_t>(sample);
    put(sample, row, out);
  }
}

std::string Dataset::describe() const {
  const Description& d = description_;
  std::string text =
      fmt::format("{} {}; inputs {} {}", grouped(size_), size_ == 1 ? "sample" : "samples", d.input_type, d.inputs);
  if (d.second_inputs.rank() > 0) text += fmt::format(" and {}", d.second_inputs);
  if (d.lengths) text += " with lengths";
  if (d.vocabulary > 0) text += fmt::format(", vocabulary {}", grouped(d.vocabulary));
  text += fmt::format("; targets {} {}", d.target_type, d.targets);
  if (d.classes > 0) text += fmt::format(", {} classes", grouped(d.classes));
  return text;
}

TensorDataset::TensorDataset(Tensor inputs, Tensor targets, Description description)
    : Dataset(inputs.rank() > 0 ? inputs.dim(0) : 0, std::move(description)),
      inputs_(std::move(inputs)),
      targets_(std::move(targets)) {
  const Description& d = this->description();
  require(inputs_.shape() == with_batch(size(), d.inputs) && inputs_.dtype() == d.input_type, "TensorDataset",
          "inputs {} came; {} [samples, {}] were described", inputs_, d.input_type, d.inputs);
  require(targets_.shape() == with_batch(size(), d.targets) && targets_.dtype() == d.target_type, "TensorDataset",
          "targets {} came for {} samples; {} [samples, {}] were described", targets_, size(), d.target_type,
          d.targets);
}

void TensorDataset::put(std::int64_t sample, Index row, Batch& out) const {
  copy_row(inputs_, sample, out.inputs, row);
  copy_row(targets_, sample, out.targets, row);
}

Subset::Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int32_t> samples)
    : DatasetView(static_cast<std::int64_t>(samples.size()), whole->description()),
      whole_(std::move(whole)),
      samples_(std::move(samples)) {
  for (const std::int32_t sample : samples_)
    require(sample >= 0 && sample < whole_->size(), "Subset", "sample {} was asked for of {}", sample, whole_->size());
}

void Subset::put(std::int64_t sample, Index row, Batch& out) const {
  put_of(*whole_, samples_[static_cast<std::size_t>(sample)], row, out);
}

}  // namespace tempera
