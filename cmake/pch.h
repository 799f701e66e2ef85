// Precompiled once for the library: what nearly every source includes.
#include <Eigen/Core>
#include <fmt/format.h>
#include <unsupported/Eigen/CXX11/Tensor>
