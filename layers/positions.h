// Where a token stands, added to its embedding.
#pragma once

#include <span>

#include "layers/context.h"

namespace tempera {

//   learned:     y[b, t] = x[b, t] + weight[start + t]              weight [max_length, d_model], N(0, deviation^2)
//   sinusoidal:  y[b, t] = x[b, t] + p[start + t],   p[t, 2i] = sin(t / 10000^(2i / d_model)), p[t, 2i + 1] = cos(same)
//   none:        y = x
// x [B, N, d_model] (Vaswani et al. 2017). Throws Error beyond max_length.
struct Positions : Module {
  Positions(std::string_view kind, Index max_length, Index d_model, double deviation = 0.02);
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Var& x, Index start = 0) const;

  static std::span<const std::string_view> kinds();

  Parameter weight;  // learned
  Tensor table;      // sinusoidal: float64 [max_length, d_model]
};

}  // namespace tempera
