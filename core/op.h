// What the library knows of an operation besides its code: its name, and the examples that prove its gradient.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"
#include "core/tensor.h"

namespace tempera {

class Inputs;
class Tape;
class Var;

// How an example's input is drawn.
enum class Draw {
  uniform,   // in [low, high)
  distinct,  // in [low, high), no two closer than (high - low) / size: no ties for max, sort, pooling
  index,     // int32 in [low, high); no gradient
};

struct Input {
  Shape shape;
  double low = -1;
  double high = 1;
  Draw draw = Draw::uniform;
};

// One way to call the operation. The gradient check differentiates sum(w * call(inputs)) for random w.
struct Example {
  std::string name;  // "axis=1"
  std::vector<Input> inputs;
  std::function<Var(std::span<const Var>)> call;
  // The same in PyTorch, over inputs a, b, c, ...; empty where PyTorch has no such thing. The golden
  // files are made from it.
  std::string torch = {};
};

// An operation. One constant of this type stands in each operation's file and is given to Tape::record, so no
// operation can be recorded that has no examples; core/ops/table.cpp lists them for the tests.
struct Op {
  std::string_view name;
  std::vector<Example> (*examples)();
  // Bound on |analytic - numeric| over the larger of the two and the gradient's root mean square (float64).
  double tolerance = 1e-8;
  // Floating-point operations of one call's products, two for each multiply-add, masked or not; null: none. What costs
  // a fixed number of operations per element is not counted.
  double (*flops)(Inputs inputs, const Tensor& y) = nullptr;
};

// The tensors of an example for one seed; indices are int32, everything else is `dtype`.
std::vector<Tensor> draw_inputs(const Example& example, std::uint64_t seed, DType dtype = DType::float64);

}  // namespace tempera
