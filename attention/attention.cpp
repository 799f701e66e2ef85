#include "attention/attention.h"

#include "attention/kind_of.h"
#include "attention/linear_mixer.h"
#include "attention/score_mixer.h"

namespace tempera {

std::span<const Kind> attention_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<LinearMixerOptions>("linear", "products of features of queries and keys; linear in the length"),
      kind_of<ScoreMixerOptions>("softmax", "scores of queries with keys, through a normalizer (softmax unless said)"),
  };
  return kKinds;
}

}  // namespace tempera
