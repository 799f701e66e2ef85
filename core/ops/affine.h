// The optional factors and offsets of the norms.
#pragma once

#include "core/ops/apply.h"

namespace tempera {

// gamma or beta of a norm, which holds one number for each of n features of x; an undefined one counts as `fill`
// throughout. Throws Error(who, ...) for another shape or dtype.
inline Var optional_feature(const Var& parameter, std::string_view name, double fill, const Var& x, Index n,
                            std::string_view who) {
  if (!parameter.defined()) return x.tape().constant(Tensor::full({n}, x.dtype(), fill, x.tape().pool()));
  require(parameter.shape() == Shape{n} && parameter.dtype() == x.dtype(), who,
          "{} is {}, but x is {}; {} [{}] was wanted", name, parameter.value(), x.value(), x.dtype(), n);
  return parameter;
}

inline void require_eps(double eps, std::string_view who) {
  require(eps >= 0, who, "eps is {}; a number >= 0 was wanted", eps);
}

}  // namespace tempera
