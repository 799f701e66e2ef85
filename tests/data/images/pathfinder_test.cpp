#include "data/images/pathfinder.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <png.h>
#include <set>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

double distance(PathPicture::Point a, PathPicture::Point b) {
  return std::hypot(a.y - b.y, a.x - b.x);
}

// The best accuracy of answers by a threshold on the distance between the marked ends.
double by_distance(std::vector<std::pair<double, bool>> samples) {
  std::sort(samples.begin(), samples.end());
  std::ptrdiff_t connected = 0, below = 0, best = 0;
  for (const auto& sample : samples) connected += sample.second;
  for (std::ptrdiff_t i = 0; i < std::ssize(samples); ++i) {
    below += samples[static_cast<std::size_t>(i)].second;
    // Up to the threshold "connected" is said, beyond it "apart"; or the other way round.
    const std::ptrdiff_t right = below + (std::ssize(samples) - i - 1) - (connected - below);
    best = std::max({best, right, std::ssize(samples) - right});
  }
  return static_cast<double>(best) / static_cast<double>(samples.size());
}

PathPicture drawn(const PathfinderDataOptions& o, const Rng& draws) {
  return CurvedPaths(o).draw(draws);
}
PathPicture drawn(const LatticePathsDataOptions& o, const Rng& draws) {
  return draw_paths(o, draws);
}

template <class O>
void check_samples(const O& o, int count, double trivial) {
  std::vector<std::pair<double, bool>> samples;
  int connected = 0;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
    const PathPicture p = drawn(o, Rng(3, "test", i));
    REQUIRE(p.pixels.size() == static_cast<std::size_t>(o.size * o.size));
    for (const float x : p.pixels) REQUIRE((x >= 0 && x <= 1));
    // The class is that of the marked ends: those of one path, or of two.
    bool same = false, other = false;
    for (std::size_t one = 0; one < 2; ++one) {
      same |= distance(p.marked[0], p.begins[one]) == 0 && distance(p.marked[1], p.ends[one]) == 0;
      other |= distance(p.marked[0], p.begins[one]) == 0 && distance(p.marked[1], p.ends[1 - one]) == 0;
    }
    CHECK((p.connected ? same : other));
    for (const auto& m : p.marked) CHECK(p.pixels[static_cast<std::size_t>(m.y * o.size + m.x)] == 1);
    connected += p.connected;
    samples.emplace_back(distance(p.marked[0], p.marked[1]), p.connected);
  }
  CHECK(std::abs(connected - count / 2) < 5 * std::sqrt(count) / 2);
  INFO("by the distance alone " << by_distance(samples));
  CHECK(by_distance(samples) < trivial);
}

}  // namespace

TEST_CASE("paths on a lattice follow their rules", "[data][pathfinder]") {
  const LatticePathsDataOptions o;
  check_samples(o, 400, 0.62);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const PathPicture p = drawn(o, Rng(1, "test", i));
    for (const auto& begin : p.begins) CHECK((std::min(begin.y, begin.x) >= 3 && std::max(begin.y, begin.x) <= 12));
    CHECK((distance(p.begins[0], p.begins[1]) >= 3 && distance(p.begins[0], p.begins[1]) <= 5));
    int lit = 0;
    for (const float x : p.pixels) lit += x > 0;
    // Of 15 pixels every third is dark: 10, of 6 pixels 4, and a marked end may light one of each path.
    CHECK((lit >= 20 && lit <= 20 + 3 * 4 + 2));
  }
}

TEST_CASE("tokens and images of a lattice say the same", "[data][pathfinder]") {
  LatticePathsDataOptions o;
  const std::vector<std::int64_t> ids{0, 5};
  Batch tokens, image;
  o.make()->train->fill(ids, tokens);
  o.form = "image";
  o.make()->train->fill(ids, image);
  CHECK(tokens.inputs.shape() == Shape{2, 256});
  CHECK(image.inputs.shape() == Shape{2, 1, 16, 16});
  for (Index i = 0; i < 512; ++i) CHECK(tokens.inputs.at(i) == 2 * image.inputs.at(i));
}

TEST_CASE("points are the lit pixels of a lattice", "[data][pathfinder]") {
  LatticePathsDataOptions o;
  const std::vector<std::int64_t> ids{0, 5};
  Batch tokens, points;
  o.make()->train->fill(ids, tokens);
  o.form = "points";
  const auto source = o.make();
  CHECK(source->train->description().inputs == Shape{48, 34});
  source->train->fill(ids, points);
  for (Index s = 0; s < 2; ++s) {
    std::vector<double> pixels(256, 0);
    for (Index i = 0; i < 48; ++i) {
      std::vector<Index> ones;
      for (Index j = 0; j < 34; ++j)
        if (points.inputs.at((s * 48 + i) * 34 + j) == 1) ones.push_back(j);
      REQUIRE(ones.size() == (i < static_cast<Index>(points.lengths.at(s)) ? 3u : 0u));
      if (ones.empty()) continue;
      pixels[static_cast<std::size_t>(ones[0] * 16 + ones[1] - 16)] = static_cast<double>(ones[2] - 31);
    }
    CHECK(pixels == tokens.inputs.rows(s, 1).to_vector());
  }
}

