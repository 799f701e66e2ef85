// A model of a few parameters that optimizers push about.
#pragma once

#include <cmath>
#include <memory>

#include "core/random.h"
#include "train/optimizer/optimizer.h"

namespace tempera {

struct SmallModel : Module {
  Parameter wide{{5, 7}, Init::normal(1)}, tall{{7, 3}, Init::normal(1)}, bias{{5}, Init::normal(1), false};
  void visit(ParameterVisitor& v) override {
    v("wide", wide);
    v("tall", tall);
    v("bias", bias);
  }
};

// The gradient of the goldens: p^3 / 4 - sin(t + i / 2) at entry i of its parameter.
inline Tensor golden_gradient(const Parameters& parameters, int t) {
  Tensor gradients = parameters.make_flat();
  for (const Parameters::Entry& entry : parameters.entries())
    for (Index i = 0; i < entry.size; ++i) {
      const double p = entry.parameter->value.at(i);
      gradients.set(entry.offset + i, p * p * p / 4 - std::sin(t + static_cast<double>(i) / 2));
    }
  return gradients;
}

// The options of a kind from optimizer_kinds().
inline std::unique_ptr<OptimizerOptions> optimizer_options(std::string_view name) {
  for (const Kind& kind : optimizer_kinds())
    if (kind.name == name) {
      std::unique_ptr<Options> options = kind.make();
      return std::unique_ptr<OptimizerOptions>(dynamic_cast<OptimizerOptions*>(options.release()));
    }
  return nullptr;
}

}  // namespace tempera
