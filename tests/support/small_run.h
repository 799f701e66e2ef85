// Parameters and an optimizer, the least that a checkpoint keeps.
#pragma once

#include "core/random.h"
#include "train/optimizer/adam.h"

namespace tempera {

struct SmallRun {
  struct Net : Module {
    Parameter weight{{7, 5}, Init::normal(1)}, bias{{7}, Init::normal(1), false};
    void visit(ParameterVisitor& v) override {
      v("layer.weight", weight);
      v("layer.bias", bias);
    }
  };

  explicit SmallRun(std::uint64_t seed)
      : parameters(net, DType::float32, Rng(seed, "run")), optimizer(AdamWOptions().make(segments_of(parameters))) {
    optimizer->prepare(parameters.flat_size(), DType::float32);
  }
  void step(std::int64_t number) {
    Tensor gradient = parameters.make_flat();
    Rng(9, "gradient", static_cast<std::uint64_t>(number)).fill_normal(gradient, 0, 1);
    optimizer->step(parameters.flat(), gradient, {.step = number, .lr = 0.01});
  }

  Net net;
  Parameters parameters;
  std::unique_ptr<Optimizer> optimizer;
};

}  // namespace tempera
