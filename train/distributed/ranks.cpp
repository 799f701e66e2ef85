#include "train/distributed/ranks.h"

#include <cstdlib>

#include "core/error.h"

namespace tempera {
void SingleRank::exchange(std::span<const Message> sends, std::span<const Message> receives) {
  require(sends.empty() && receives.empty(), "ranks", "a process on its own has nobody to talk to");
}

void SingleRank::abort(int exit_code) {
  std::exit(exit_code);
}

bool Ranks::any(bool mine) {
  if (size() == 1) return mine;
  double asking = mine ? 1 : 0;  // small whole numbers add up exactly
  all_sum({&asking, 1});
  return asking > 0;
}

double Ranks::told(double value) {
  if (!leads()) value = 0;
  all_sum({&value, 1});
  return value;
}

bool Ranks::same(double value) {
  return !any(told(value) != value);
}

Ranks& single_rank() {
  static SingleRank alone;
  return alone;
}

}  // namespace tempera
