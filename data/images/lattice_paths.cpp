#include <algorithm>
#include <cmath>

#include "data/draw_stream.h"
#include "data/images/pathfinder.h"

namespace tempera {
namespace {

using Point = PathPicture::Point;

// Turns of 45 degrees.
constexpr std::array<Point, 8> kHeadings = {{{0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}, {-1, -1}, {-1, 0}, {-1, 1}}};
constexpr int kBorder = 3, kNear = 3, kFar = 5;

class Walker {
 public:
  Walker(const LatticePathsDataOptions& o, const Rng& draws) : o_(o), draws_(draws) {}

  // Tries until both long paths find room.
  PathPicture draw() {
    std::vector<std::vector<Point>> paths;
    int tries = 0;
    while (!long_paths(paths))
      require(++tries < 200000, "lattice_paths", "two paths of {} steps find no room in {} x {} pixels; lower steps",
              o_.steps, o_.size, o_.size);
    for (int i = 0; i < o_.distractors; ++i)
      for (int again = 0; again < 20 && !walk(anywhere(0), o_.distractor, paths); ++again) continue;
    return picture(paths);
  }

 private:
  bool long_paths(std::vector<std::vector<Point>>& paths) {
    paths.clear();
    const int steps = o_.fewest + draws_.below(o_.steps - o_.fewest + 1);
    const Point first = anywhere(kBorder), second = anywhere(kBorder);
    const double distance = std::hypot(first.y - second.y, first.x - second.x);
    return distance >= kNear && distance <= kFar && walk(first, steps, paths) && walk(second, steps, paths);
  }

  Point anywhere(int border) {
    const int room = o_.size - 2 * border;
    const int y = border + draws_.below(room);
    return {y, border + draws_.below(room)};
  }

  bool inside(Point p) const { return p.y >= 0 && p.x >= 0 && p.y < o_.size && p.x < o_.size; }
  static bool touches(Point a, Point b) { return std::abs(a.y - b.y) <= 1 && std::abs(a.x - b.x) <= 1; }

  // Whether a pixel keeps away from all paths, and from its own but for the last two pixels.
  static bool free(Point p, const std::vector<std::vector<Point>>& paths, const std::vector<Point>& own) {
    for (const auto& path : paths)
      for (const Point& q : path)
        if (touches(p, q)) return false;
    for (std::size_t i = 0; i + 2 < own.size(); ++i)
      if (touches(p, own[i])) return false;
    return true;
  }

  // Adds a path; false, and nothing added, where it runs into something.
  bool walk(Point p, int steps, std::vector<std::vector<Point>>& paths) {
    std::vector<Point> own;
    int heading = draws_.below(8);
    for (int i = 0;; ++i) {
      if (!inside(p) || !free(p, paths, own)) return false;
      own.push_back(p);
      if (i == steps) break;
      const int turn = draws_.below(4);  // 0: to the left, 1 and 2: straight on, 3: to the right
      heading = (heading + (turn == 0 ? 7 : turn == 3 ? 1 : 0)) % 8;
      p = {p.y + kHeadings[static_cast<std::size_t>(heading)].y, p.x + kHeadings[static_cast<std::size_t>(heading)].x};
    }
    paths.push_back(std::move(own));
    return true;
  }

  PathPicture picture(const std::vector<std::vector<Point>>& paths) {
    PathPicture made;
    made.pixels.assign(static_cast<std::size_t>(o_.size * o_.size), 0);
    const auto at = [&](Point p) -> float& { return made.pixels[static_cast<std::size_t>(p.y * o_.size + p.x)]; };
    for (const auto& path : paths)
      for (std::size_t i = 0; i < path.size(); ++i)
        if (i % 3 != 2) at(path[i]) = 0.5f;
    for (std::size_t i = 0; i < 2; ++i) {
      made.begins[i] = paths[i].front();
      made.ends[i] = paths[i].back();
    }
    made.connected = draws_.below(2) == 1;
    const auto one = static_cast<std::size_t>(draws_.below(2));
    made.marked = {made.begins[one], made.ends[made.connected ? one : 1 - one]};
    for (const Point& p : made.marked) at(p) = 1;
    return made;
  }

