// How the benchmarks time things.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "apps/support/peak.h"

namespace tempera::bench {

// Seconds of one call.
template <class F>
double seconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Processor seconds of a call: the mean of as many as `budget` processor seconds hold, two at the least, after one that
// warms up. The clock is a call of the system's, so many short calls go between two readings.
template <class F>
double per_call(double budget, F&& f) {
  f();
  std::int64_t count = 0, batch = 2;
  const double start = cpu_seconds();
  for (;;) {
    for (std::int64_t i = 0; i < batch; ++i) f();
    count += batch;
    const double spent = cpu_seconds() - start;
    if (spent >= budget) return spent / static_cast<double>(count);
    if (3 * spent < budget) batch *= 2;
  }
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Comparison {
  double first = 0, second = 0;  // median seconds
  int repeats = 0;
};

// Times two ways to do one thing, interleaved and in both orders, so that neither gets the quieter machine or the
// warmer cache; `budget` seconds for both together, about.
template <class F, class G>
Comparison compare(double budget, F&& first, G&& second) {
  const double once = seconds(first) + seconds(second);  // and the memory is warm
  const int repeats = static_cast<int>(std::clamp(budget / once, 9., 2000.));
  std::vector<double> a, b;
  for (int i = 0; i < repeats; ++i) {
    if (i % 2 == 0) a.push_back(seconds(first));
    b.push_back(seconds(second));
    if (i % 2 == 1) a.push_back(seconds(first));
  }
  return {median(std::move(a)), median(std::move(b)), repeats};
}

}  // namespace tempera::bench
