#include "data/speech.h"

#include <algorithm>

#include "data/draw_stream.h"
#include "data/sequences.h"

namespace tempera {
namespace {

constexpr int kShortestHold = 2, kMost = 4096;

Index frames_of(const SpeechDataOptions& o) {
  return Index{o.most} * o.longest_hold + Index{o.most - 1} * o.longest_gap;
}

class Speech final : public Dataset {
 public:
  Speech(std::int64_t size, const SpeechDataOptions& o, Tensor sounds, const Rng& rng)
      : Dataset(size, {.inputs = {frames_of(o), o.features},
                       .targets = {o.most + 1},
                       .vocabulary = o.symbols + 2,
                       .classes = o.symbols + 2,
                       .lengths = true,
                       .second_inputs = {o.most + 1}}),
        o_(o),
        sounds_(std::move(sounds)),
        rng_(rng) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng rng = rng_.at_step(static_cast<std::uint64_t>(sample));
    DrawStream draws(rng.sub("symbols"));
    std::vector<std::int32_t> said(static_cast<std::size_t>(o_.fewest + draws.below(o_.most - o_.fewest + 1)));
    const Index width = o_.features;
    float* const frames = out.inputs.data<float>() + row * out.inputs.dim(1) * width;
    std::fill_n(frames, out.inputs.dim(1) * width, 0.f);
    Index length = 0;
    for (std::size_t i = 0; i < said.size(); ++i) {
      if (i > 0) length += 1 + draws.below(o_.longest_gap);
      said[i] = draws.below(o_.symbols);
      for (int held = kShortestHold + draws.below(o_.longest_hold - kShortestHold + 1); held > 0; --held, ++length)
        std::copy_n(sounds_.data<float>() + said[i] * width, width, frames + length * width);
    }
    const Rng noise = rng.sub("noise");
    for (Index i = 0; i < length * width; ++i)
      frames[i] += static_cast<float>(o_.noise * noise.normal(static_cast<std::uint64_t>(i)));
    out.lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(length);
    put_target(said, o_.symbols, o_.symbols + 1, out, row);
  }

 private:
  SpeechDataOptions o_;
  Tensor sounds_;  // [symbols, features]
  Rng rng_;
};

}  // namespace

void SpeechDataOptions::describe(Fields& f) {
  f("symbols", symbols, "kinds of symbols", between(1, kMost));
  f("fewest", fewest, "symbols of a sample, at least", between(1, kMost));
  f("most", most, "symbols of a sample, at most", between(1, kMost));
  f("longest_hold", longest_hold, "frames of a symbol, at most; 2 at least", between(kShortestHold, kMost));
  f("longest_gap", longest_gap, "frames between two symbols, at most; 1 at least", between(1, kMost));
  f("features", features, "entries of a frame", between(1, kMost));
  f("noise", noise, "standard deviation of what is added to every entry", at_least(0));
  describe_parts(f);
}

std::vector<Problem> SpeechDataOptions::problems() const {
  if (fewest <= most) return {};
  return {{"fewest", fmt::format("{} exceeds most, {}; lower it", fewest, most)}};
}

std::unique_ptr<DataSource> SpeechDataOptions::make() const {
  Tensor sounds = Tensor::empty({symbols, features}, DType::float32);
  Rng(seed, "data/speech/sounds").fill_normal(sounds, 0, 1);
  auto source =
      make_parts(Task::sequence_to_sequence, "data/speech", [&](std::string_view, std::int64_t size, const Rng& rng) {
        return std::make_shared<Speech>(size, *this, sounds, rng);
      });
  source->begin = symbols;
  source->end = symbols + 1;
  return source;
}

}  // namespace tempera