TEST_CASE("short paths may be among the long ones", "[data][pathfinder]") {
  LatticePathsDataOptions o;
  o.fewest = 2;
  o.distractors = 0;
  std::set<int> lit;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const PathPicture p = drawn(o, Rng(1, "test", i));
    lit.insert(static_cast<int>(std::count_if(p.pixels.begin(), p.pixels.end(), [](float x) { return x > 0; })));
  }
  CHECK(*lit.begin() <= 6);  // 2 steps: 3 pixels each, one of them dark unless it is marked
  CHECK(*lit.rbegin() >= 20);
  o.fewest = 15;
  REQUIRE(o.problems().size() == 1);
  CHECK(o.problems()[0].message == "15 exceeds steps, 14; lower it");
}

TEST_CASE("curved paths follow their rules", "[data][pathfinder]") {
  PathfinderDataOptions o;
  check_samples(o, 100, 0.72);
  for (std::uint64_t i = 0; i < 20; ++i) {
    const PathPicture p = drawn(o, Rng(1, "test", i));
    // The second begins seed_distance from the first, in whole pixels rounded up.
    CHECK(std::abs(distance(p.begins[0], p.begins[1]) - 7) <= std::sqrt(2));
    // A path is no longer than its dashes with the room between them.
    for (std::size_t s = 0; s < 2; ++s) CHECK(distance(p.begins[s], p.ends[s]) <= 14 * (2 + 2 + 2 * std::sqrt(2)));
  }
}

TEST_CASE("larger curved paths are drawn too", "[data][pathfinder]") {
  PathfinderDataOptions o;
  o.size = GENERATE(64, 128);
  const bool large = o.size == 128;
  o.seed_distance = large ? 20 : 12;
  o.marker_radius = large ? 3 : 2.5;
  o.thickness = large ? 1.5 : 1;
  o.dash = 5;
  o.continuity = 1.8;
  if (large) o.margins = {2, 3};
  o.brightness = large ? 0.9 : 0.8;
  const PathPicture p = drawn(o, Rng(1, "test"));
  double lit = 0;
  for (const float x : p.pixels) lit += x > 0.3f;
  // Two paths of 14 dashes of 5 pixels and more, and short ones.
  CHECK(lit > 2 * 14 * 5);
  CHECK(lit < 0.3 * o.size * o.size);
}

TEST_CASE("published images are read as they are", "[data][pathfinder]") {
  const TestFolder folder;
  PathfinderDataOptions o;
  o.folder = folder.path.string();
  CHECK_THROWS_WITH(o.make(), Catch::Contains("is no folder; put a difficulty of Pathfinder of the Long Range Arena's "
                                              "release, such as pathfinder32/curv_contour_length_14"));
  std::filesystem::create_directories(folder.path / "metadata");
  std::ofstream(folder.path / "metadata/0.npy") << "imgs/0 sample_0.png 0 x 1.8\n";
  CHECK_THROWS_WITH(o.make(), Catch::Contains("0.npy:1: folder, file, number and a class of 0 or 1 were wanted; the "
                                              "fourth word is 'x'"));
  std::ofstream(folder.path / "metadata/0.npy") << "imgs/0 sample_0.png 0 1 1.8\n";
  CHECK_THROWS_WITH(o.make(), Catch::Contains("sample_0.png"));
  // Ten images, the third empty, as one of the release is: nine, of which seven are for training.
  std::ofstream metadata(folder.path / "metadata/0.npy");
  for (int i = 0; i < 10; ++i) {
    metadata << fmt::format("imgs/0 sample_{}.png {} {} 1.8\n", i, i, i % 2);
    const auto file = folder.write(fmt::format("imgs/0/sample_{}.png", i), "");
    if (i == 2) continue;
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = image.height = 32;
    image.format = PNG_FORMAT_GRAY;
    const std::vector<std::uint8_t> pixels(32 * 32, static_cast<std::uint8_t>(20 * i));
    REQUIRE(png_image_write_to_file(&image, file.c_str(), 0, pixels.data(), 0, nullptr));
  }
  metadata.close();
  o.form = "tokens";
  const auto source = o.make();
  CHECK(source->train->size() == 7);
  CHECK(source->valid->size() == 1);
  REQUIRE(source->test->size() == 1);
  Batch batch;
  const std::vector<std::int64_t> first{0};
  source->test->fill(first, batch);
  CHECK(batch.inputs.at(1023) == 180);
  CHECK(batch.targets.at(0) == 1);
  o.size = 64;
  CHECK_THROWS_WITH(o.make(), Catch::Contains("has images of 32 x 32 pixels, but size is 64; set it to that"));
}

TEST_CASE("path options that cannot be are told", "[data][pathfinder][errors]") {
  PathfinderDataOptions o;
  o.margins.clear();
  o.thickness = 0.1;
  o.seed_distance = 16;
  REQUIRE(o.problems().size() == 3);
  CHECK(o.problems()[0].message == "the list is empty; give at least one");
  CHECK(o.problems()[1].message == "0.1 times antialias, 2, is less than half a pixel; raise one of them");
  CHECK(o.problems()[2].message == "16 with a padding of 1 leaves no middle of 32 pixels; lower it");
  LatticePathsDataOptions lattice;
  lattice.steps = 30;
  REQUIRE(lattice.problems().size() == 1);
  CHECK(lattice.problems()[0].message ==
        "two paths of 30 steps hardly find room in 16 x 16 pixels; 16 steps at most were wanted");
}
