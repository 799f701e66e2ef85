// One fused pass over the flat buffers of parameters, gradients and optimizer state.
#pragma once

#include <array>
#include <utility>

#include "core/lanes.h"
#include "core/parallel.h"
#include "train/optimizer/optimizer.h"

namespace tempera::detail {

// Calls rule(p, g, s...) on Lanes for every element of a segment; the rule changes p and the states s by reference.
// g is the gradient times the step's scale, within its limit. Elements are independent, so threads may share the
// panels.
template <class T, std::size_t S, class Rule>
void update_segment(const Segment& segment, T* values, const T* gradients, const std::array<T*, S>& states,
                    const StepInfo& info, Rule&& rule) {
  constexpr Index W = lane_width<T>, kPanel = 16384;
  constexpr Index kAhead = 2048 / sizeof(T);  // asked for early: worth an eighth where the buffers lie in memory
  const Lanes<T> scale(info.gradient_scale), limit(info.gradient_limit);
  const auto at = [&](Index i, Index count) {
    const Index place = segment.offset + i;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      __builtin_prefetch(values + place + kAhead);
      __builtin_prefetch(gradients + place + kAhead);
      (__builtin_prefetch(states[I] + place + kAhead), ...);
      Lanes<T> p = Lanes<T>::load(values + place, count);
      std::array<Lanes<T>, S> s{Lanes<T>::load(states[I] + place, count)...};
      rule(p, clamp(Lanes<T>::load(gradients + place, count) * scale, -limit, limit), s[I]...);
      p.store(values + place, count);
      (s[I].store(states[I] + place, count), ...);
    }
    (std::make_index_sequence<S>{});
  };
  parallel_panels(info.threads, segment.size, kPanel, [&](Index first, Index last) {
    Index i = first;
    for (; i + W <= last; i += W) at(i, W);
    if (i < last) at(i, last - i);
  });
}

}  // namespace tempera::detail
