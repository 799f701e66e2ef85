// Activation checkpointing: a part of the model keeps only its inputs and is run again in the backward pass.
//
//   Var y = recompute([&](std::span<const Var> x) { return block(x[0]); }, {x});
//
// The second run is recorded, played and forgotten, so the memory of one part is live at a time. f may close over
// Vars of the same tape (its parameters). It must compute the same values again; random draws do (core/random.h).
#pragma once

#include <vector>

#include "core/tape.h"

namespace tempera {

extern const Op recompute_op;

template <class F>
Var recompute(F f, Inputs inputs) {
  Tape& tape = inputs[0].tape();
  std::vector<Var> x;
  for (int i = 0; i < inputs.size(); ++i) x.push_back(inputs[i]);
  Tensor y;
  {
    const Tape::Pause pause(tape);
    y = f(std::span<const Var>(x)).value();
  }
  if (!tape.recording()) return tape.constant(std::move(y));
  // Recorded always: f may close over parameters even where no input asks for a gradient.
  return tape.record_always(recompute_op, inputs, std::move(y), [f, x](const Tensor& dy, Gradients& dx) {
    Tape& t = dx.tape();
    const Tape::Mark mark = t.mark();
    {
      std::vector<Var> stand_in;
      for (std::size_t i = 0; i < x.size(); ++i)
        stand_in.push_back(dx.wanted(static_cast<int>(i)) ? t.leaf(x[i].value()) : t.constant(x[i].value()));
      t.backward_since(mark, f(std::span<const Var>(stand_in)), dy);
      for (std::size_t i = 0; i < x.size(); ++i)
        if (dx.wanted(static_cast<int>(i))) dx.add(static_cast<int>(i), t.grad(stand_in[i]));
    }
    t.forget_since(mark);
  });
}

}  // namespace tempera
