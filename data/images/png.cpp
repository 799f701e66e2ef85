#include <algorithm>
#include <png.h>

#include "data/contents.h"
#include "data/images/formats.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWho = "png";
constexpr png_uint_32 kMostExtent = 1 << 14;

// Owns what libpng keeps for an image between header and pixels.
struct Picture {
  png_image image{};
  Picture() { image.version = PNG_IMAGE_VERSION; }
  ~Picture() { png_image_free(&image); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
};

bool is_png(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending == ".png";
}

}  // namespace

void append_png(const fs::path& file, Images& images) {
  const std::string text = read_contents(file, kWho), name = file.string();
  Picture picture;
  png_image& image = picture.image;
  require(png_image_begin_read_from_memory(&image, text.data(), text.size()) != 0, kWho, "'{}': {}", name,
          static_cast<const char*>(image.message));
  require(image.width <= kMostExtent && image.height <= kMostExtent, kWho,
          "'{}' is {} x {} pixels; at most {} x {} are read", name, image.width, image.height, kMostExtent,
          kMostExtent);
  // Deflate packs 1032 bytes into one at the best, and a byte holds 8 pixels.
  const std::uint64_t pixels = std::uint64_t{image.width} * image.height;
  require(pixels / 8 / 1032 <= text.size(), kWho, "'{}' says {} x {} pixels, but has only {} bytes", name, image.width,
          image.height, text.size());
  if (images.pixels.empty()) {
    images.height = image.height;
    images.width = image.width;
  }
  require(image.height == images.height && image.width == images.width, kWho,
          "'{}' is {} x {} pixels, the first image {} x {}; images of one size were wanted", name, image.width,
          image.height, images.width, images.height);
  image.format = images.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const auto channels = static_cast<std::size_t>(images.channels);
  const std::size_t area = static_cast<std::size_t>(image.width) * image.height;
  std::vector<std::uint8_t> interleaved(area * channels);
  const png_color black{0, 0, 0};
  require(png_image_finish_read(&image, &black, interleaved.data(), 0, nullptr) != 0, kWho, "'{}': {}", name,
          static_cast<const char*>(image.message));
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = 0; i < area; ++i) images.pixels.push_back(interleaved[i * channels + c]);
}

Images read_png_folder(const fs::path& folder, int channels) {
  require(channels == 1 || channels == 3, kWho, "{} channels were asked for; 1 or 3 was wanted", channels);
  Images images;
  images.channels = channels;
  // Sorted, so the files of a class stand together.
  for (const fs::path& file : files_below(folder, kWho)) {
    const fs::path inside = file.lexically_relative(folder);
    if (!is_png(file)) continue;
    require(std::distance(inside.begin(), inside.end()) > 1, kWho,
            "'{}' lies in no class; a folder per class was wanted in '{}'", file.string(), folder.string());
    const std::string name = inside.begin()->string();
    if (images.class_names.empty() || images.class_names.back() != name) images.class_names.push_back(name);
    append_png(file, images);
    images.classes.push_back(static_cast<std::int32_t>(images.class_names.size()) - 1);
  }
  require(!images.classes.empty(), kWho, "no .png file lies below '{}'", folder.string());
  images.count = static_cast<Index>(images.classes.size());
  return images;
}

}  // namespace tempera
