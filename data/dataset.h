// A set of samples that are read by index, in any order, from any thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/grouped.h"
#include "data/batch.h"

namespace tempera {

// What one sample looks like; the leading axis B of a batch is left out.
struct Description {
  Shape inputs = {};                  // [N], [F], [C, H, W]
  DType input_type = DType::float32;  // int32: tokens
  Shape targets = {};                 // [] for one class or one number, [N] for a token at each place
  DType target_type = DType::int32;   // float32: regression
  Index vocabulary = 0;  // tokens are in [0, vocabulary): int32 inputs, second inputs; 0 where there are none
  Index classes = 0;     // targets are in [0, classes); 0 where they are numbers
  std::vector<std::string> class_names = {};    // empty or one per class
  std::vector<std::string> feature_names = {};  // empty or one per entry of inputs [F]
  std::vector<std::string> target_names = {};   // empty or one per entry of targets [T]
  bool lengths = false;      // inputs are tokens [N] or vectors [N, F], of which each sample has its own number
  Shape second_inputs = {};  // [M]: samples are pairs, the second tokens; []: they are not
};

// Sample i is a function of i and of how the set was made, never of what was read before. Reading changes nothing, so
// several threads may fill batches at the same time.
class Dataset {
 public:
  // At most 2^31 - 1 samples, since ids are int32. Throws Error beyond, or where `description` contradicts itself.
  Dataset(std::int64_t size, Description description);
  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  std::int64_t size() const { return size_; }
  const Description& description() const { return description_; }

  // The samples, in this order, as one batch. Uses the memory of `out` again (see Batch::fit).
  // Throws Error for an index outside [0, size()).
  void fill(std::span<const std::int64_t> samples, Batch& out) const;

  // "1,797 samples; inputs float32 [1, 8, 8]; targets int32 [], 10 classes"
  std::string describe() const;

 protected:
  // Writes sample `sample` into entry `row` of all that the description names (ids are there already).
  virtual void put(std::int64_t sample, Index row, Batch& out) const = 0;

 private:
  friend class DatasetView;
  std::int64_t size_;
  Description description_;
};

// Samples that lie in memory: sample i is row i of both tensors, whose types and shapes the description repeats.
class TensorDataset final : public Dataset {
 public:
  // Throws Error when the tensors disagree with each other or with the description.
  TensorDataset(Tensor inputs, Tensor targets, Description description);

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override;

 private:
  Tensor inputs_, targets_;
};

// A set whose samples are those of others, perhaps changed.
class DatasetView : public Dataset {
 protected:
  using Dataset::Dataset;
  // What `set` writes for its sample; see Dataset::put.
  static void put_of(const Dataset& set, std::int64_t sample, Index row, Batch& out) { set.put(sample, row, out); }
};

// Some samples of another set, by index. Its own ids count from 0.
class Subset final : public DatasetView {
 public:
  Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int32_t> samples);

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override;

 private:
  std::shared_ptr<const Dataset> whole_;
  std::vector<std::int32_t> samples_;
};

}  // namespace tempera
