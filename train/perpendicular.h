// Gradients perpendicular to the weights, a rule for any optimizer.
#pragma once

#include <span>

#include "core/fields.h"
#include "train/optimizer/segments.h"

namespace tempera {

// What becomes of the gradient before it is clipped and the optimizer sees it.
struct GradientOptions : Options {
  bool perpendicular = false;
  bool rescale = true;
  void describe(Fields& f) override;
};

// For the gradient g and the values w of each segment by itself:
//
//   p = g - <w, g> / (<w, w> + 1e-30) w        g <- p |g| / (|p| + 1e-30), or p without `rescale`
//
// Steps along p change what a network computes rather than how large its outputs are: without it, training that knows
// all samples goes on by scaling its logits, and generalises late. Prieto et al. 2025, "Grokking at the edge of
// numerical stability" (perpGrad; the rescaling is in the authors' code, not in their formula). Values that are all 0
// leave their gradient as it is. Sums in double along a fixed order.
void make_perpendicular(const Tensor& values, Tensor& gradients, std::span<const Segment> segments, bool rescale);

// cos(-g, w) over all segments together: 1 where a step would but scale the weights; 0 where g or w is 0.
double gradient_alignment(const Tensor& values, const Tensor& gradients, std::span<const Segment> segments);

}  // namespace tempera