  const LatticePathsDataOptions& o_;
  DrawStream draws_;
};

}  // namespace

PathPicture draw_paths(const LatticePathsDataOptions& o, const Rng& draws) {
  return Walker(o, draws).draw();
}

void LatticePathsDataOptions::describe(Fields& f) {
  f("form", form, "a token for each pixel, an image, or the lit pixels alone, each by its row, column and kind",
    one_of({"tokens", "image", "points"}));
  f("size", size, "height and width", between(12, 256));
  f("steps", steps, "of the two long paths, at most", between(2, 64));
  f("fewest", fewest, "steps of the two long paths, at least; short ones are easy and teach the others",
    between(2, 64));
  f("distractors", distractors, "short paths that distract", between(0, 64));
  f("distractor", distractor, "steps of a short path", between(1, 64));
  describe_parts(f);
}

std::vector<Problem> LatticePathsDataOptions::problems() const {
  if (fewest > steps) return {{"fewest", fmt::format("{} exceeds steps, {}; lower it", fewest, steps)}};
  if (steps <= size) return {};
  return {
      {"steps", fmt::format("two paths of {} steps hardly find room in {} x {} pixels; {} steps at most were wanted",
                            steps, size, size, size)}};
}

namespace {

// Pixels that are lit, at most.
Index most_points(const LatticePathsDataOptions& o) {
  return 2 * (Index{o.steps} + 1) + o.distractors * (Index{o.distractor} + 1);
}

Description description_of(const LatticePathsDataOptions& o) {
  Description d{.inputs = {1, o.size, o.size}, .classes = 2, .class_names = {"apart", "connected"}};
  if (o.form == "points") {
    d.inputs = {most_points(o), 2 * o.size + 2};
    d.lengths = true;
  } else if (o.form == "tokens") {
    d.inputs = {o.size * o.size};
    d.input_type = DType::int32;
    d.vocabulary = 3;
  }
  return d;
}

void put_points(const LatticePathsDataOptions& o, const PathPicture& picture, Batch& out, Index row) {
  const Index most = most_points(o), width = 2 * o.size + 2;
  float* to = out.inputs.data<float>() + row * most * width;
  std::fill_n(to, most * width, 0.0f);
  std::int32_t count = 0;
  for (int i = 0; i < o.size * o.size; ++i) {
    const float brightness = picture.pixels[static_cast<std::size_t>(i)];
    if (brightness == 0) continue;
    to[i / o.size] = to[o.size + i % o.size] = 1;
    to[2 * o.size + (brightness == 1 ? 1 : 0)] = 1;
    to += width;
    ++count;
  }
  out.lengths.data<std::int32_t>()[row] = count;
}

void draw_sample(const LatticePathsDataOptions& o, const Rng& draws, Batch& out, Index row) {
  const PathPicture picture = draw_paths(o, draws);
  out.targets.data<std::int32_t>()[row] = picture.connected;
  if (o.form == "points") return put_points(o, picture, out, row);
  const Index count = std::ssize(picture.pixels);
  for (Index i = 0; i < count; ++i)
    out.inputs.set(row * count + i, picture.pixels[static_cast<std::size_t>(i)] * (o.form == "tokens" ? 2 : 1));
}

}  // namespace

std::unique_ptr<DataSource> LatticePathsDataOptions::make() const {
  for (const Problem& problem : problems()) fail("lattice_paths", "{}: {}", problem.key, problem.message);
  return make_parts(Task::classification, "data/lattice_paths",
                    [&](std::string_view, std::int64_t size_of_part, const Rng& rng) {
                      return std::make_shared<DrawnSet>(
                          size_of_part, description_of(*this), rng,
                          [o = *this](const Rng& draws, Batch& out, Index row) { draw_sample(o, draws, out, row); });
                    });
}

}  // namespace tempera
