// Few words of SVG: enough for charts with an axis or two.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tempera::svg {

struct Point {
  double x = 0, y = 0;
};

// The colours of reports, for series 0, 1, ...
std::string_view colour(std::size_t series);
inline constexpr std::string_view kInk = "#1c1f23", kSoft = "#5f6872", kLine = "#e3e5e8";

// A stretch of values along a stretch of the picture; on a logarithmic scale values are above 0.
struct Axis {
  double low = 0, high = 1;  // values
  double from = 0, to = 1;   // pixels
  bool log = false;

  double at(double value) const;
  // About `count` round values within, with their texts.
  struct Tick {
    double value;
    std::string text;
  };
  std::vector<Tick> ticks(int count) const;
};
// An axis that holds low and high with some room, whose ends are round; equal ends are drawn apart.
Axis nice_axis(double low, double high, double from, double to);

class Drawing {
 public:
  enum class Anchor { start, middle, end };
  void line(Point a, Point b, std::string_view colour, double width = 1, std::string_view dash = {});
  void path(const std::vector<Point>& points, std::string_view colour, double width);
  // The area between two lines.
  void band(const std::vector<Point>& upper, const std::vector<Point>& lower, std::string_view colour);
  void bar(Point corner, double width, double height, std::string_view colour, double opacity);
  void dot(Point at, double radius, std::string_view colour);
  void text(Point at, std::string_view text, Anchor anchor, std::string_view colour = kInk, int size = 12,
            bool bold = false);

  // The whole file: what was drawn, on a white card.
  std::string file(double width, double height, std::string_view title) const;

 private:
  std::string body_;
};

}  // namespace tempera::svg
