// The methods between which all others lie: to do nothing about forgetting, and to have everything at once.
#pragma once

#include "train/continual/method.h"

namespace tempera {

struct FinetuneOptions : MethodOptions {
  void describe(Fields&) override {}
  std::unique_ptr<ContinualMethod> make(const MethodPlace&) const override {
    return std::make_unique<ContinualMethod>();
  }
};

struct JointOptions : FinetuneOptions {
  bool together() const override { return true; }
};

}  // namespace tempera
