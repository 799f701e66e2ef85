#include "train/clipping.h"

#include <cmath>
#include <limits>

namespace tempera {

void ClippingOptions::describe(Fields& f) {
  f("norm", norm, "largest Euclidean norm of the whole gradient; null: any", above(0));
  f("value", value, "largest absolute value of an entry of the gradient; null: any", above(0));
}

void ClippingOptions::apply(double gradient_norm, StepInfo& info) const {
  if (norm && !(gradient_norm <= *norm))
    info.gradient_scale *=
        std::isfinite(gradient_norm) ? *norm / gradient_norm : std::numeric_limits<double>::quiet_NaN();
  if (value) info.gradient_limit = *value;
}

}  // namespace tempera
