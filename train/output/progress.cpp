#include "train/output/progress.h"

#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "train/output/numbers.h"

namespace tempera {
namespace {

constexpr double kWindow = 30;   // seconds the rate looks back
constexpr double kSample = 0.5;  // seconds between the moments it remembers
constexpr int kBar = 24;         // columns

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double share(const ProgressState& state) {
  if (state.total <= 0) return 1;
  return std::min(1.0, static_cast<double>(state.step) / static_cast<double>(state.total));
}

std::string bar(double share, const Console& console) {
  const int filled = static_cast<int>(share * kBar);
  std::string done, open;
  for (int i = 0; i < kBar; ++i) {
    if (i < filled) done += console.unicode() ? "━" : "#";
    else open += console.unicode() ? "─" : ".";
  }
  return console.paint(Paint::good, done) + console.paint(Paint::faint, open);
}

struct Piece {
  std::string text;
  int columns;
  int importance;  // 0 is never left out
};

}  // namespace

std::string progress_line(const ProgressState& state, int width, const Console* console) {
  std::vector<Piece> pieces;
  const auto add = [&](int importance, std::string text) {
    const int columns = static_cast<int>(text.size());
    pieces.push_back({std::move(text), columns, importance});
  };
  add(0, fmt::format("step {}/{}", grouped(state.step), grouped(state.total)));
  add(2, percent(share(state)));
  if (console != nullptr) pieces.push_back({bar(share(state), *console), kBar, 9});
  int importance = 1;
  for (const ProgressValue& value : state.values) {
    add(importance, fmt::format("{} {}", value.name, brief(value.value)));
    importance = 4;
  }
  if (std::isfinite(state.units_per_second)) add(5, fmt::format("{} {}/s", si(state.units_per_second), state.unit));
  const double left = static_cast<double>(state.total - state.step) / state.steps_per_second;
  if (state.step >= state.total) add(3, "in " + duration(state.elapsed));
  else if (std::isfinite(left) && left >= 0) add(3, "left " + duration(left));

  int columns = -2;
  for (const Piece& piece : pieces) columns += piece.columns + 2;
  while (columns > width) {
    std::size_t least = 0;
    for (std::size_t i = 1; i < pieces.size(); ++i)
      if (pieces[i].importance >= pieces[least].importance) least = i;
    if (pieces[least].importance == 0) break;
    columns -= pieces[least].columns + 2;
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(least));
  }
  std::string line;
  for (const Piece& piece : pieces) line.append(line.empty() ? "" : "  ").append(piece.text);
  if (columns > width) line.resize(static_cast<std::size_t>(std::max(0, width)));  // the step alone: plain ASCII
  return line;
}

Progress::Progress(Console& console, ProgressOptions options) : console_(console), options_(std::move(options)) {
  if (!options_.clock) options_.clock = steady_seconds;
  latest_ = {options_.clock(), options_.first, 0};
  start_ = latest_.time;
  past_.push_back(latest_);
}

Progress::~Progress() {
  finish();
}

void Progress::update(std::int64_t step, std::int64_t done, std::span<const ProgressValue> values) {
  const double now = options_.clock();
  latest_ = {now, step, done};
  stale_ = true;
  values_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values_[i].name = values[i].name;
    values_[i].value = values[i].value;
  }
  if (now - past_.back().time >= kSample) {
    past_.push_back(latest_);
    while (past_.size() > 2 && now - past_.front().time > kWindow) past_.pop_front();
  }
  if (drawn_ < 0) drawn_ = console_.terminal() ? now - options_.redraw_seconds : past_.front().time;
  if (now - drawn_ >= (console_.terminal() ? options_.redraw_seconds : options_.line_seconds)) draw(now);
}

void Progress::draw(double now) {
  const Moment& from = past_.front();
  const double seconds = now - from.time;
  const auto rate = [&](std::int64_t before, std::int64_t after) {
    return seconds > 0 ? static_cast<double>(after - before) / seconds : std::numeric_limits<double>::quiet_NaN();
  };
  std::vector<ProgressValue> values;
  for (const Shown& shown : values_) values.push_back({shown.name, shown.value});
  const ProgressState state{
      latest_.step,  options_.total, values, rate(from.done, latest_.done), rate(from.step, latest_.step),
      options_.unit, now - start_};
  // The last column stays free: some terminals wrap as soon as it is filled.
  if (console_.terminal()) console_.status(progress_line(state, console_.width() - 1, &console_));
  else console_.line(progress_line(state, std::numeric_limits<int>::max()));
  drawn_ = now;
  stale_ = false;
}

void Progress::finish() {
  if (stale_) draw(latest_.time);
  console_.keep_status();
}

}  // namespace tempera
