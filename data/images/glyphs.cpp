#include "data/images/glyphs.h"

#include <algorithm>

namespace tempera {
namespace {

constexpr int kSide = 28, kRows = 7, kColumns = 5, kDot = 3, kStroke = 8;

// A byte for each row from top to bottom; bit 4 is the left dot.
constexpr std::array<std::array<unsigned char, kRows>, 10> kFont = {{
    {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E},
    {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E},
    {0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F},
    {0x1F, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0E},
    {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02},
    {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E},
    {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E},
    {0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
    {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E},
    {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C},
}};

void draw_glyph(const GlyphsDataOptions& o, const Rng& draws, Batch& out, Index row) {
  const auto below = [&](std::uint64_t index, int count) {
    return static_cast<int>(draws.below(index, static_cast<std::uint64_t>(count)));
  };
  float* image = out.inputs.data<float>() + row * kSide * kSide;
  std::fill_n(image, kSide * kSide, 0.0f);
  const int digit = below(0, 10), top = below(1, kSide - kRows * kDot + 1),
            left = below(2, kSide - kColumns * kDot + 1);
  const auto brightness = static_cast<float>(draws.uniform(3, 0.6, 1));
  for (int y = 0; y < kRows * kDot; ++y)
    for (int x = 0; x < kColumns * kDot; ++x)
      if (glyph_row(digit, y / kDot)[static_cast<std::size_t>(x / kDot)])
        image[(top + y) * kSide + left + x] = brightness;
  for (int s = 0; s < o.strokes; ++s) {
    const auto at = 4 + 3 * static_cast<std::uint64_t>(s);
    const bool across = below(at, 2) == 0;
    const int line = below(at + 1, kSide), start = below(at + 2, kSide - kStroke);
    for (int i = start; i < start + kStroke; ++i) image[across ? line * kSide + i : i * kSide + line] = 1;
  }
  const Rng out_of = draws.sub("dropped"), noise = draws.sub("noise");
  for (std::uint64_t i = 0; i < kSide * kSide; ++i) {
    if (out_of.uniform(i) < o.dropped) image[i] = 0;
    image[i] += static_cast<float>(o.noise * noise.normal(i));
  }
  out.targets.data<std::int32_t>()[row] = digit;
}

}  // namespace

std::array<bool, 5> glyph_row(int digit, int row) {
  const unsigned bits = kFont[static_cast<std::size_t>(digit)][static_cast<std::size_t>(row)];
  std::array<bool, 5> dots{};
  for (std::size_t i = 0; i < dots.size(); ++i) dots[i] = (bits >> (4 - i) & 1u) != 0;
  return dots;
}

void GlyphsDataOptions::describe(Fields& f) {
  f("strokes", strokes, "straight lines that are no part of the digit", between(0, 100));
  f("dropped", dropped, "share of the pixels that go out", between(0, 1));
  f("noise", noise, "standard deviation of what is added to each pixel", at_least(0));
  describe_parts(f);
}

std::unique_ptr<DataSource> GlyphsDataOptions::make() const {
  Description description{.inputs = {1, kSide, kSide}, .classes = 10};
  for (int digit = 0; digit < 10; ++digit) description.class_names.push_back(fmt::format("{}", digit));
  return make_parts(Task::classification, "data/glyphs", [&](std::string_view, std::int64_t size, const Rng& rng) {
    return std::make_shared<DrawnSet>(size, description, rng, [o = *this](const Rng& draws, Batch& out, Index row) {
      draw_glyph(o, draws, out, row);
    });
  });
}

}  // namespace tempera
