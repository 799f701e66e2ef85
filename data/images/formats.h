// Files that hold images.
#pragma once

#include <filesystem>

#include "data/images/image_set.h"

namespace tempera {

// IDX, the format of the MNIST family (http://yann.lecun.com/exdb/mnist), packed with gzip or not: two bytes 0, the
// type (8: unsigned bytes; others are refused), the rank, the extents as 4 bytes each, highest first, then the data.
struct Idx {
  std::vector<Index> extents;
  std::vector<std::uint8_t> data;
};
Idx read_idx(const std::filesystem::path& file);

// Images [N, H, W] and their classes [N] from two IDX files. Class names are "0", "1", ... to the largest class.
Images read_idx_images(const std::filesystem::path& images, const std::filesystem::path& labels);

// CIFAR-10's binary form (Krizhevsky 2009): records of one byte, the class in 0..9, and 3 x 32 x 32 pixels.
Images read_cifar10(std::span<const std::filesystem::path> files);

// PNG files of one size: every folder in `folder` is a class, in the order of names. `channels` 1 turns colours grey, 3
// makes grey ones coloured; transparency is laid over black.
Images read_png_folder(const std::filesystem::path& folder, int channels);
// The pixels of one PNG file behind those of `images`, which says the channels; the first file sets the size.
void append_png(const std::filesystem::path& file, Images& images);

// Throws Error, each of them, with the file, the byte, what came and what was wanted. Sizes are checked before anything
// of that size is allocated.

}  // namespace tempera
