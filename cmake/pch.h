// Precompiled once for the library: what nearly every source includes.
#include <fmt/format.h>

#include <Eigen/Core>
#include <unsupported/Eigen/CXX11/Tensor>
