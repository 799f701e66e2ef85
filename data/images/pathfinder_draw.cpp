#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/draw_stream.h"
#include "data/images/pathfinder.h"

namespace tempera {
namespace {

using Point = PathPicture::Point;
constexpr double kPi = std::numbers::pi;

struct Place {
  double y = 0, x = 0;
};

// Square pictures of one number a pixel; nothing is read or written outside.
class Canvas {
 public:
  explicit Canvas(int size) : size_(size), values_(static_cast<std::size_t>(size * size), 0) {}
  int size() const { return size_; }
  bool inside(int y, int x) const { return y >= 0 && x >= 0 && y < size_ && x < size_; }
  float& at(int y, int x) { return values_[static_cast<std::size_t>(y * size_ + x)]; }
  float at(int y, int x) const { return values_[static_cast<std::size_t>(y * size_ + x)]; }
  std::vector<float>& values() { return values_; }

 private:
  int size_;
  std::vector<float> values_;
};

// The pixels of a dash that ends at the origin, and those that it keeps free: the line widened by the margin.
struct Stamp {
  struct Pixel {
    int y, x;
    float value;
  };
  std::vector<Pixel> line, room;
};
// A dash in a picture.
struct Dash {
  const Stamp* stamp = nullptr;
  int y = 0, x = 0;  // its head
};

double lanczos(double x) {
  constexpr double kLobes = 3;
  if (x == 0) return 1;
  if (std::abs(x) >= kLobes) return 0;
  return kLobes * std::sin(kPi * x) * std::sin(kPi * x / kLobes) / (kPi * kPi * x * x);
}

// Makes stamps: lines of whole pixels at `antialias` times the size, made smaller by Lanczos' filter and as bright
// as 1.
class Pen {
 public:
  Pen(const PathfinderDataOptions& o, double margin)
      : scale_(o.antialias), width_(std::round(o.thickness * o.antialias)), room_(width_ + 2 * margin * o.antialias) {
    frame_ = static_cast<int>(std::ceil(margin + o.thickness)) + 3;
    const int reach = 3 * scale_;
    double sum = 0;
    for (int i = -reach; i < reach; ++i) sum += weights_.emplace_back(lanczos((i + 0.5) / scale_));
    for (double& w : weights_) w /= sum;
  }

  Stamp draw(Place tail) const { return {stroke(tail, {}, width_), stroke(tail, {}, room_)}; }

 private:
  std::vector<Stamp::Pixel> stroke(Place tail, Place head, double width) const {
    const int low_y = static_cast<int>(std::min(tail.y, head.y)) - frame_,
              low_x = static_cast<int>(std::min(tail.x, head.x)) - frame_;
    const int rows = static_cast<int>(std::max(tail.y, head.y)) + frame_ + 1 - low_y,
              columns = static_cast<int>(std::max(tail.x, head.x)) + frame_ + 1 - low_x;
    const auto local = [&](Place p) { return Place{(p.y + 0.5 - low_y) * scale_, (p.x + 0.5 - low_x) * scale_}; };
    const std::vector<double> fine = line(local(tail), local(head), width, rows * scale_, columns * scale_);
    const std::vector<double> across = smaller(fine, rows * scale_, columns * scale_, columns);
    const std::vector<double> coarse = smaller(across, columns, rows * scale_, rows);
    const double most = *std::max_element(coarse.begin(), coarse.end());
    std::vector<Stamp::Pixel> pixels;
    for (int y = 0; y < rows; ++y)
      for (int x = 0; x < columns; ++x)
        if (const double value = coarse[static_cast<std::size_t>(y * columns + x)] / most; value > 0.01)
          pixels.push_back({low_y + y, low_x + x, static_cast<float>(value)});
    return pixels;
  }

