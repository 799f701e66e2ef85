#include <cmath>

#include "data/generated.h"

namespace tempera {
namespace {

constexpr Index kHalf = 8;  // entries of a token that may be marked, and of its code

class Separation final : public Dataset {
 public:
  Separation(std::int64_t size, const SeparationDataOptions& o, const Rng& rng)
      : Dataset(size, {.inputs = {Index{o.copies} * (o.width - 2), o.width}, .classes = 2}),
        width_(o.width),
        low_(o.low),
        high_(o.high),
        b_(o.b),
        rng_(rng) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng draws = rng_.at_step(static_cast<std::uint64_t>(sample));
    const Index tokens = description().inputs[0];
    const double l = std::sqrt(std::log(static_cast<double>(tokens)));
    const auto marked = static_cast<Index>(draws.below(0, static_cast<std::uint64_t>(tokens)));
    const bool second = draws.uniform(1) < 0.5;
    float* const to = out.inputs.data<float>() + row * tokens * width_;
    std::fill_n(to, tokens * width_, 0.f);
    for (Index i = 0; i < tokens; ++i) {
      to[i * width_ + 1 + i % (width_ - 2)] = static_cast<float>(b_ * l);
      to[i * width_ + width_ - 1] = static_cast<float>((1 - b_) * l);
    }
    to[marked * width_] = static_cast<float>((second ? high_ : low_) * l);
    out.targets.data<std::int32_t>()[row] = second ? 1 : 0;
  }

 private:
  Index width_;
  double low_, high_, b_;
  Rng rng_;
};

class MarkedToken final : public Dataset {
 public:
  MarkedToken(std::int64_t size, const MarkedTokenDataOptions& o, const Rng& rng)
      : Dataset(size, {.inputs = {o.tokens, 2 * kHalf}, .classes = o.classes}),
        noise_(o.noise),
        codes_(Tensor::empty({o.classes, kHalf}, DType::float64)),
        mark_(Tensor::empty({kHalf}, DType::float64)),
        rng_(rng) {
    // The task is one for all parts.
    Rng(o.seed, "data/marked_token/codes").fill_normal(codes_, 0, 1);
    Rng(o.seed, "data/marked_token/mark").fill_normal(mark_, 0, 1);
    mark_.vec<double>() *= o.strength / std::sqrt(mark_.vec<double>().square().sum());
  }

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng draws = rng_.at_step(static_cast<std::uint64_t>(sample));
    const Rng noise = draws.sub("noise");
    const Index tokens = description().inputs[0];
    const auto marked = static_cast<Index>(draws.below(0, static_cast<std::uint64_t>(tokens)));
    float* to = out.inputs.data<float>() + row * tokens * 2 * kHalf;
    for (Index i = 0; i < tokens; ++i) {
      const auto code =
          static_cast<Index>(draws.below(static_cast<std::uint64_t>(1 + i), static_cast<std::uint64_t>(codes_.dim(0))));
      for (Index c = 0; c < kHalf; ++c) {
        const double own = i == marked ? mark_.at(c) : 0;
        *to++ = static_cast<float>(own + noise_ * noise.normal(static_cast<std::uint64_t>(i * kHalf + c)));
      }
      for (Index c = 0; c < kHalf; ++c) *to++ = static_cast<float>(codes_.at(code * kHalf + c));
      if (i == marked) out.targets.data<std::int32_t>()[row] = static_cast<std::int32_t>(code);
    }
  }

 private:
  double noise_;
  Tensor codes_, mark_;
  Rng rng_;
};

}  // namespace

void SeparationDataOptions::describe(Fields& f) {
  f("copies", copies, "of the tokens; copies (width - 2) tokens in all", between(1, 4096));
  f("width", width, "entries of a token", between(3, 4096));
  f("low", low, "what marks the token of class 0", between(0, 10));
  f("high", high, "what marks the token of class 1", between(0, 10));
  f("b", b, "share of a token's own entry; the last entry has the rest", between(0, 1));
  describe_parts(f);
}

std::vector<Problem> SeparationDataOptions::problems() const {
  if (low < high) return {};
  return {{"high", fmt::format("{} does not exceed low {}, so nothing sets the classes apart; raise it", high, low)}};
}

std::unique_ptr<DataSource> SeparationDataOptions::make() const {
  return make_parts(Task::classification, "data/separation", [&](std::string_view, std::int64_t size, const Rng& rng) {
    return std::make_shared<Separation>(size, *this, rng);
  });
}

void MarkedTokenDataOptions::describe(Fields& f) {
  f("tokens", tokens, "of a sample", between(1, 65536));
  f("classes", classes, "codes that tokens carry", between(2, 1024));
  f("strength", strength, "length of the mark", at_least(0));
  f("noise", noise, "standard deviation of the entries that may be marked", at_least(0));
  describe_parts(f);
}

std::unique_ptr<DataSource> MarkedTokenDataOptions::make() const {
  return make_parts(Task::classification, "data/marked_token",
                    [&](std::string_view, std::int64_t size, const Rng& rng) {
                      return std::make_shared<MarkedToken>(size, *this, rng);
                    });
}

}  // namespace tempera
