// Images in memory as bytes, normalised when a batch is filled: x = (byte / most - mean[c]) / deviation[c].
#pragma once

#include <array>

#include "data/source.h"

namespace tempera {

struct Images {
  Index count = 0, channels = 1, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;   // [count, channels, height, width]
  std::vector<std::int32_t> classes;  // [count]
  std::vector<std::string> class_names;
  int most = 255;  // the value of full light
};

// count * channels * height * width. Throws Error(who) naming `file` where that is no size to hold.
Index checked_pixels(const Images& images, std::string_view who, std::string_view file);

// What becomes of the pixels: an image of numbers, or a sequence of tokens.
Rule pixel_forms();

// One channel: 0.2989 R + 0.5870 G + 0.1140 B, rounded (ITU-R BT.601). Images of one channel stay as they are.
Images grey(Images images);

// One number a channel, of pixels scaled to [0, 1].
struct Normalisation {
  std::vector<double> mean, deviation;
};

// Of the samples `of`. A channel that never changes gets deviation 1.
Normalisation measure(const Images& images, std::span<const std::int32_t> of);

class ImageSet final : public Dataset {
 public:
  // inputs float32 [C, H, W], targets int32 []. Throws Error where sizes disagree or a deviation is not positive.
  ImageSet(std::shared_ptr<const Images> images, std::vector<std::int32_t> samples, const Normalisation& normalisation);

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override;

 private:
  std::shared_ptr<const Images> images_;
  std::vector<std::int32_t> samples_;
  std::vector<std::array<float, 256>> value_;  // [C]: what each byte becomes
};

// The pixels of images of one channel, row by row, as tokens: their bytes (Tay et al. 2021, "Long Range Arena").
class PixelSequences final : public Dataset {
 public:
  // inputs int32 [H W] in 0 .. most, targets int32 [].
  PixelSequences(std::shared_ptr<const Images> images, std::vector<std::int32_t> samples);

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override;

 private:
  std::shared_ptr<const Images> images_;
  std::vector<std::int32_t> samples_;
};

}  // namespace tempera
