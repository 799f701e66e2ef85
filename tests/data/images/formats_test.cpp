#include "data/images/formats.h"

#include <catch2/catch.hpp>
#include <png.h>
#include <zlib.h>

#include "data/images/image_data.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int v : values) text.push_back(static_cast<char>(v));
  return text;
}

// An IDX file of these extents; byte i of the data is i.
std::string idx(std::initializer_list<int> extents, int data) {
  std::string text = bytes({0, 0, 8, static_cast<int>(extents.size())});
  for (const int e : extents) text += bytes({0, 0, e >> 8, e});
  for (int i = 0; i < data; ++i) text.push_back(static_cast<char>(i));
  return text;
}

void write_gzip(const fs::path& file, const std::string& contents) {
  gzFile out = gzopen(file.c_str(), "wb");
  REQUIRE(gzwrite(out, contents.data(), static_cast<unsigned>(contents.size())) == static_cast<int>(contents.size()));
  gzclose(out);
}

void write_png(const fs::path& file, unsigned width, unsigned height, std::vector<std::uint8_t> rgb) {
  fs::create_directories(file.parent_path());
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  REQUIRE(png_image_write_to_file(&image, file.c_str(), 0, rgb.data(), 0, nullptr));
}

std::string idx_error(const std::string& contents) {
  const TestFolder folder;
  const fs::path file = folder.write("x", contents);
  return folder.error_of([&] { read_idx(file); });
}

}  // namespace

