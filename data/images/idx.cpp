#include <algorithm>
#include <cstring>
#include <fmt/ranges.h>

#include "data/contents.h"
#include "data/images/formats.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "idx";

std::uint32_t big_endian(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(text[at + i]);
  return value;
}

}  // namespace

Idx read_idx(const std::filesystem::path& file) {
  const std::string text = read_contents(file, kWho), name = file.string();
  const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(text[at])); };
  require(text.size() >= 4, kWho, "'{}' ends at byte {}; the magic number alone takes 4", name, text.size());
  require(byte(0) == 0 && byte(1) == 0 && byte(2) == 8, kWho,
          "'{}' begins {:02x} {:02x} {:02x}; 00 00 08 was wanted: an IDX file of unsigned bytes", name, byte(0),
          byte(1), byte(2));
  const std::size_t rank = byte(3), header = 4 + 4 * rank;
  require(rank >= 1 && rank <= 4, kWho, "'{}': byte 3: the rank is {}; 1..4 was wanted", name, rank);
  require(text.size() >= header, kWho, "'{}' ends at byte {}; {} extents take {}", name, text.size(), rank, header);
  Idx idx;
  std::uint64_t size = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::uint32_t extent = big_endian(text, 4 + 4 * axis);
    require(!__builtin_mul_overflow(size, std::uint64_t{extent}, &size), kWho,
            "'{}': byte {}: the extent {} makes the data larger than 2^64", name, 4 + 4 * axis, extent);
    idx.extents.push_back(extent);
  }
  require(text.size() - header == size, kWho, "'{}': {} bytes follow the header at byte {}; extents {} take {}", name,
          text.size() - header, header, fmt::join(idx.extents, " x "), size);
  idx.data.resize(size);
  if (size > 0) std::memcpy(idx.data.data(), text.data() + header, size);
  return idx;
}

Images read_idx_images(const std::filesystem::path& images, const std::filesystem::path& labels) {
  Idx pixels = read_idx(images), classes = read_idx(labels);
  require(pixels.extents.size() == 3, kWho, "'{}' has rank {}; images have 3: number, height, width", images.string(),
          pixels.extents.size());
  require(classes.extents.size() == 1, kWho, "'{}' has rank {}; labels have 1", labels.string(),
          classes.extents.size());
  require(pixels.extents[0] == classes.extents[0], kWho, "'{}' holds {} images, '{}' {} labels", images.string(),
          pixels.extents[0], labels.string(), classes.extents[0]);
  Images result;
  result.count = pixels.extents[0];
  result.height = pixels.extents[1];
  result.width = pixels.extents[2];
  checked_pixels(result, kWho, images.string());
  result.pixels = std::move(pixels.data);
  result.classes.assign(classes.data.begin(), classes.data.end());
  const std::int32_t most = result.count == 0 ? -1 : *std::max_element(result.classes.begin(), result.classes.end());
  for (std::int32_t c = 0; c <= most; ++c) result.class_names.push_back(fmt::format("{}", c));
  return result;
}

}  // namespace tempera
