#include "train/claims/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "train/output/html.h"

namespace tempera::svg {
namespace {

constexpr std::array<std::string_view, 8> kColours = {"#0b62a8", "#d1570a", "#0a8a66", "#b0438f",
                                                      "#8a6d00", "#4a4fc4", "#b3261e", "#5c6b73"};

// 1, 2, 5 or 10 times a power of ten, at least `step`.
double round_step(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double times : {1.0, 2.0, 5.0})
    if (times * power >= step * (1 - 1e-9)) return times * power;
  return 10 * power;
}

// As many digits as tell ticks apart that lie `step` from each other.
std::string tick_text(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (size >= 1e6 || size < 1e-4) return fmt::format("{:.3g}", value);
  if (size >= 1e4) return fmt::format("{:.3g}k", value / 1000);
  return fmt::format("{:.{}f}", value, std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9))));
}

std::string points_text(const std::vector<Point>& points) {
  std::string text;
  for (const Point& p : points) text += fmt::format("{}{:.1f} {:.1f}", text.empty() ? "M" : "L", p.x, p.y);
  return text;
}

}  // namespace

std::string_view colour(std::size_t series) {
  return kColours[series % kColours.size()];
}

double Axis::at(double value) const {
  const double share = log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + std::clamp(share, 0.0, 1.0) * (to - from);
}

std::vector<Axis::Tick> Axis::ticks(int count) const {
  std::vector<Tick> found;
  if (log) {
    for (double power = std::pow(10.0, std::ceil(std::log10(low) - 1e-9)); power <= high * (1 + 1e-9); power *= 10)
      found.push_back({power, tick_text(power, power)});
    return found;
  }
  const double step = round_step((high - low) / count);
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
    found.push_back({i * step + 0.0, tick_text(i * step + 0.0, step)});  // -0 becomes 0
  return found;
}

Axis nice_axis(double low, double high, double from, double to) {
  if (!(high > low)) {
    const double room = std::max(std::abs(low) * 0.1, 1e-6);
    low -= low > 0 ? 0 : room;
    high += room;
  }
  const double step = round_step((high - low) / 4) / 2;
  return {step * std::floor(low / step + 1e-9), step * std::ceil(high / step - 1e-9), from, to};
}

void Drawing::line(Point a, Point b, std::string_view colour, double width, std::string_view dash) {
  body_ += fmt::format(R"(<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="{}" stroke-width="{}"{}/>)", a.x, a.y, b.x,
                       b.y, colour, width, dash.empty() ? "" : fmt::format(R"( stroke-dasharray="{}")", dash)) +
           "\n";
}

void Drawing::path(const std::vector<Point>& points, std::string_view colour, double width) {
  body_ += fmt::format(R"(<path d="{}" fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round"/>)",
                       points_text(points), colour, width) +
           "\n";
}

void Drawing::band(const std::vector<Point>& upper, const std::vector<Point>& lower, std::string_view colour) {
  std::vector<Point> around = upper;
  around.insert(around.end(), lower.rbegin(), lower.rend());
  body_ += fmt::format(R"(<path d="{}Z" fill="{}" fill-opacity="0.16"/>)", points_text(around), colour) + "\n";
}

void Drawing::bar(Point corner, double width, double height, std::string_view colour, double opacity) {
  body_ +=
      fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2" fill="{}" fill-opacity="{}"/>)",
                  corner.x, corner.y, width, height, colour, opacity) +
      "\n";
}

void Drawing::dot(Point at, double radius, std::string_view colour) {
  body_ += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{}" fill="#ffffff" stroke="{}" stroke-width="1.4"/>)",
                       at.x, at.y, radius, colour) +
           "\n";
}

void Drawing::text(Point at, std::string_view text, Anchor anchor, std::string_view colour, int size, bool bold) {
  const char* name = anchor == Anchor::start ? "start" : anchor == Anchor::middle ? "middle" : "end";
  body_ += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}" font-size="{}"{}>{}</text>)", at.x,
                       at.y, name, colour, size, bold ? R"( font-weight="600")" : "", html(text)) +
           "\n";
}

std::string Drawing::file(double width, double height, std::string_view title) const {
  return fmt::format(
             R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}" )"
             R"(role="img" font-family="system-ui, 'Segoe UI', Roboto, 'Liberation Sans', 'DejaVu Sans', sans-serif">)"
             "\n<title>{2}</title>\n"
             R"(<rect x="0.5" y="0.5" width="{3:.0f}" height="{4:.0f}" rx="8" fill="#ffffff" stroke="{5}"/>)",
             width, height, html(title), width - 1, height - 1, kLine) +
         "\n" + body_ + "</svg>\n";
}

}  // namespace tempera::svg
