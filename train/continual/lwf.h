// Learning without forgetting (Li & Hoiem 2016, "Learning without forgetting").
//
//   L = L_stream + weight mean over rows of KD(z, softmax(z_old / T) over the old classes)
//
// where z_old is what the weights from before the task say about the same samples; see losses/distillation.h. Old are
// the classes of earlier tasks; all, where tasks share them. No sample is kept. The first task has no such term.
#pragma once

#include "train/continual/method.h"

namespace tempera {

struct LwfOptions : MethodOptions {
  double weight = 1, temperature = 2;
  void describe(Fields& f) override;
  std::unique_ptr<ContinualMethod> make(const MethodPlace& place) const override;
};

}  // namespace tempera
