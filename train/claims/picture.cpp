#include "train/claims/picture.h"

#include <algorithm>
#include <cmath>

#include "train/claims/svg.h"
#include "train/output/numbers.h"
#include "train/results.h"

namespace tempera {
namespace {

using svg::Axis;
using svg::Drawing;
using svg::Point;
using Anchor = Drawing::Anchor;

constexpr double kWidth = 920, kMargin = 24, kGap = 36, kTitle = 26, kRow = 34, kChart = 220, kPointsOfCurve = 150;
constexpr std::size_t kMostCurves = 8;  // more lines are not told apart

std::string words(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

// A panel's place: left edge, width, top.
struct Frame {
  double left, width, top;
};

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return !(low <= high); }
};

std::vector<double> finite(const Measured& m) {
  std::vector<double> values;
  for (const Observed& o : m.values)
    if (std::isfinite(o.value)) values.push_back(o.value);
  return values;
}

std::vector<const Measured*> measured_of(const ClaimRow& row, const std::string& quantity) {
  std::vector<const Measured*> found;
  for (const Measured& m : row.measured)
    if (m.quantity == quantity) found.push_back(&m);
  return found;
}

std::size_t series_of(const std::vector<std::string>& variants, const std::string& variant) {
  return static_cast<std::size_t>(std::ranges::find(variants, variant) - variants.begin());
}

// Mean, interval and seeds of each variant, the names to the left; the number that is wanted as a dashed line.
double draw_bars(Drawing& to, const Frame& frame, const std::string& quantity, const Claim& claim,
                 const ClaimRow& row) {
  const std::vector<const Measured*> all = measured_of(row, quantity);
  std::vector<double> wanted;
  for (const Expectation& e : claim.expect)
    if (e.quantity() == quantity && !e.compares()) wanted.push_back(e.at_least ? *e.at_least : *e.at_most);
  Extent extent;
  std::size_t longest = 0;
  for (const Measured* m : all) {
    const MeanInterval interval = mean_interval(finite(*m));
    for (const double value : finite(*m)) extent.add(value);
    extent.add(interval.mean + (std::isfinite(interval.half) ? interval.half : 0));
    longest = std::max(longest, m->variant.size());
  }
  for (const double value : wanted) extent.add(value);
  to.text({frame.left, frame.top + 16}, words(quantity), Anchor::start, svg::kInk, 13, true);
  if (extent.empty()) return kTitle;
  const double names = std::min(0.4 * frame.width, 7.2 * static_cast<double>(longest) + 12);
  const double left = frame.left + names, top = frame.top + kTitle,
               bottom = top + kRow * static_cast<double>(all.size());
  const bool positive = extent.low >= 0;
  const Axis axis = svg::nice_axis(positive ? 0 : extent.low, extent.high, left, frame.left + frame.width - 12);
  for (const Axis::Tick& tick : axis.ticks(5)) {
    const double x = axis.at(tick.value);
    to.line({x, top}, {x, bottom}, svg::kLine);
    to.text({x, bottom + 15}, tick.text, Anchor::middle, svg::kSoft, 11);
  }
  double y = top + kRow / 2;
  for (const Measured* m : all) {
    const std::string_view colour = svg::colour(series_of(claim.variants, m->variant));
    const std::vector<double> values = finite(*m);
    to.text({left - 8, y + 4}, m->variant, Anchor::end);
    if (!values.empty()) {
      const MeanInterval interval = mean_interval(values);
      const double zero = axis.at(std::max(axis.low, std::min(0.0, axis.high))), end = axis.at(interval.mean);
      to.bar({std::min(zero, end), y - 10}, std::abs(end - zero), 20, colour, 0.3);
      if (std::isfinite(interval.half)) {
        const double a = axis.at(interval.mean - interval.half), b = axis.at(interval.mean + interval.half);
        to.line({a, y}, {b, y}, colour, 2);
        for (const double x : {a, b}) to.line({x, y - 5}, {x, y + 5}, colour, 2);
      }
      for (const Observed& o : m->values) {
        if (!std::isfinite(o.value)) continue;
        if (o.censored) to.text({axis.at(o.value) + 1, y + 4}, "▷", Anchor::middle, colour, 12);
        else to.dot({axis.at(o.value), y}, 3, colour);
      }
    }
    y += kRow;
  }
  for (const double value : wanted)
    to.line({axis.at(value), top - 2}, {axis.at(value), bottom + 2}, svg::kInk, 1.2, "4 3");
  return bottom + 24 - frame.top;
}

// Names of the series in one line above a chart.
void draw_legend(Drawing& to, const Frame& frame, const std::vector<std::string>& variants,
                 const std::vector<std::string>& shown) {
  double x = frame.left;
  for (const std::string& name : shown) {
    to.line({x, frame.top + 34}, {x + 16, frame.top + 34}, svg::colour(series_of(variants, name)), 3);
    to.text({x + 21, frame.top + 38}, name, Anchor::start, svg::kSoft, 12);
    x += 21 + 7.2 * static_cast<double>(name.size()) + 18;
  }
}

void draw_grid(Drawing& to, const Axis& x, const Axis& y) {
  for (const Axis::Tick& tick : y.ticks(4)) {
    to.line({x.from, y.at(tick.value)}, {x.to, y.at(tick.value)}, svg::kLine);
    to.text({x.from - 6, y.at(tick.value) + 4}, tick.text, Anchor::end, svg::kSoft, 11);
  }
}

// A line through means with the interval as a band.
void draw_series(Drawing& to, const std::vector<Point>& mean, const std::vector<double>& half, const Axis& x,
                 const Axis& y, std::string_view colour) {
  std::vector<Point> line, upper, lower;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double reach = std::isfinite(half[i]) ? half[i] : 0;
    line.push_back({x.at(mean[i].x), y.at(mean[i].y)});
    upper.push_back({line.back().x, y.at(mean[i].y + reach)});
    lower.push_back({line.back().x, y.at(mean[i].y - reach)});
  }
  if (line.size() > 1) to.band(upper, lower, colour);
  to.path(line, colour, 2);
}

