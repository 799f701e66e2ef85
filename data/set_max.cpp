#include "data/set_max.h"

#include <algorithm>

namespace tempera {
namespace {

constexpr int kLongest = 1 << 20;

void draw_set(const SetMaxDataOptions& o, const Rng& draws, Batch& out, Index row) {
  const Index width = 1 + o.classes;
  const std::size_t items = o.drawn_length(draws);
  float* to = out.inputs.data<float>() + row * o.longest * width;
  std::fill(to, to + o.longest * width, 0.0f);
  double largest = -1;
  std::int32_t answer = 0;
  for (std::size_t i = 0; i < items; ++i, to += width) {
    const double priority = draws.uniform(2 * i + 1);
    const auto kind = static_cast<std::int32_t>(draws.below(2 * i + 2, static_cast<std::uint64_t>(o.classes)));
    to[0] = static_cast<float>(priority);
    to[1 + kind] = 1;
    if (priority > largest) answer = kind;
    largest = std::max(largest, priority);
  }
  out.lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(items);
  out.targets.data<std::int32_t>()[row] = answer;
}

}  // namespace

void SetMaxDataOptions::describe(Fields& f) {
  f("shortest", shortest, "items of a set, at least", between(1, kLongest));
  f("longest", longest, "items of a set, at most", between(1, kLongest));
  f("classes", classes, "kinds of items", between(2, 1 << 12));
  describe_parts(f);
}

std::unique_ptr<DataSource> SetMaxDataOptions::make() const {
  const Description description{.inputs = {longest, 1 + classes}, .classes = classes, .lengths = true};
  return make_parts(Task::classification, "data/set_max", [&](std::string_view, std::int64_t size, const Rng& rng) {
    return std::make_shared<DrawnSet>(
        size, description, rng, [o = *this](const Rng& draws, Batch& out, Index row) { draw_set(o, draws, out, row); });
  });
}

}  // namespace tempera
