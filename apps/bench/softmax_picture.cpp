#include "apps/bench/softmax_picture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/softmax_rows.h"
#include "train/claims/svg.h"

namespace tempera::bench {
namespace {

using svg::Axis;
using svg::Point;
using Anchor = svg::Drawing::Anchor;
using tempera::kernels::SoftmaxAlgorithm;

constexpr double kWidth = 920, kHeight = 400, kLeft = 64, kRight = 740, kTop = 40, kBottom = 340;

std::string length_text(double n) {
  if (n >= 1 << 20) return fmt::format("{:.0f} Mi", n / (1 << 20));
  return n >= 1024 ? fmt::format("{:.0f} Ki", n / 1024) : fmt::format("{:.0f}", n);
}

// The longest row that `automatic` still takes as it takes short ones.
double crossover(double shortest, double longest) {
  const auto chosen = [](double n) {
    return tempera::kernels::softmax_algorithm_for(static_cast<Index>(n), sizeof(float));
  };
  const SoftmaxAlgorithm first = chosen(shortest);
  if (chosen(longest) == first) return std::numeric_limits<double>::quiet_NaN();
  double low = shortest, high = longest;
  while (high - low > 1) {
    const double middle = std::floor((low + high) / 2);
    (chosen(middle) == first ? low : high) = middle;
  }
  return low;
}

}  // namespace

std::string softmax_picture(const Table& table) {
  std::vector<nlohmann::ordered_json> rows;
  double most = 0;
  const nlohmann::ordered_json all = table.json();
  for (const auto& row : all.at("rows"))
    if (row.at("type") == "float32") rows.push_back(row);
  for (const auto& row : rows)
    for (const auto& info : tempera::kernels::softmax_algorithms())
      most = std::max(most, row.at(std::string(info.name)).get<double>());
  const double shortest = rows.front().at("length").get<double>(), longest = rows.back().at("length").get<double>();
  const Axis x{shortest, longest, kLeft, kRight, true}, y{0, std::ceil(5 * most) / 5, kBottom, kTop};

  svg::Drawing to;
  to.text({24, 22}, "softmax of a row, float32: ns per element", Anchor::start, svg::kInk, 13, true);
  for (const Axis::Tick& tick : y.ticks(5)) {
    to.line({x.from, y.at(tick.value)}, {x.to, y.at(tick.value)}, svg::kLine);
    to.text({x.from - 6, y.at(tick.value) + 4}, tick.text, Anchor::end, svg::kSoft, 11);
  }
  for (const auto& row : rows) {
    const double n = row.at("length").get<double>();
    to.text({x.at(n), kBottom + 18}, length_text(n), Anchor::middle, svg::kSoft, 11);
  }
  to.text({kRight, kBottom + 38}, "elements of a row", Anchor::end, svg::kSoft, 11);
  if (const double at = crossover(shortest, longest); std::isfinite(at)) {
    to.line({x.at(at), kTop}, {x.at(at), kBottom}, svg::kInk, 1.2, "4 3");
    to.text({x.at(at) - 6, kTop + 10}, "automatic changes", Anchor::end, svg::kSoft, 11);
  }
  // The names stand beside the ends of their lines, apart from each other.
  struct End {
    double y;
    std::string name;
    std::string_view colour;
  };
  std::vector<End> ends;
  std::size_t series = 0;
  for (const auto& info : tempera::kernels::softmax_algorithms()) {
    const std::string name(info.name);
    const std::string_view colour = svg::colour(series++);
    std::vector<Point> line;
    for (const auto& row : rows)
      line.push_back({x.at(row.at("length").get<double>()), y.at(row.at(name).get<double>())});
    to.path(line, colour, 2);
    for (const Point& point : line) to.dot(point, 3, colour);
    ends.push_back({line.back().y, name, colour});
  }
  std::ranges::sort(ends, {}, &End::y);
  double below = kTop;
  for (const End& end : ends) {
    below = std::max(below, end.y);
    to.text({kRight + 12, below + 4}, end.name, Anchor::start, end.colour, 12);
    below += 16;
  }
  return to.file(kWidth, kHeight, "softmax algorithms over the length of a row");
}

}  // namespace tempera::bench
