// Optimizers: rules that move the parameters along their gradients, over flat buffers (layers/module.h).
//
// A rule is one file with its options, its formula and one fused pass over memory; optimizers.cpp lists them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fields.h"
#include "core/tensor.h"
#include "layers/module.h"

namespace tempera {

// A parameter as the optimizer sees it: a piece of the flat buffers.
struct Segment {
  Index offset = 0, size = 0;
  bool decay = true;           // weight decay applies
  double lr_factor = 1;        // of the learning rate
  Index rows = 1, cols = 1;    // a matrix as stored; a vector is 1 x size
  bool hidden_matrix = false;  // rank 2 and no embedding or head: what Muon orthogonalises
};

// What differs from step to step.
struct StepInfo {
  std::int64_t step = 1;      // counted from 1
  double lr = 1e-3;           // after the schedule
  double gradient_scale = 1;  // from clipping; applied while the gradient is read
  int threads = 1;
};

class Optimizer {
 public:
  explicit Optimizer(std::vector<Segment> segments) : segments_(std::move(segments)) {}
  virtual ~Optimizer() = default;

  // values -= update(gradients); all flat, of one layout and dtype. Allocates only at the first step.
  virtual void step(Tensor& values, const Tensor& gradients, const StepInfo& info) = 0;

  // What must be kept to go on bit for bit, by name; the checkpoint writes and fills them.
  struct State {
    std::string_view name;
    Tensor* tensor;
  };
  virtual std::vector<State> states() = 0;

  // Makes the states for a flat buffer of this size; called before the first step and before a checkpoint is read.
  virtual void prepare(Index flat_size, DType dtype) = 0;

 protected:
  std::vector<Segment> segments_;
};

struct OptimizerOptions : Options {
  virtual std::unique_ptr<Optimizer> make(std::vector<Segment> segments) const = 0;
};

// All rules, for configurations: "sgd", "adam", "adamw", "lion", "muon".
std::span<const Kind> optimizer_kinds();

// One segment per trainable parameter. `no_decay` holds name patterns (* and ?); parameters that ask for no decay are
// left out of it anyway.
std::vector<Segment> segments_of(const Parameters& parameters, const std::vector<std::string>& no_decay = {});

// Euclidean norm of a flat gradient, summed in double along a fixed order.
double gradient_norm(const Tensor& gradients, std::span<const Segment> segments);

}  // namespace tempera