double draw_curves(Drawing& to, const Frame& frame, const PictureCurves& curves,
                   const std::vector<std::string>& variants) {
  to.text({frame.left, frame.top + 16}, words(curves.metric), Anchor::start, svg::kInk, 13, true);
  draw_legend(to, frame, variants, curves.variants);
  const double top = frame.top + 50, bottom = top + kChart, left = frame.left + 44,
               right = frame.left + frame.width - 12;
  Extent steps, values;
  for (const Curve& curve : curves.curves)
    for (std::size_t i = 0; i < curve.step.size(); ++i) {
      if (!curves.log_steps || curve.step[i] > 0) steps.add(curve.step[i]);
      values.add(curve.mean[i]);
    }
  if (steps.empty()) return kTitle;
  const Axis x{steps.low, std::max(steps.high, steps.low + 1), left, right, curves.log_steps};
  const Axis y = svg::nice_axis(values.low, values.high, bottom, top);
  draw_grid(to, x, y);
  for (const Axis::Tick& tick : x.ticks(5))
    to.text({x.at(tick.value), bottom + 15}, tick.text, Anchor::middle, svg::kSoft, 11);
  to.text({right, bottom + 30}, curves.log_steps ? "step (logarithmic)" : "step", Anchor::end, svg::kSoft, 11);
  for (std::size_t c = 0; c < curves.curves.size(); ++c) {
    const Curve& curve = curves.curves[c];
    std::vector<Point> mean;
    std::vector<double> half;
    for (std::size_t i = 0; i < curve.step.size(); ++i) {
      if (curves.log_steps && curve.step[i] <= 0) continue;
      mean.push_back({curve.step[i], curve.mean[i]});
      half.push_back(curve.half[i]);
    }
    draw_series(to, mean, half, x, y, svg::colour(series_of(variants, curves.variants[c])));
  }
  return bottom + 40 - frame.top;
}

// A line for each variant over the metrics of `plot`, which stand side by side.
double draw_plot(Drawing& to, const Frame& frame, const Claim& claim, const ClaimRow& row) {
  draw_legend(to, {frame.left, frame.width, frame.top - 22}, claim.variants, claim.variants);
  const double top = frame.top + 30, bottom = top + kChart, left = frame.left + 44,
               right = frame.left + frame.width - 12;
  Extent values;
  for (const std::string& metric : claim.plot)
    for (const Measured* m : measured_of(row, metric))
      for (const double value : finite(*m)) values.add(value);
  if (values.empty()) return kTitle;
  const auto last = static_cast<double>(claim.plot.size() - 1);
  const Axis x{-0.2, last + 0.2, left, right}, y = svg::nice_axis(values.low, values.high, bottom, top);
  draw_grid(to, x, y);
  for (std::size_t i = 0; i < claim.plot.size(); ++i)
    to.text({x.at(static_cast<double>(i)), bottom + 15}, words(claim.plot[i]), Anchor::middle, svg::kSoft, 11);
  for (const std::string& variant : claim.variants) {
    const std::string_view colour = svg::colour(series_of(claim.variants, variant));
    std::vector<Point> mean, dots;
    std::vector<double> half;
    for (std::size_t i = 0; i < claim.plot.size(); ++i)
      for (const Measured* m : measured_of(row, claim.plot[i])) {
        if (m->variant != variant || finite(*m).empty()) continue;
        const MeanInterval interval = mean_interval(finite(*m));
        mean.push_back({static_cast<double>(i), interval.mean});
        half.push_back(interval.half);
        for (const double value : finite(*m)) dots.push_back({x.at(static_cast<double>(i)), y.at(value)});
      }
    draw_series(to, mean, half, x, y, colour);
    for (const Point& dot : dots) to.dot(dot, 2.5, colour);
  }
  return bottom + 24 - frame.top;
}

