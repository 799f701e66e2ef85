#include "data/contents.h"
#include "data/images/formats.h"

namespace tempera {

Images read_cifar10(std::span<const std::filesystem::path> files) {
  constexpr std::size_t kPixels = 3 * 32 * 32, kRecord = 1 + kPixels;
  Images images;
  images.channels = 3;
  images.height = images.width = 32;
  images.class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  for (const std::filesystem::path& file : files) {
    const std::string text = read_contents(file, "cifar10"), name = file.string();
    require(!text.empty() && text.size() % kRecord == 0, "cifar10",
            "'{}' has {} bytes; whole records of {} were wanted, {} bytes are over", name, text.size(), kRecord,
            text.size() % kRecord);
    for (std::size_t at = 0; at < text.size(); at += kRecord) {
      const auto label = static_cast<unsigned char>(text[at]);
      require(label < 10, "cifar10", "'{}': byte {}: the class is {}; 0..9 was wanted", name, at, label);
      images.classes.push_back(label);
      const auto* pixels = reinterpret_cast<const std::uint8_t*>(text.data()) + at + 1;
      images.pixels.insert(images.pixels.end(), pixels, pixels + kPixels);
    }
  }
  images.count = static_cast<Index>(images.classes.size());
  return images;
}

}  // namespace tempera
