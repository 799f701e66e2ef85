// Activation checkpointing: a part of the model keeps only its inputs and is run again in the backward pass.
//
//   Var y = recompute([&](std::span<const Var> x) { return block(x[0]); }, {x});
//
// The second run is recorded, played and forgotten, so the memory of one part is live at a time. f may close over
// Vars of the same tape (its parameters). It must compute the same values again; random draws do (core/random.h).
#pragma once

#include <algorithm>
#include <array>

#include "core/tape.h"

namespace tempera {

extern const Op recompute_op;
inline constexpr int kRecomputeInputs = 8;  // at most; held without heap memory

template <class F>
Var recompute(F f, Inputs inputs) {
  Tape& tape = inputs[0].tape();
  const int count = inputs.size();
  require(count <= kRecomputeInputs, recompute_op.name, "{} inputs came; at most {} are supported", count,
          kRecomputeInputs);
  std::array<Var, kRecomputeInputs> x;
  for (int i = 0; i < count; ++i) x[static_cast<std::size_t>(i)] = inputs[i];
  const auto first = [count](const std::array<Var, kRecomputeInputs>& vars) {
    return std::span(vars).first(static_cast<std::size_t>(count));
  };
  Tensor y;
  {
    const Tape::Pause pause(tape);
    y = f(first(x)).value();
  }
  if (!tape.recording()) return tape.constant(std::move(y));
  // Recorded always: f may close over parameters even where no input asks for a gradient.
  return tape.record_always(recompute_op, inputs, std::move(y), [f, x, first](const Tensor& dy, Gradients& dx) {
    Tape& t = dx.tape();
    const Tape::Mark mark = t.mark();
    {
      std::array<Var, kRecomputeInputs> stand_in;
      for (std::size_t i = 0; i < first(x).size(); ++i)
        stand_in[i] = dx.wanted(static_cast<int>(i)) ? t.leaf(x[i].value()) : t.constant(x[i].value());
      t.backward_since(mark, f(first(stand_in)), dy);
      for (std::size_t i = 0; i < first(x).size(); ++i)
        if (dx.wanted(static_cast<int>(i))) dx.add(static_cast<int>(i), t.grad(stand_in[i]));
    }
    t.forget_since(mark);
  });
}

}  // namespace tempera
