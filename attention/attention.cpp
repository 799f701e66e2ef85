#include "attention/attention.h"

#include "attention/linear_mixer.h"
#include "attention/monotonic_mixer.h"
#include "attention/score_mixer.h"
#include "core/kind_of.h"

namespace tempera {

std::span<const Kind> attention_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<LinearMixerOptions>("linear", "products of features of queries and keys; linear in the length"),
      kind_of<ScoreMixerOptions>("softmax", "scores of queries with keys, through a normalizer (softmax unless said)"),
  };
  return kKinds;
}

std::span<const Kind> cross_attention_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<SameAttention>("same", "as `attention` says"),
      kind_of<LinearMixerOptions>("linear", "products of features of queries and keys; linear in the length"),
      kind_of<MonotonicOptions>("monotonic", "heads that walk along the memory and never back"),
      kind_of<ScoreMixerOptions>("softmax", "scores of queries with keys, through a normalizer (softmax unless said)"),
  };
  return kKinds;
}

}  // namespace tempera
