// Classes that are Gaussian in a few dimensions nobody sees.
#pragma once

#include "data/generated.h"

namespace tempera {

// With class means m_c ~ N(0, I) in R^latent and a fixed network of two layers,
//
//   u = m_c + deviation e,   h = tanh(u A),   x = tanh(1.5 h B) + noise e',      e, e' ~ N(0, I)
//
// A [latent, features] with entries N(0, 1.5^2 / latent), B [features, features] with entries N(0, 1 / features).
//   inputs float32 [features], targets int32 []: class i mod classes for sample i, so that all are as frequent
// `label_noise` of the training samples bear one of the other classes.
struct LatentClassesDataOptions : DrawnDataOptions {
  LatentClassesDataOptions() { train = 1200; }
  int classes = 20, latent = 16, features = 64;
  double deviation = 0.7, noise = 0.1, label_noise = 0;
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
