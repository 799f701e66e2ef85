// Optimizers: rules that move the parameters along their gradients, over flat buffers (layers/module.h).
//
// A rule is one file with its options, its formula and one fused pass over memory; optimizers.cpp lists them.
#pragma once

#include <array>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/fields.h"
#include "core/tensor.h"
#include "train/optimizer/segments.h"

namespace tempera {

// What differs from step to step.
struct StepInfo {
  std::int64_t step = 1;                                            // counted from 1
  double lr = 1e-3;                                                 // after the schedule
  double gradient_scale = 1;                                        // from clipping; applied while the gradient is read
  double gradient_limit = std::numeric_limits<double>::infinity();  // of |entry| after the scale
  int threads = 1;
};

class Optimizer {
 public:
  // `states` names the rule's own buffers; the names are the checkpoint's.
  Optimizer(std::vector<Segment> segments, std::vector<std::string_view> states);
  virtual ~Optimizer() = default;

  // values -= update(gradients); all flat, of one layout and dtype. Allocates only at the first step; the same bits on
  // any number of threads. Throws Error where sizes or dtypes disagree, with each other or with the steps before, where
  // segments are out of order or one reaches beyond the buffer, or info.step < 1.
  void step(Tensor& values, const Tensor& gradients, const StepInfo& info);

  // What must be kept to go on bit for bit, by name; the checkpoint writes and fills them. Undefined before prepare().
  struct State {
    std::string_view name;
    Tensor* tensor;
  };
  std::vector<State> states();

  // Makes the states, zero, for a flat buffer of this size; called by the first step, and before a checkpoint is read.
  void prepare(Index flat_size, DType dtype);

 protected:
  virtual void update(Tensor& values, const Tensor& gradients, const StepInfo& info) = 0;

  std::vector<Segment> segments_;
  std::vector<Tensor> state_;  // in the order of the names

 private:
  std::vector<std::string_view> names_;
};

struct OptimizerOptions : Options {
  // Throws Error where problems() has any.
  std::unique_ptr<Optimizer> make(std::vector<Segment> segments) const;

 protected:
  virtual std::unique_ptr<Optimizer> make_checked(std::vector<Segment> segments) const = 0;
};

// All rules, for configurations: "sgd", "adam", "adamw", "lion", "muon".
std::span<const Kind> optimizer_kinds();

// Euclidean norm of a flat gradient over the segments, summed in double along a fixed order: the same bits on any
// number of threads. Allocates at the first call only.
class GradientNorm {
 public:
  double operator()(const Tensor& gradients, std::span<const Segment> segments, int threads = 1);

 private:
  std::vector<std::array<double, 8>> sums_;  // of each segment
};

double gradient_norm(const Tensor& gradients, std::span<const Segment> segments);

}  // namespace tempera
