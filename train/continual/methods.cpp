#include "train/continual/ewc.h"
#include "train/continual/lwf.h"
#include "train/continual/plain.h"
#include "train/continual/replay.h"

namespace tempera {
namespace {

template <class O>
std::unique_ptr<Options> make() {
  return std::make_unique<O>();
}

}  // namespace

std::span<const Kind> method_kinds() {
  static constexpr Kind kKinds[] = {
      {"finetune", "one task after another, and nothing else", &make<FinetuneOptions>},
      {"joint", "all tasks at the same time: what is possible", &make<JointOptions>},
      {"ewc", "elastic weight consolidation: weights that mattered are held back", &make<EwcOptions>},
      {"lwf", "learning without forgetting: answers as before on new samples", &make<LwfOptions>},
      {"er", "experience replay: samples from memory in every step", &make<ErOptions>},
      {"der", "dark experience replay: answers to samples from memory as they were", &make<DerOptions>},
      {"derpp", "DER++: both, with a draw from memory for each", &make<DerppOptions>},
  };
  return kKinds;
}

}  // namespace tempera
