// Pathfinder: are two points the ends of one dashed path? (Linsley et al. 2018, "Learning long-range spatial
// dependencies with horizontal gated recurrent units"; Tay et al. 2021, "Long Range Arena")
//
// Two long paths of dashes begin near each other among short ones that distract. Two discs mark ends: one the beginning
// of a path, the other the end of the same path (class 1, "connected") or of the other (class 0). Nothing but following
// the path tells.
#pragma once

#include "data/generated.h"
#include "data/images/image_set.h"

namespace tempera {

// Curved paths, by the rules of the data set's authors, written from their description. The defaults are those of its
// 32 x 32 images in the Long Range Arena (contours of 14 dashes); configs/lra has those of 64 and 128.
//
// A dash is a line of `dash` pixels; the next begins 2 m pixels farther (m one of `margins`), turned by an angle d with
// probability in proportion to max(0, cos(min(continuity d, pi / 2)))^2. Around every dash but the last of its path a
// room of m pixels is taken, which the room of no later dash may fully meet. Lines are drawn at `antialias` times the
// size and made smaller by Lanczos' filter.
//
// form image: float32 [1, S, S] in [0, 1]; tokens: the brightness 0 .. 255 of each pixel, int32 [S S]. With `folder`,
// images are read from the published files: <folder>/imgs/*/*.png with metadata/*.npy, which are lines of text: folder,
// file, number, class, ...; the first 80 % are for training, then validation and test 10 % each.
struct PathfinderDataOptions : DrawnDataOptions {
  PathfinderDataOptions() {
    train = 160000;
    valid = test = 20000;
  }
  std::string folder;
  std::string form = "image";
  int size = 32, padding = 1, seed_distance = 7;
  int contour = 14, distractors = 5, distractor = 4;
  std::vector<std::int64_t> margins = {1};
  double dash = 2, thickness = 0.5, continuity = 1, marker_radius = 1.5, brightness = 1.5;
  int antialias = 2;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// A small one on a lattice: paths go from pixel to pixel, straight or diagonally, and turn by 45 degrees or not at all
// (probabilities 1/4, 1/2, 1/4). No path comes next to another, nor to itself; every third pixel of a path is dark.
//   form tokens: int32 [size^2], 0 dark, 1 light, 2 a marked end
//        image:  float32 [1, size, size] of 0, 0.5, 1
//        points: float32 [points, 2 size + 2] with lengths: the lit pixels alone, row by row, each with ones at its
//                row, at size + its column, and at 2 size, or at 2 size + 1 where it is a marked end
// Both long paths have fewest..steps steps, as many each, and begin three pixels or more from the border, and three to
// five from each other; then come `distractors` paths of `distractor` steps, fewer where there is no room.
struct LatticePathsDataOptions : DrawnDataOptions {
  std::string form = "tokens";
  int size = 16, steps = 14, fewest = 14, distractors = 3, distractor = 5;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// One sample of either: brightness in [0, 1], row by row, and what tests want to know.
struct PathPicture {
  std::vector<float> pixels;  // [size, size]
  bool connected = false;
  struct Point {
    int y = 0, x = 0;
  };
  std::array<Point, 2> begins, ends;  // of the two long paths
  std::array<Point, 2> marked;
};
PathPicture draw_paths(const LatticePathsDataOptions& options, const Rng& draws);

// Draws curved paths; the dashes are made once.
class CurvedPaths {
 public:
  explicit CurvedPaths(const PathfinderDataOptions& options);
  // Throws Error where two paths find no room.
  PathPicture draw(const Rng& draws) const;

 private:
  struct Tools;
  PathfinderDataOptions o_;
  std::shared_ptr<const Tools> tools_;
};

}  // namespace tempera
