#include "data/images/image_data.h"

#include <cmath>

#include "data/contents.h"
#include "data/digits.h"
#include "data/split.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

// `file` in `folder`, or packed with gzip beside it.
fs::path packed_or_not(const fs::path& folder, const std::string& file) {
  const fs::path packed = folder / (file + ".gz");
  return fs::exists(packed) ? packed : folder / file;
}

std::vector<Problem> with_parts(std::vector<Problem> found, double valid, double test) {
  if (valid + test >= 1)
    found.push_back({"valid", fmt::format("valid {} and test {} leave nothing to train on; their sum must be below 1",
                                          valid, test)});
  return found;
}

}  // namespace

Images joined(Images first, const Images& second, std::string_view who) {
  require(first.channels == second.channels && first.height == second.height && first.width == second.width, who,
          "training images are {} x {} x {}, test images {} x {} x {}", first.channels, first.height, first.width,
          second.channels, second.height, second.width);
  first.count += second.count;
  first.pixels.insert(first.pixels.end(), second.pixels.begin(), second.pixels.end());
  first.classes.insert(first.classes.end(), second.classes.begin(), second.classes.end());
  if (second.class_names.size() > first.class_names.size()) first.class_names = second.class_names;
  return first;
}

void ImageDataOptions::describe(Fields& f) {
  f("form", form, "images of numbers, or sequences of tokens: the brightness of each pixel", pixel_forms());
  f("mean", mean, "taken from each channel of pixels in 0..1; empty: that of the training part");
  f("deviation", deviation, "each channel is divided by it; empty: that of the training part", above(0));
  f("valid", valid, "fraction of the training images for validation", from_up_to(0, 1));
  f("seed", seed, "chooses the part of each image");
}

std::vector<Problem> ImageDataOptions::problems() const {
  if (mean.size() == deviation.size()) return {};
  return {{"deviation", fmt::format("{} values came, and {} for mean; one each a channel was wanted", deviation.size(),
                                    mean.size())}};
}

std::unique_ptr<DataSource> ImageDataOptions::make_from(Images images, Index given, double test_fraction) const {
  Split parts = split(given, valid, given < images.count ? 0 : test_fraction, seed);
  for (Index i = given; i < images.count; ++i) parts.test.push_back(static_cast<std::int32_t>(i));
  const bool tokens = form == "tokens";
  const auto shared = std::make_shared<const Images>(tokens ? grey(std::move(images)) : std::move(images));
  const Normalisation normalisation = mean.empty() ? measure(*shared, parts.train) : Normalisation{mean, deviation};
  const auto set = [&](std::vector<std::int32_t>& part) -> std::shared_ptr<const Dataset> {
    if (part.empty()) return nullptr;
    if (tokens) return std::make_shared<PixelSequences>(shared, std::move(part));
    return std::make_shared<ImageSet>(shared, std::move(part), normalisation);
  };
  auto source = std::make_unique<DataSource>();
  source->task = Task::classification;
  source->train = set(parts.train);
  source->valid = set(parts.valid);
  source->test = set(parts.test);
  return source;
}

void IdxDataOptions::describe(Fields& f) {
  f("folder", folder, "holds the four files of the MNIST family, packed with gzip or not");
  ImageDataOptions::describe(f);
}

std::unique_ptr<DataSource> IdxDataOptions::make() const {
  const fs::path first = packed_or_not(folder, "train-images-idx3-ubyte");
  require(
      !is_missing(first), "idx",
      "'{}' is not there; put the four files of a set of the MNIST family into data.folder, train-images-idx3-ubyte, "
      "train-labels-idx1-ubyte and the same of t10k, or install Debian's package dataset-fashion-mnist",
      first.string());
  const auto read = [&](const std::string& part) {
    return read_idx_images(packed_or_not(folder, part + "-images-idx3-ubyte"),
                           packed_or_not(folder, part + "-labels-idx1-ubyte"));
  };
  Images train = read("train");
  const Index given = train.count;
  return make_from(joined(std::move(train), read("t10k"), "idx"), given, 0);
}

void Cifar10DataOptions::describe(Fields& f) {
  f("folder", folder, "holds data_batch_1.bin to data_batch_5.bin and test_batch.bin");
  ImageDataOptions::describe(f);
}

std::unique_ptr<DataSource> Cifar10DataOptions::make() const {
  std::vector<fs::path> files;
  for (int i = 1; i <= 5; ++i) files.push_back(fs::path(folder) / fmt::format("data_batch_{}.bin", i));
  require(
      !is_missing(files.front()), "cifar10",
      "'{}' is not there; unpack cifar-10-binary.tar.gz (Krizhevsky 2009), and name its folder cifar-10-batches-bin in "
      "data.folder",
      files.front().string());
  Images train = read_cifar10(files);
  const Index given = train.count;
  const fs::path test = fs::path(folder) / "test_batch.bin";
  return make_from(joined(std::move(train), read_cifar10(std::span(&test, 1)), "cifar10"), given, 0);
}

void DigitsDataOptions::describe(Fields& f) {
  f("file", file, "lines of 64 pixels in 0..16 and the digit");
  f("test", test, "fraction of the images for the test", from_up_to(0, 1));
  ImageDataOptions::describe(f);
}

std::vector<Problem> DigitsDataOptions::problems() const {
  return with_parts(ImageDataOptions::problems(), valid, test);
}

std::unique_ptr<DataSource> DigitsDataOptions::make() const {
  const Digits digits = read_digits(file);
  Images images;
  images.count = digits.classes.dim(0);
  images.height = images.width = 8;
  images.most = 16;
  const float* pixels = digits.pixels.data<float>();
  for (Index i = 0; i < digits.pixels.size(); ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(std::lround(pixels[i] * 16)));
  const std::int32_t* classes = digits.classes.data<std::int32_t>();
  images.classes.assign(classes, classes + images.count);
  for (int digit = 0; digit < 10; ++digit) images.class_names.push_back(fmt::format("{}", digit));
  const Index given = images.count;
  return make_from(std::move(images), given, test);
}

void PngDataOptions::describe(Fields& f) {
  f("folder", folder, "holds a folder of .png files for each class");
  f("channels", channels, "1: grey, 3: red, green, blue", between(1, 3));
  f("test", test, "fraction of the images for the test", from_up_to(0, 1));
  ImageDataOptions::describe(f);
}

std::vector<Problem> PngDataOptions::problems() const {
  std::vector<Problem> found = ImageDataOptions::problems();
  if (channels == 2) found.push_back({"channels", "1 or 3 was wanted, not 2"});
  return with_parts(std::move(found), valid, test);
}

std::unique_ptr<DataSource> PngDataOptions::make() const {
  Images images = read_png_folder(folder, channels);
  const Index given = images.count;
  return make_from(std::move(images), given, test);
}

}  // namespace tempera
