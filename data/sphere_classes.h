// Many classes around points of a sphere.
#pragma once

#include "data/generated.h"

namespace tempera {

// x = m_c + deviation e,   e ~ N(0, I),   with class means m_c uniform on the unit sphere of R^features:
//   inputs float32 [features], targets int32 []: class i mod classes for sample i, so that all are as frequent
// By default 20 samples of each of 1000 classes to train on, and 10 to test: a small task of the kind for which losses
// over the largest logits are made (Sun et al. 2021, Sparse-softmax, arXiv 2112.12433).
struct SphereClassesDataOptions : DrawnDataOptions {
  SphereClassesDataOptions() {
    train = 20'000;
    test = 10'000;
  }
  int classes = 1000, features = 32;
  double deviation = 0.2;
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
