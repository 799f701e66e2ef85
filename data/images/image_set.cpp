#include "data/images/image_set.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tempera {

Index checked_pixels(const Images& images, std::string_view who, std::string_view file) {
  Index size = 1;
  for (const Index extent : {images.count, images.channels, images.height, images.width})
    require(extent >= 0 && !__builtin_mul_overflow(size, extent, &size) && size < Index{1} << 40, who,
            "'{}': {} images of {} x {} x {} are too many to hold", file, images.count, images.channels, images.height,
            images.width);
  return size;
}

Rule pixel_forms() {
  return one_of({"image", "tokens"});
}

Images grey(Images images) {
  if (images.channels == 1) return images;
  const auto area = static_cast<std::size_t>(images.height * images.width);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images.count) * area);
  for (std::size_t i = 0; i < static_cast<std::size_t>(images.count); ++i)
    for (std::size_t k = 0; k < area; ++k) {
      const std::uint8_t* colour = images.pixels.data() + 3 * i * area + k;
      const double light = 0.2989 * colour[0] + 0.5870 * colour[area] + 0.1140 * colour[2 * area];
      pixels[i * area + k] = static_cast<std::uint8_t>(std::min(255L, std::lround(light)));
    }
  images.pixels = std::move(pixels);
  images.channels = 1;
  return images;
}

Normalisation measure(const Images& images, std::span<const std::int32_t> of) {
  const auto channels = static_cast<std::size_t>(images.channels);
  const auto area = static_cast<std::size_t>(images.height * images.width);
  Normalisation result;
  for (std::size_t c = 0; c < channels; ++c) {
    // Sums of integers: exact, whatever the order.
    std::uint64_t sum = 0, squares = 0;
    for (const std::int32_t i : of)
      for (std::size_t k = 0; k < area; ++k) {
        const std::uint64_t x = images.pixels[(static_cast<std::size_t>(i) * channels + c) * area + k];
        sum += x;
        squares += x * x;
      }
    const double n = static_cast<double>(std::max<std::size_t>(of.size() * area, 1)), most = images.most;
    const double mean = static_cast<double>(sum) / n;
    const double variance = std::max(static_cast<double>(squares) / n - mean * mean, 0.0);
    result.mean.push_back(mean / most);
    result.deviation.push_back(variance > 0 ? std::sqrt(variance) / most : 1);
  }
  return result;
}

ImageSet::ImageSet(std::shared_ptr<const Images> images, std::vector<std::int32_t> samples,
                   const Normalisation& normalisation)
    : Dataset(static_cast<std::int64_t>(samples.size()), {.inputs = {images->channels, images->height, images->width},
                                                          .classes = static_cast<Index>(images->class_names.size()),
                                                          .class_names = images->class_names}),
      images_(std::move(images)),
      samples_(std::move(samples)) {
  const auto channels = static_cast<std::size_t>(images_->channels);
  require(normalisation.mean.size() == channels && normalisation.deviation.size() == channels, "ImageSet",
          "{} means and {} deviations came for {} channels; one each was wanted", normalisation.mean.size(),
          normalisation.deviation.size(), channels);
  require(images_->pixels.size() == static_cast<std::size_t>(checked_pixels(*images_, "ImageSet", "memory")) &&
              images_->classes.size() == static_cast<std::size_t>(images_->count),
          "ImageSet", "{} pixels and {} classes came for {} images", images_->pixels.size(), images_->classes.size(),
          images_->count);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = normalisation.mean[c], deviation = normalisation.deviation[c];
    require(deviation > 0, "ImageSet", "deviation {} came for channel {}; a positive one was wanted", deviation, c);
    std::array<float, 256>& value = value_.emplace_back();
    for (std::size_t b = 0; b < value.size(); ++b)
      value[b] = static_cast<float>((static_cast<double>(b) / images_->most - mean) / deviation);
  }
}

void ImageSet::put(std::int64_t sample, Index row, Batch& out) const {
  const auto image = static_cast<std::size_t>(samples_[static_cast<std::size_t>(sample)]);
  const auto area = static_cast<std::size_t>(images_->height * images_->width), size = area * value_.size();
  const std::uint8_t* from = images_->pixels.data() + image * size;
  float* to = out.inputs.data<float>() + static_cast<std::size_t>(row) * size;
  for (std::size_t i = 0; i < size; ++i) to[i] = value_[i / area][from[i]];
  out.targets.data<std::int32_t>()[row] = images_->classes[image];
}

PixelSequences::PixelSequences(std::shared_ptr<const Images> images, std::vector<std::int32_t> samples)
    : Dataset(static_cast<std::int64_t>(samples.size()), {.inputs = {images->height * images->width},
                                                          .input_type = DType::int32,
                                                          .vocabulary = images->most + 1,
                                                          .classes = static_cast<Index>(images->class_names.size()),
                                                          .class_names = images->class_names}),
      images_(std::move(images)),
      samples_(std::move(samples)) {
  require(images_->channels == 1, "PixelSequences", "images have {} channels; one was wanted", images_->channels);
}

void PixelSequences::put(std::int64_t sample, Index row, Batch& out) const {
  const auto image = static_cast<std::size_t>(samples_[static_cast<std::size_t>(sample)]);
  const auto size = static_cast<std::size_t>(images_->height * images_->width);
  std::copy_n(images_->pixels.data() + image * size, size,
              out.inputs.data<std::int32_t>() + static_cast<std::size_t>(row) * size);
  out.targets.data<std::int32_t>()[row] = images_->classes[image];
}

}  // namespace tempera