  // Ones where the middle of a pixel is at most half the width from the line.
  static std::vector<double> line(Place from, Place to, double width, int rows, int columns) {
    std::vector<double> fine(static_cast<std::size_t>(rows * columns), 0);
    const double dy = to.y - from.y, dx = to.x - from.x, length = dy * dy + dx * dx;
    for (int y = 0; y < rows; ++y)
      for (int x = 0; x < columns; ++x) {
        const double py = y + 0.5 - from.y, px = x + 0.5 - from.x;
        const double along = length > 0 ? std::clamp((py * dy + px * dx) / length, 0.0, 1.0) : 0;
        if (std::hypot(py - along * dy, px - along * dx) <= width / 2)
          fine[static_cast<std::size_t>(y * columns + x)] = 1;
      }
    return fine;
  }

  // The last axis of [rows, columns] filtered to `to` entries, and both axes exchanged: [to, rows].
  std::vector<double> smaller(const std::vector<double>& from, int rows, int columns, int to) const {
    std::vector<double> result(static_cast<std::size_t>(rows * to), 0);
    const int taps = static_cast<int>(weights_.size());
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < to; ++i) {
        double sum = 0;
        const int first = i * scale_ + scale_ / 2 - taps / 2;
        for (int t = std::max(0, -first); t < taps && first + t < columns; ++t)
          sum += weights_[static_cast<std::size_t>(t)] * from[static_cast<std::size_t>(r * columns + first + t)];
        result[static_cast<std::size_t>(i * rows + r)] = sum;
      }
    return result;
  }

  int scale_, frame_ = 0;
  double width_, room_;
  std::vector<double> weights_;
};

// The stamps of one margin, for every tail that rounding allows: places within dash + 1 of the head.
class Stamps {
 public:
  Stamps(const PathfinderDataOptions& o, double margin) : margin_(margin), reach_(static_cast<int>(o.dash) + 2) {
    const Pen pen(o, margin);
    for (int y = -reach_; y <= reach_; ++y)
      for (int x = -reach_; x <= reach_; ++x)
        stamps_.push_back(pen.draw({static_cast<double>(y), static_cast<double>(x)}));
  }
  double margin() const { return margin_; }
  Dash dash(Place tail, Place head) const {
    const int y = static_cast<int>(tail.y - head.y) + reach_, x = static_cast<int>(tail.x - head.x) + reach_;
    return {&stamps_[static_cast<std::size_t>(y * (2 * reach_ + 1) + x)], static_cast<int>(head.y),
            static_cast<int>(head.x)};
  }

 private:
  double margin_;
  int reach_;
  std::vector<Stamp> stamps_;
};

// A path that grows: where its last dash ends, which way it points, and that dash, which is not in the way yet.
struct Snake {
  Place begin, end, pivot;
  double angle = 0;
  Dash last;
};

class Painter {
 public:
  Painter(const PathfinderDataOptions& o, const Stamps& stamps, const DrawStream& draws)
      : o_(o), stamps_(stamps), draws_(draws), margin_(stamps.margin()), taken_(o.size), picture_(o.size) {}

  PathPicture draw() {
    const int label = draws_.below(2);
    std::array<Snake, 2> snakes;
    int tries = 0;
    while (!long_paths(snakes))
      require(++tries < 20000, "pathfinder", "two paths of {} dashes find no room in {} x {} pixels; lower contour",
              o_.contour, o_.size, o_.size);
    for (const Snake& snake : snakes) take(snake.last);
    for (int i = 0; i < o_.distractors; ++i)
      for (int again = 0; again < 5 && !distract(); ++again) continue;
    return finished(snakes, label == 1);
  }

 private:
  // Both from the beginning; false where one found no way.
  bool long_paths(std::array<Snake, 2>& snakes) {
    taken_ = picture_ = Canvas(o_.size);
    for (int y = 0; y < o_.size; ++y)
      for (int x = 0; x < o_.size; ++x)
        if (std::min({y, x, o_.size - 1 - y, o_.size - 1 - x}) < o_.padding) taken_.at(y, x) = 1;
    if (!seed_first(snakes[0]) || !seed_second(snakes[0], snakes[1])) return false;
    for (int i = 1; i < o_.contour; ++i)
      for (Snake& snake : snakes)
        if (!extend(snake)) return false;
    return true;
  }

