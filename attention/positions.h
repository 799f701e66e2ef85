// Positions that enter where queries meet keys. (Tables and sines that are added to the input belong to the model.)
#pragma once

#include <memory>
#include <optional>

#include "attention/score_bias.h"
#include "core/fields.h"
#include "core/ops/rope.h"

namespace tempera {

struct PositionOptions : Options {
  void describe(Fields&) override {}
  // How queries and keys of heads of this width are rotated; no value: they are not.
  virtual std::optional<RopeOptions> rotation([[maybe_unused]] Index width) const { return std::nullopt; }
  // What is added to the scores; null: nothing.
  virtual std::unique_ptr<ScoreBias> bias([[maybe_unused]] Index heads, [[maybe_unused]] bool causal) const {
    return nullptr;
  }
};

// "none", "rope", "alibi", "rope_alibi", "t5"
std::span<const Kind> position_kinds();

}  // namespace tempera
