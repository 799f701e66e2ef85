#include "attention/biases/alibi.h"

#include <bit>
#include <cmath>

namespace tempera {
namespace {

template <class T>
void add_slope(const BiasBlock<T>& block, double slope, T* scores) {
  for (Index r = 0; r < block.rows; ++r) {
    T* row = scores + r * block.stride;
    const int offset = static_cast<int>(block.offset(r)), step = static_cast<int>(block.step());
    for (int c = 0; c < static_cast<int>(block.cols); ++c)
      row[c] -= static_cast<T>(slope) * static_cast<T>(std::abs(offset + c * step));
  }
}

}  // namespace

Alibi::Alibi(Index heads, AlibiSlopes kind) {
  require(heads >= 1, "alibi", "{} heads came; at least 1 was wanted", heads);
  if (kind == AlibiSlopes::balanced) {
    for (Index k = 1; k <= (heads + 1) / 2; ++k) slopes_.push_back(std::exp2(-static_cast<double>(k)));
    for (Index k = 1; k <= heads / 2; ++k) slopes_.push_back(-std::exp2(-static_cast<double>(k)));
    return;
  }
  const auto lower = static_cast<Index>(std::bit_floor(static_cast<std::size_t>(heads)));
  const auto slope = [](Index h, Index of) { return std::exp2(-8 * static_cast<double>(h) / static_cast<double>(of)); };
  for (Index h = 1; h <= lower; ++h) slopes_.push_back(slope(h, lower));
  for (Index h = 1; h <= heads - lower; ++h) slopes_.push_back(slope(2 * h - 1, 2 * lower));
  if (kind == AlibiSlopes::growing)
    for (double& s : slopes_) s = -s;
}

void Alibi::add(const BiasBlock<float>& block, float* scores) const {
  add_slope(block, slopes_[static_cast<std::size_t>(block.head)], scores);
}
void Alibi::add(const BiasBlock<double>& block, double* scores) const {
  add_slope(block, slopes_[static_cast<std::size_t>(block.head)], scores);
}

}  // namespace tempera
