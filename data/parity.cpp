#include <algorithm>

#include "core/random.h"
#include "data/generated.h"

namespace tempera {
namespace {

constexpr int kMostBits = 4096;

class Parity final : public Dataset {
 public:
  Parity(std::int64_t size, int bits, bool tokens, std::vector<std::int32_t> places, const Rng& rng)
      : Dataset(size, {.inputs = {bits},
                       .input_type = tokens ? DType::int32 : DType::float32,
                       .vocabulary = tokens ? 2 : 0,
                       .classes = 2}),
        bits_(bits),
        places_(std::move(places)),
        rng_(rng) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng draws = rng_.at_step(static_cast<std::uint64_t>(sample));
    if (description().vocabulary > 0) put_bits(draws, out.inputs.data<std::int32_t>() + row * bits_);
    else put_bits(draws, out.inputs.data<float>() + row * bits_);
    std::uint64_t parity = 0;
    for (const std::int32_t place : places_) parity ^= draws.bits(static_cast<std::uint64_t>(place / 64)) >> place % 64;
    out.targets.data<std::int32_t>()[row] = static_cast<std::int32_t>(parity & 1);
  }

 private:
  template <class T>
  void put_bits(const Rng& draws, T* to) const {
    for (Index i = 0; i < bits_; i += 64) {
      const std::uint64_t word = draws.bits(static_cast<std::uint64_t>(i / 64));
      for (Index j = i; j < std::min(bits_, i + 64); ++j) to[j] = static_cast<T>(word >> (j - i) & 1);
    }
  }

  Index bits_;
  std::vector<std::int32_t> places_;
  Rng rng_;
};

}  // namespace

std::vector<std::int32_t> parity_places(int bits, int relevant, std::uint64_t seed) {
  require(bits >= 1 && bits <= kMostBits && relevant >= 1 && relevant <= bits, "parity",
          "{} relevant of {} bits came; 1 <= relevant <= bits <= {} was wanted", relevant, bits, kMostBits);
  std::vector<std::int32_t> places = Rng(seed, "data/parity/places").permutation(bits);
  places.resize(static_cast<std::size_t>(relevant));
  std::sort(places.begin(), places.end());
  return places;
}

void ParityDataOptions::describe(Fields& f) {
  f("bits", bits, "length of a sample", between(1, kMostBits));
  f("relevant", relevant, "how many of the bits decide the class", at_least(1));
  f("inputs", inputs, "bits as tokens, or as numbers for networks that read those", one_of({"tokens", "numbers"}));
  describe_parts(f);
}

std::vector<Problem> ParityDataOptions::problems() const {
  if (relevant <= bits) return {};
  return {{"relevant", fmt::format("{} of {} bits cannot be relevant; lower it or raise bits", relevant, bits)}};
}

std::unique_ptr<DataSource> ParityDataOptions::make() const {
  const std::vector<std::int32_t> places = parity_places(bits, relevant, seed);
  return make_parts(Task::classification, "data/parity", [&](std::string_view, std::int64_t size, const Rng& rng) {
    return std::make_shared<Parity>(size, bits, inputs == "tokens", places, rng);
  });
}

}  // namespace tempera