  bool seed_first(Snake& snake) {
    const int border = std::min(o_.padding + 2 * o_.seed_distance, (o_.size - 1) / 2);
    return seed_at(snake, anywhere(border));
  }
  bool seed_second(const Snake& first, Snake& snake) {
    for (int tries = 0; tries < 3; ++tries) {
      const double away = draws_.uniform(0, 2 * kPi);
      if (seed_at(snake, ahead(first.begin, away, o_.seed_distance))) return true;
    }
    return false;
  }

  Place anywhere(int border) {
    const int room = o_.size - 2 * border;
    const int y = border + draws_.below(room);
    return {static_cast<double>(y), static_cast<double>(border + draws_.below(room))};
  }

  // Rounded up, as the authors do.
  static Place ahead(Place from, double angle, double length) {
    return {std::ceil(from.y + length * std::sin(angle) - 1e-9), std::ceil(from.x + length * std::cos(angle) - 1e-9)};
  }
  bool inside(Place p) const { return taken_.inside(static_cast<int>(p.y), static_cast<int>(p.x)); }

  // The first dash, which must touch nothing.
  bool seed_at(Snake& snake, Place tail) {
    snake.angle = (draws_.below(360) - 180) * kPi / 180;
    snake.begin = tail;
    snake.end = ahead(tail, snake.angle, o_.dash);
    snake.pivot = ahead(snake.end, snake.angle, -(o_.dash + margin_));
    if (!inside(tail) || !inside(snake.end) || !inside(snake.pivot)) return false;
    snake.last = stamps_.dash(tail, snake.end);
    if (!alone(snake.last)) return false;
    paint(snake.last);
    return true;
  }

  // One more dash. Heads lie on a circle around the next pivot, a candidate for each pixel of its arc.
  bool extend(Snake& snake) {
    const double radius = o_.dash + margin_;
    const Place pivot = ahead(snake.pivot, snake.angle, o_.dash + 2 * margin_);
    const int arc = std::max(8, static_cast<int>(std::ceil(2 * kPi * radius)));
    std::vector<double> sums;
    double total = 0;
    for (int i = 0; i < arc; ++i) sums.push_back(total += weight(pivot, angle_of(i, arc), radius, snake.angle));
    if (total < 1e-4) return false;
    for (int tries = 0; tries < 3; ++tries) {
      const auto chosen = std::upper_bound(sums.begin(), sums.end() - 1, draws_.uniform() * total) - sums.begin();
      const double angle = angle_of(static_cast<int>(chosen), arc);
      const Place head = ahead(pivot, angle, radius), tail = ahead(head, angle, -o_.dash);
      if (!inside(tail)) continue;
      const Dash dash = stamps_.dash(tail, head);
      if (!fits(dash)) continue;
      take(snake.last);  // the one before the new one is in the way from now on
      paint(dash);
      snake.last = dash;
      snake.end = head;
      snake.pivot = pivot;
      snake.angle = angle;
      return true;
    }
    return false;
  }

  static double angle_of(int i, int arc) { return 2 * kPi * i / arc - kPi; }

  double weight(Place pivot, double angle, double radius, double last) const {
    const Place head = ahead(pivot, angle, radius);
    if (!inside(head)) return 0;
    const double apart = std::abs(angle - last), turn = std::min(apart, 2 * kPi - apart);
    const double bent = std::min(o_.continuity * turn, kPi / 2);
    const double cosine = std::max(std::cos(bent), 0.0);
    return cosine * cosine * (1 - std::min(1.0, nearby(head)));
  }

  // The most that is taken within the margin of a place.
  double nearby(Place p) const {
    const int reach = static_cast<int>(margin_);
    float most = 0;
    for (int y = -reach; y <= reach; ++y)
      for (int x = -reach; x <= reach; ++x) {
        const int at_y = static_cast<int>(p.y) + y, at_x = static_cast<int>(p.x) + x;
        if (y * y + x * x <= reach * reach && taken_.inside(at_y, at_x)) most = std::max(most, taken_.at(at_y, at_x));
      }
    return most;
  }

