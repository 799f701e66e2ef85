// Digits drawn by a small font, among strokes and noise: images that need no file.
#pragma once

#include <array>

#include "data/generated.h"

namespace tempera {

// 28 x 28 pixels of one channel: a digit of a font of 7 x 5 dots, each dot 3 x 3 pixels, at any place where it fits, as
// bright as a number in [0.6, 1); over it `strokes` straight lines of 8 pixels of brightness 1; then a share of the
// pixels goes out, and Gaussian noise is added.
//   inputs float32 [1, 28, 28], targets int32 []
struct GlyphsDataOptions : DrawnDataOptions {
  GlyphsDataOptions() {
    train = 8000;
    test = 2000;
  }
  int strokes = 2;
  double dropped = 0.1, noise = 0.3;
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

// Row `row` of the font's picture of a digit, 5 dots from left to right.
std::array<bool, 5> glyph_row(int digit, int row);

}  // namespace tempera
