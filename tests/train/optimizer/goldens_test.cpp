// Trajectories of 100 steps against PyTorch's optimizers, in float64.
#include <catch2/catch.hpp>

#include "data/safetensors.h"
#include "tests/support/source_file.h"
#include "tests/train/optimizer/support.h"
#include "train/optimizer/adam.h"
#include "train/optimizer/muon.h"
#include "train/optimizer/sgd.h"

using namespace tempera;

namespace {

void compare(const std::string& name, const OptimizerOptions& options, double lr) {
  static const SafetensorsFile file = read_safetensors(source_file("tests/goldens/optimizers.safetensors"));
  SmallModel model;
  Parameters parameters(model, DType::float64, Rng(1, "run"));
  for (const Parameters::Entry& entry : parameters.entries())
    entry.parameter->value.copy_from(file.tensors.at("start/" + entry.name));
  const auto optimizer = options.make(segments_of(parameters));
  for (int t = 1; t <= 100; ++t) {
    optimizer->step(parameters.flat(), golden_gradient(parameters, t), {.step = t, .lr = lr});
    if (t != 1 && t != 10 && t != 100) continue;
    for (const Parameters::Entry& entry : parameters.entries()) {
      const std::string key = name + "/" + std::to_string(t) + "/" + entry.name;
      INFO(key);
      const Vector<double> difference = entry.parameter->value.vec<double>() - file.tensors.at(key).vec<double>();
      CHECK(difference.abs().maxCoeff() <= 1e-8);
    }
  }
}

SgdOptions sgd(double momentum, double weight_decay, bool nesterov) {
  SgdOptions o;
  o.momentum = momentum;
  o.weight_decay = weight_decay;
  o.nesterov = nesterov;
  return o;
}

template <class O>
O adam(double b1, double b2, double eps) {
  O o;
  o.betas = {b1, b2};
  o.eps = eps;
  o.weight_decay = 0.1;
  return o;
}

MuonOptions muon(bool nesterov, int iterations) {
  MuonOptions o;
  o.momentum = 0.9;
  o.weight_decay = 0.1;
  o.nesterov = nesterov;
  o.iterations = iterations;
  return o;
}

}  // namespace

TEST_CASE("100 steps of every rule arrive where PyTorch does", "[goldens][optimizer]") {
  compare("sgd", sgd(0, 0, false), 0.05);
  compare("sgd momentum", sgd(0.9, 0.1, false), 0.01);
  compare("sgd nesterov", sgd(0.8, 0.1, true), 0.01);
  compare("adam", adam<AdamOptions>(0.8, 0.95, 1e-6), 0.02);
  compare("adamw", adam<AdamWOptions>(0.9, 0.99, 1e-8), 0.02);
  compare("muon", muon(true, 5), 0.02);
  compare("muon plain", muon(false, 4), 0.02);
}