TEST_CASE("IDX files are read, packed or not", "[data][images]") {
  const TestFolder folder;
  const std::string images = idx({2, 2, 3}, 12);
  write_gzip(folder.path / "i.gz", images);
  const Idx plain = read_idx(folder.write("i", images)), packed = read_idx(folder.path / "i.gz");
  CHECK(plain.extents == std::vector<Index>{2, 2, 3});
  CHECK(plain.data == std::vector<std::uint8_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(packed.data == plain.data);
  const Images both = read_idx_images(folder.path / "i.gz", folder.write("l", idx({2}, 2)));
  CHECK(both.count == 2);
  CHECK(both.classes == std::vector<std::int32_t>{0, 1});
  CHECK(both.class_names == std::vector<std::string>{"0", "1"});
  CHECK(read_idx(folder.write("e", idx({0, 2, 3}, 0))).data.empty());
}

TEST_CASE("broken IDX files are refused with the byte", "[data][images][errors]") {
  CHECK(idx_error("ab") == "idx: 'x' ends at byte 2; the magic number alone takes 4");
  CHECK(idx_error(bytes({1, 0, 8, 1, 0, 0, 0, 0})) ==
        "idx: 'x' begins 01 00 08; 00 00 08 was wanted: an IDX file of unsigned bytes");
  CHECK(idx_error(bytes({0, 0, 13, 1, 0, 0, 0, 0})) ==
        "idx: 'x' begins 00 00 0d; 00 00 08 was wanted: an IDX file of unsigned bytes");
  CHECK(idx_error(bytes({0, 0, 8, 5})) == "idx: 'x': byte 3: the rank is 5; 1..4 was wanted");
  CHECK(idx_error(bytes({0, 0, 8, 2, 0, 0, 0, 1})) == "idx: 'x' ends at byte 8; 2 extents take 12");
  CHECK(idx_error(idx({2, 3}, 5)) == "idx: 'x': 5 bytes follow the header at byte 12; extents 2 x 3 take 6");
  CHECK(idx_error(idx({2, 3}, 7)) == "idx: 'x': 7 bytes follow the header at byte 12; extents 2 x 3 take 6");
  const std::string huge = bytes({255, 255, 255, 255});
  CHECK(idx_error(bytes({0, 0, 8, 3}) + huge + huge + huge) ==
        "idx: 'x': byte 12: the extent 4294967295 makes the data larger than 2^64");
  CHECK(idx_error(bytes({0, 0, 8, 1}) + huge + "abc") ==
        "idx: 'x': 3 bytes follow the header at byte 8; extents 4294967295 take 4294967295");
  const TestFolder folder;
  const fs::path images = folder.write("i", idx({2, 2, 3}, 12)), labels = folder.write("l", idx({3}, 3));
  CHECK(folder.error_of([&] { read_idx_images(images, labels); }) == "idx: 'i' holds 2 images, 'l' 3 labels");
  CHECK(folder.error_of([&] { read_idx_images(labels, labels); }) ==
        "idx: 'l' has rank 1; images have 3: number, height, width");
  CHECK(folder.error_of([&] { read_idx_images(images, images); }) == "idx: 'i' has rank 3; labels have 1");
}

TEST_CASE("files that are missing, no files, or badly packed", "[data][errors]") {
  const TestFolder folder;
  CHECK(folder.error_of([&] { read_idx(folder.path / "none"); }) == "idx: 'none' does not exist");
  fs::create_directories(folder.path / "sub");
  CHECK(folder.error_of([&] { read_idx(folder.path / "sub"); }) == "idx: 'sub' is not a regular file");
  folder.write("plain.gz", idx({2}, 2));
  CHECK(folder.error_of([&] { read_idx(folder.path / "plain.gz"); }) ==
        "idx: 'plain.gz' is not gzip data, though its name says so");
  write_gzip(folder.path / "whole.gz", idx({200}, 200));
  const std::string packed = contents_of(folder.path / "whole.gz");
  folder.write("cut.gz", packed.substr(0, packed.size() - 20));
  CHECK(folder.error_of([&] { read_idx(folder.path / "cut.gz"); }).find("'cut.gz': ") != std::string::npos);
  CHECK(folder.error_of([&] { read_idx(folder.path / "cut.gz"); }).find("unexpected end of file") != std::string::npos);
  std::string wrong = packed;
  wrong[wrong.size() - 6] ^= 1;  // in the check sum
  folder.write("sum.gz", wrong);
  CHECK(folder.error_of([&] { read_idx(folder.path / "sum.gz"); }).find("incorrect data check") != std::string::npos);
}

TEST_CASE("CIFAR-10 records are read and checked", "[data][images]") {
  const TestFolder folder;
  std::string record(3073, '\7');
  record[0] = 3;
  record[1 + 1024] = 99;  // the first green value
  const std::vector<fs::path> files = {folder.write("a", record + record), folder.write("b", record)};
  const Images images = read_cifar10(files);
  CHECK(images.count == 3);
  CHECK(images.classes == std::vector<std::int32_t>{3, 3, 3});
  CHECK(images.pixels.size() == 3 * 3072);
  CHECK(images.pixels[1024] == 99);
  CHECK(images.class_names[3] == "cat");
  const auto error = [&](const std::string& contents) {
    const fs::path file = folder.write("x", contents);
    return folder.error_of([&] { read_cifar10(std::span(&file, 1)); });
  };
  CHECK(error("") == "cifar10: 'x' has 0 bytes; whole records of 3073 were wanted, 0 bytes are over");
  CHECK(error(record + "a") == "cifar10: 'x' has 3074 bytes; whole records of 3073 were wanted, 1 bytes are over");
  record[0] = 10;
  CHECK(error(record) == "cifar10: 'x': byte 0: the class is 10; 0..9 was wanted");
}

TEST_CASE("images that have to be brought are asked for", "[data][images][errors]") {
  IdxDataOptions idx;
  idx.folder = "nowhere";
  CHECK_THROWS_WITH(idx.make(),
                    Catch::StartsWith("idx: 'nowhere/train-images-idx3-ubyte' is not there; put the four files"));
  Cifar10DataOptions cifar;
  cifar.folder = "nowhere";
  CHECK_THROWS_WITH(cifar.make(), Catch::StartsWith("cifar10: 'nowhere/data_batch_1.bin' is not there; unpack"));
}

TEST_CASE("a folder of PNG files becomes classes", "[data][images]") {
  const TestFolder folder;
  write_png(folder.path / "d/cat/1.png", 2, 1, {10, 20, 30, 40, 50, 60});
  write_png(folder.path / "d/cat/deep/2.png", 2, 1, {1, 1, 1, 2, 2, 2});
  write_png(folder.path / "d/dog/1.PNG", 2, 1, {0, 0, 0, 255, 255, 255});
  folder.write("d/dog/notes.txt", "no image");
  folder.write("d/.hidden/x.png", "no image");
  const Images images = read_png_folder(folder.path / "d", 3);
  CHECK(images.count == 3);
  CHECK(images.class_names == std::vector<std::string>{"cat", "dog"});
  CHECK(images.classes == std::vector<std::int32_t>{0, 0, 1});
  CHECK(std::vector<int>(images.pixels.begin(), images.pixels.begin() + 6) == std::vector<int>{10, 40, 20, 50, 30, 60});
  const Images grey = read_png_folder(folder.path / "d", 1);
  CHECK(grey.pixels.size() == 6);
  CHECK(grey.pixels[4] == 0);
  CHECK(grey.pixels[5] == 255);
}

TEST_CASE("folders of PNG files that do not fit are refused", "[data][images][errors]") {
  const TestFolder folder;
  const auto error = [&](const std::string& name) {
    return folder.error_of([&] { read_png_folder(folder.path / name, 3); });
  };
  CHECK(error("none") == "png: '" + (folder.path / "none").string().substr(folder.path.string().size() + 1) +
                             "' cannot be read: No such file or directory");
  folder.write("text/a/1.png", "this is no image");
  CHECK(error("text") == "png: 'text/a/1.png': Not a PNG file");
  write_png(folder.path / "flat/1.png", 1, 1, {1, 2, 3});
  CHECK(error("flat") == "png: 'flat/1.png' lies in no class; a folder per class was wanted in 'flat'");
  write_png(folder.path / "sizes/a/1.png", 2, 1, {1, 2, 3, 4, 5, 6});
  write_png(folder.path / "sizes/a/2.png", 1, 2, {1, 2, 3, 4, 5, 6});
  CHECK(error("sizes") ==
        "png: 'sizes/a/2.png' is 1 x 2 pixels, the first image 2 x 1; images of one size were wanted");
  folder.write("empty/a/1.txt", "");
  CHECK(error("empty") == "png: no .png file lies below 'empty'");
  const std::string whole = contents_of(folder.path / "flat/1.png");
  folder.write("cut/a/1.png", whole.substr(0, whole.size() - 20));
  CHECK(error("cut").starts_with("png: 'cut/a/1.png': "));
}

TEST_CASE("images are normalised by the training part", "[data][images]") {
  const TestFolder folder;
  std::string images = idx({40, 1, 2}, 0), labels = idx({40}, 0);
  for (int i = 0; i < 40; ++i) images += bytes({i, 200}), labels += bytes({i % 4});
  folder.write("train-images-idx3-ubyte", images);
  folder.write("train-labels-idx1-ubyte", labels);
  write_gzip(folder.path / "t10k-images-idx3-ubyte.gz", idx({1, 1, 2}, 2));
  write_gzip(folder.path / "t10k-labels-idx1-ubyte.gz", idx({1}, 1));
  IdxDataOptions options;
  options.folder = folder.path.string();
  options.valid = 0.25;
  const auto source = options.make();
  CHECK(source->task == Task::classification);
  CHECK(source->train->size() + source->valid->size() == 40);
  CHECK(source->test->size() == 1);
  CHECK(source->train->description().inputs == Shape{1, 1, 2});
  CHECK(source->train->description().classes == 4);
  Batch batch;
  std::vector<std::int64_t> all(static_cast<std::size_t>(source->train->size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  source->train->fill(all, batch);
  double sum = 0, squares = 0;
  for (const double x : batch.inputs.to_vector()) sum += x, squares += x * x;
  const double n = static_cast<double>(batch.inputs.size());
  CHECK(sum / n == Approx(0).margin(1e-6));
  CHECK(squares / n == Approx(1).epsilon(1e-6));

  options.mean = {0};
  options.deviation = {1};
  options.make()->test->fill(std::vector<std::int64_t>{0}, batch);
  CHECK(batch.inputs.at(1) == Approx(1 / 255.0));
  options.mean = {0, 0};
  CHECK(options.problems().size() == 1);
}

TEST_CASE("the digits of the repository as images", "[data][images]") {
  DigitsDataOptions options;
  options.file = source_file("data/files/digits.csv").string();
  options.mean = {0};
  options.deviation = {1};
  const auto source = options.make();
  CHECK(source->train->size() + source->valid->size() + source->test->size() == 1797);
  CHECK(source->train->description().inputs == Shape{1, 8, 8});
  CHECK(source->train->description().class_names[9] == "9");
  Batch batch;
  source->train->fill(std::vector<std::int64_t>{0}, batch);
  for (const double x : batch.inputs.to_vector()) CHECK(x * 16 == std::floor(x * 16));
  options.test = 0.95;
  REQUIRE(options.problems().size() == 1);
  CHECK(options.problems()[0].message ==
        "valid 0.1 and test 0.95 leave nothing to train on; their sum must be below 1");
}

TEST_CASE("pixels become tokens", "[data][images]") {
  DigitsDataOptions digits;
  digits.file = source_file("data/files/digits.csv").string();
  Batch image, tokens;
  const std::vector<std::int64_t> ids{3, 9};
  digits.mean = {0};
  digits.deviation = {1};
  digits.make()->train->fill(ids, image);
  digits.form = "tokens";
  const auto source = digits.make();
  CHECK(source->train->description().vocabulary == 17);
  source->train->fill(ids, tokens);
  CHECK(tokens.inputs.shape() == Shape{2, 64});
  for (Index i = 0; i < 128; ++i) CHECK(tokens.inputs.at(i) == 16 * image.inputs.at(i));
  CHECK(tokens.targets.to_vector() == image.targets.to_vector());
}

TEST_CASE("colours become grey by their luminance", "[data][images]") {
  Images images;
  images.count = 1;
  images.channels = 3;
  images.height = 1;
  images.width = 5;
  // Red, green, blue, white, and a mixture: 0.2989 * 10 + 0.587 * 20 + 0.114 * 30 = 18.149.
  images.pixels = {255, 0, 0, 255, 10, 0, 255, 0, 255, 20, 0, 0, 255, 255, 30};
  images.classes = {0};
  images.class_names = {"a"};
  const Images one = grey(images);
  CHECK(one.channels == 1);
  CHECK(one.pixels == std::vector<std::uint8_t>{76, 150, 29, 255, 18});
  CHECK(grey(one).pixels == one.pixels);
}
