#include "core/kind_of.h"
#include "train/continual/ewc.h"
#include "train/continual/lwf.h"
#include "train/continual/plain.h"
#include "train/continual/replay.h"

namespace tempera {

std::span<const Kind> method_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<FinetuneOptions>("finetune", "one task after another, and nothing else"),
      kind_of<JointOptions>("joint", "all tasks at the same time: what is possible"),
      kind_of<EwcOptions>("ewc", "elastic weight consolidation: weights that mattered are held back"),
      kind_of<LwfOptions>("lwf", "learning without forgetting: answers as before on new samples"),
      kind_of<ErOptions>("er", "experience replay: samples from memory in every step"),
      kind_of<DerOptions>("der", "dark experience replay: answers to samples from memory as they were"),
      kind_of<DerppOptions>("derpp", "DER++: both, with a draw from memory for each"),
  };
  return kKinds;
}

}  // namespace tempera