std::vector<std::string> quantities(const Claim& claim) {
  std::vector<std::string> found;
  for (const Expectation& e : claim.expect)
    if (std::ranges::find(found, e.quantity()) == found.end()) found.push_back(e.quantity());
  return found;
}

// What is recorded during a run behind what it ends with: "valid_accuracy" of "test_accuracy" and "best_test_accuracy".
std::string recorded(const Expectation& e) {
  if (e.counts_steps()) return e.steps_to.metric;
  const std::size_t bar = e.metric.rfind("valid_") != e.metric.npos  ? e.metric.rfind("valid_")
                          : e.metric.rfind("test_") != e.metric.npos ? e.metric.rfind("test_")
                                                                     : e.metric.npos;
  if (e.metric.starts_with("train_")) return e.metric;
  return bar == e.metric.npos ? "" : "valid_" + e.metric.substr(e.metric.find('_', bar) + 1);
}

}  // namespace

std::vector<PictureCurves> picture_curves(const Claim& claim,
                                          const std::vector<std::vector<std::filesystem::path>>& runs) {
  std::vector<PictureCurves> all;
  for (const bool steps : {true, false})
    for (const Expectation& e : claim.expect) {
      const std::string metric = recorded(e);
      const bool known = std::ranges::find(all, metric, &PictureCurves::metric) != all.end();
      if (e.counts_steps() == steps && !known && !metric.empty() && (steps || all.empty()))
        all.push_back({metric, steps, {}, {}});
    }
  for (std::size_t v = 0; v < runs.size(); ++v) {
    std::vector<ReportRun> read;
    ReportGroup group;
    for (const std::filesystem::path& run : runs[v]) {
      ReportRun one;
      one.records = read_metrics(run / "metrics.jsonl");
      group.runs.push_back(read.size());
      read.push_back(std::move(one));
    }
    for (PictureCurves& curves : all) {
      const std::size_t bar = curves.metric.find('_');
      const std::string split = curves.metric.substr(0, bar), metric = curves.metric.substr(bar + 1);
      const Curve curve = thinned(group_curve(read, group, metric, split), static_cast<std::size_t>(kPointsOfCurve));
      if (curve.step.size() < 3) continue;
      curves.variants.push_back(claim.variants[v]);
      curves.curves.push_back(curve);
    }
  }
  std::erase_if(all, [](const PictureCurves& curves) { return curves.curves.empty(); });
  return all;
}

std::string claim_picture(const Claim& claim, const ClaimRow& row, const std::vector<PictureCurves>& curves) {
  Drawing drawing;
  const double inside = kWidth - 2 * kMargin;
  const bool never = std::ranges::any_of(
      row.measured, [](const Measured& m) { return std::ranges::any_of(m.values, &Observed::censored); });
  const std::string note = fmt::format("mean and 95 % interval over {} seed{}; a mark per seed{}{}", row.seeds.size(),
                                       row.seeds.size() == 1 ? "" : "s", never ? "; ▷ never reached it" : "",
                                       row.quick ? "; quick run" : "");
  double height = 0;
  if (!claim.plot.empty()) {
    height = draw_plot(drawing, {kMargin, inside, kMargin}, claim, row);
  } else {
    const bool both = !curves.empty() && claim.variants.size() <= kMostCurves;
    const double half = both ? (inside - kGap) / 2 : inside;
    double left = 0, right = 0;
    for (const std::string& quantity : quantities(claim))
      left += draw_bars(drawing, {kMargin, half, kMargin + left}, quantity, claim, row) + 10;
    if (both)
      for (const PictureCurves& one : curves)
        right += draw_curves(drawing, {kMargin + half + kGap, half, kMargin + right}, one, claim.variants) + 10;
    height = std::max(left, right);
  }
  drawing.text({kMargin, kMargin + height + 14}, note, Anchor::start, svg::kSoft, 11);
  return drawing.file(kWidth, height + 2 * kMargin + 8, row.claim);
}

}  // namespace tempera
