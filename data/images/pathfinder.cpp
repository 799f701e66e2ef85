#include "data/images/pathfinder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "data/contents.h"
#include "data/images/formats.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kWho = "pathfinder";

Description description_of(const PathfinderDataOptions& o) {
  Description d{.inputs = {1, o.size, o.size}, .classes = 2, .class_names = {"apart", "connected"}};
  if (o.form == "tokens") {
    d.inputs = {o.size * o.size};
    d.input_type = DType::int32;
    d.vocabulary = 256;
  }
  return d;
}

// The brightness of pixel i, as a token or a number.
void put_pixel(const PathfinderDataOptions& o, double brightness, Index i, Tensor& inputs) {
  inputs.set(i, o.form == "tokens" ? std::round(255 * brightness) : brightness);
}

// Images of the published files.
class Published final : public Dataset {
 public:
  Published(std::shared_ptr<const Images> images, std::int64_t first, std::int64_t size, const PathfinderDataOptions& o)
      : Dataset(size, description_of(o)), images_(std::move(images)), first_(first), o_(o) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Index count = Index{o_.size} * o_.size;
    const std::uint8_t* from = images_->pixels.data() + (first_ + sample) * count;
    for (Index i = 0; i < count; ++i) put_pixel(o_, from[i] / 255.0, row * count + i, out.inputs);
    out.targets.data<std::int32_t>()[row] = images_->classes[static_cast<std::size_t>(first_ + sample)];
  }

 private:
  std::shared_ptr<const Images> images_;
  std::int64_t first_;
  PathfinderDataOptions o_;
};

// Lines "imgs/0 sample_7.png 7 1 ..." of one file of metadata.
void read_metadata(const fs::path& file, const fs::path& folder, Images& images) {
  std::istringstream lines(read_contents(file, kWho));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string where, name, count, label;
    words >> where >> name >> count >> label;
    char* end = nullptr;
    const double value = std::strtod(label.c_str(), &end);
    require(!label.empty() && *end == '\0' && (value == 0 || value == 1), kWho,
            "{}:{}: folder, file, number and a class of 0 or 1 were wanted; the fourth word is '{}'", file.string(),
            number, label);
    const fs::path image = folder / where / name;
    if (fs::exists(image) && fs::file_size(image) == 0) continue;  // the release has an empty one
    append_png(image, images);
    images.classes.push_back(static_cast<std::int32_t>(value));
  }
}

std::unique_ptr<DataSource> read_published(const PathfinderDataOptions& o) {
  const fs::path folder = o.folder, metadata = folder / "metadata";
  require(fs::is_directory(metadata), kWho,
          "'{}' is no folder; put a difficulty of Pathfinder of the Long Range Arena's release, such as "
          "pathfinder{}/curv_contour_length_14 with its imgs and metadata, at '{}', or leave out data.folder to draw "
          "images by the same rules",
          metadata.string(), o.size, o.folder);
  Images images;
  std::vector<fs::path> files = files_below(metadata, kWho);
  const auto batch = [](const fs::path& file) { return std::atol(file.stem().c_str()); };
  std::stable_sort(files.begin(), files.end(), [&](const auto& a, const auto& b) { return batch(a) < batch(b); });
  for (const fs::path& file : files)
    if (file.extension() == ".npy") read_metadata(file, folder, images);
  images.count = std::ssize(images.classes);
  require(images.count > 0, kWho, "'{}' names no image", metadata.string());
  require(images.height == o.size && images.width == o.size, kWho,
          "'{}' has images of {} x {} pixels, but size is {}; set it to that", o.folder, images.height, images.width,
          o.size);
  const auto shared = std::make_shared<const Images>(std::move(images));
  const std::int64_t all = shared->count, valid = all * 8 / 10, test = all * 9 / 10;
  const auto part = [&](std::int64_t first, std::int64_t last) -> std::shared_ptr<const Dataset> {
    return last > first ? std::make_shared<Published>(shared, first, last - first, o) : nullptr;
  };
  auto source = std::make_unique<DataSource>();
  source->task = Task::classification;
  source->train = part(0, valid);
  source->valid = part(valid, test);
  source->test = part(test, all);
  require(source->train != nullptr, kWho, "'{}' has {} images; more were wanted", o.folder, all);
  return source;
}

}  // namespace

void PathfinderDataOptions::describe(Fields& f) {
  f("folder", folder, "holds imgs and metadata as published; empty: images are drawn");
  f("form", form, "an image, or a sequence of tokens: the brightness 0 .. 255 of each pixel", pixel_forms());
  f("size", size, "height and width", between(16, 1024));
  f("contour", contour, "dashes of the two long paths", between(1, 64));
  f("distractors", distractors, "short paths that distract", between(0, 64));
  f("distractor", distractor, "dashes of a short path", between(1, 64));
  f("dash", dash, "length of a dash", between(1, 64));
  f("thickness", thickness, "of a dash; times antialias it is rounded to whole pixels", above(0));
  f("margins", margins, "half the room between two dashes; each image has one of these", between(0, 16));
  f("continuity", continuity, "how little paths bend", above(0));
  f("seed_distance", seed_distance, "between the beginnings of the long paths", between(1, 64));
  f("padding", padding, "border without paths", between(0, 64));
  f("marker_radius", marker_radius, "of the discs", above(0));
  f("brightness", brightness, "of the middle of a line; beyond 1 it is cut", above(0));
  f("antialias", antialias, "times the size at which lines are drawn", between(1, 8));
  describe_parts(f);
}

std::vector<Problem> PathfinderDataOptions::problems() const {
  std::vector<Problem> found;
  if (margins.empty()) found.push_back({"margins", "the list is empty; give at least one"});
  if (thickness * antialias < 0.5)
    found.push_back({"thickness", fmt::format("{} times antialias, {}, is less than half a pixel; raise one of them",
                                              thickness, antialias)});
  if (padding + seed_distance >= size / 2)
    found.push_back({"seed_distance", fmt::format("{} with a padding of {} leaves no middle of {} pixels; lower it",
                                                  seed_distance, padding, size)});
  return found;
}

std::unique_ptr<DataSource> PathfinderDataOptions::make() const {
  for (const Problem& problem : problems()) fail(kWho, "{}: {}", problem.key, problem.message);
  if (!folder.empty()) return read_published(*this);
  const auto draw = [o = *this, paths = CurvedPaths(*this)](const Rng& draws, Batch& out, Index row) {
    const PathPicture picture = paths.draw(draws);
    const Index count = std::ssize(picture.pixels);
    for (Index i = 0; i < count; ++i)
      put_pixel(o, static_cast<double>(picture.pixels[static_cast<std::size_t>(i)]), row * count + i, out.inputs);
    out.targets.data<std::int32_t>()[row] = picture.connected;
  };
  return make_parts(Task::classification, "data/pathfinder",
                    [&](std::string_view, std::int64_t size_of_part, const Rng& rng) {
                      return std::make_shared<DrawnSet>(size_of_part, description_of(*this), rng, draw);
                    });
}

}  // namespace tempera
