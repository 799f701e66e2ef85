// One fused pass over the flat buffers of parameters, gradients and optimizer state.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "core/lanes.h"
#include "train/optimizer/optimizer.h"
#include "train/parallel_tasks.h"

namespace tempera::detail {

// Calls rule_of(segment), a rule(p, g, s...) on Lanes, for every element of the segments; the rule changes p and the
// states s by reference. g is the gradient times the step's scale, within its limit. Elements are independent, so
// threads may share the panels, which are cut from the flat buffer: most parameters are much smaller than one.
template <class T, std::size_t S, class RuleOf>
void update_segments(std::span<const Segment> segments, T* values, const T* gradients, const std::array<T*, S>& states,
                     const StepInfo& info, RuleOf&& rule_of) {
  constexpr Index W = lane_width<T>, kPanel = 8192;
  constexpr Index kAhead = 2048 / sizeof(T);  // asked for early: worth an eighth where the buffers lie in memory
  const Lanes<T> scale(info.gradient_scale), limit(info.gradient_limit);
  const auto run = [&](auto&& rule, Index first, Index last) {
    const auto at = [&](Index place, Index count) {
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
    Index i = first;
    for (; i + W <= last; i += W) at(i, W);
    if (i < last) at(i, last - i);
  };
  if (segments.empty()) return;
  const Index begin = segments.front().offset, end = segments.back().offset + segments.back().size;
  parallel_tasks(info.threads, begin / kPanel, (end + kPanel - 1) / kPanel, [&](Index panel) {
    const Index first = panel * kPanel, last = first + kPanel;
    const auto ends_before = [&](const Segment& s) { return s.offset + s.size <= first; };
    for (auto s = std::ranges::partition_point(segments, ends_before); s != segments.end() && s->offset < last; ++s)
      run(rule_of(*s), std::max(first, s->offset), std::min(last, s->offset + s->size));
  });
}

}  // namespace tempera::detail
