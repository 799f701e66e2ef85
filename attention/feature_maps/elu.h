// The feature map of the linear transformer.
#pragma once

#include "attention/feature_map.h"
#include "core/pointwise.h"

namespace tempera {

//   phi(x) = elu(x) + 1 = x + 1 for x > 0, exp(x) otherwise            elementwise, F = D
// Katharopoulos et al. 2020, Transformers are RNNs (arXiv 2006.16236).
struct EluFeatures : FeatureMap {
  void visit(ParameterVisitor&) override {}
  Var forward(Context&, const Var& x, Side) const override { return map(x); }
  Index features(Index width) const override { return width; }
  static Var map(const Var& x) {
    return pointwise([](auto a) { return where(a < 0, exp(min(a, 0)), a + 1); }, x);
  }
};

struct EluOptions : FeatureMapOptions {
  void describe(Fields&) override {}
  std::unique_ptr<FeatureMap> make(Index, Index) const override { return std::make_unique<EluFeatures>(); }
};

}  // namespace tempera
