// Gradient clipping (Pascanu et al. 2013). Nothing is written: the optimizer applies both while it reads the gradient.
#pragma once

#include <optional>

#include "core/fields.h"
#include "train/optimizer/optimizer.h"

namespace tempera {

//   norm:   g <- g min(1, norm / ||g||)        ||g|| over all parameters together
//   value:  g <- min(max(g, -value), value)    entry by entry, after the norm
struct ClippingOptions : Options {
  std::optional<double> norm, value;

  void describe(Fields& f) override;
  // Sets info.gradient_scale and info.gradient_limit from the norm of the gradient. A gradient shorter than the bound
  // is left as it is, bit for bit; a norm that is not finite gives NaN throughout (what happens then is the trainer's
  // decision).
  void apply(double gradient_norm, StepInfo& info) const;
};

}  // namespace tempera