  // Whether the line lies where nothing is taken.
  bool alone(const Dash& dash) const {
    return std::all_of(dash.stamp->line.begin(), dash.stamp->line.end(), [&](const Stamp::Pixel& p) {
      const int y = dash.y + p.y, x = dash.x + p.x;
      return p.value < 0.3f || (taken_.inside(y, x) && taken_.at(y, x) < 0.3f);
    });
  }
  // Whether the room of a dash and what is taken nowhere lie fully over each other.
  bool fits(const Dash& dash) const {
    return std::none_of(dash.stamp->room.begin(), dash.stamp->room.end(), [&](const Stamp::Pixel& p) {
      const int y = dash.y + p.y, x = dash.x + p.x;
      return taken_.inside(y, x) && taken_.at(y, x) + p.value >= 1.8f;
    });
  }
  static void lay(const std::vector<Stamp::Pixel>& pixels, const Dash& dash, Canvas& on) {
    for (const Stamp::Pixel& p : pixels)
      if (const int y = dash.y + p.y, x = dash.x + p.x; on.inside(y, x)) on.at(y, x) = std::max(on.at(y, x), p.value);
  }
  void take(const Dash& dash) { lay(dash.stamp->room, dash, taken_); }
  void paint(const Dash& dash) { lay(dash.stamp->line, dash, picture_); }

  // A short path; nothing of it stays where it finds no way.
  bool distract() {
    const Canvas taken = taken_, picture = picture_;
    Snake snake;
    bool grown = seed_at(snake, anywhere(o_.padding));
    for (int i = 1; i < o_.distractor && grown; ++i) grown = extend(snake);
    if (grown) {
      take(snake.last);
    } else {
      taken_ = taken;
      picture_ = picture;
    }
    return grown;
  }

  PathPicture finished(const std::array<Snake, 2>& snakes, bool connected) {
    const auto point = [](Place p) { return Point{static_cast<int>(p.y), static_cast<int>(p.x)}; };
    PathPicture made;
    made.connected = connected;
    for (std::size_t i = 0; i < 2; ++i) {
      made.begins[i] = point(snakes[i].begin);
      made.ends[i] = point(snakes[i].end);
    }
    const auto one = static_cast<std::size_t>(draws_.below(2));
    made.marked = {made.begins[one], made.ends[connected ? one : 1 - one]};
    made.pixels = std::move(picture_.values());
    for (float& x : made.pixels) x = std::min(1.0f, x * static_cast<float>(o_.brightness));
    const int reach = static_cast<int>(std::ceil(o_.marker_radius));
    for (const Point& p : made.marked)
      for (int y = p.y - reach; y <= p.y + reach; ++y)
        for (int x = p.x - reach; x <= p.x + reach; ++x)
          if (taken_.inside(y, x) && std::hypot(y - p.y, x - p.x) <= o_.marker_radius)
            made.pixels[static_cast<std::size_t>(y * o_.size + x)] = 1;
    return made;
  }

  const PathfinderDataOptions& o_;
  const Stamps& stamps_;
  DrawStream draws_;
  double margin_;
  Canvas taken_, picture_;
};

}  // namespace

struct CurvedPaths::Tools {
  std::vector<Stamps> stamps;  // of each margin
};

CurvedPaths::CurvedPaths(const PathfinderDataOptions& options) : o_(options) {
  auto tools = std::make_shared<Tools>();
  for (const std::int64_t margin : o_.margins) tools->stamps.emplace_back(o_, static_cast<double>(margin));
  tools_ = std::move(tools);
}

PathPicture CurvedPaths::draw(const Rng& draws) const {
  DrawStream stream(draws);
  const auto margin = static_cast<std::size_t>(stream.below(static_cast<int>(o_.margins.size())));
  return Painter(o_, tools_->stamps[margin], stream).draw();
}

}  // namespace tempera
