#include "core/ops/dropout.h"

#include <algorithm>
#include <cstring>

#include "core/ops/strip.h"

namespace tempera {
namespace {

constexpr Index kPanel = 16384;  // a multiple of kWords
constexpr Index kWords = 1024;   // mask words at a time: 4 KiB of the first cache

struct Mask {
  Rng stream;
  std::uint32_t threshold;
  std::uint64_t first;  // the stream's word of element 0
  double scale;
};

// Lanes whose words reach the threshold, without a sign.
template <class T>
TEMPERA_INLINE LaneMask<T> reaching(const std::uint32_t* words, std::uint32_t threshold) {
  std::uint32_t __attribute__((vector_size(4 * lane_width<T>))) w;
  std::memcpy(&w, words, sizeof w);
  return {__builtin_convertvector(w >= threshold, typename Lanes<T>::Bits)};
}

// y (+)= x scale where the element's word reaches the threshold.
template <class T>
void masked(const Mask& mask, const T* x, T* y, Index count, bool add, int threads) {
  const std::uint32_t threshold = mask.threshold;
  const Lanes<T> scale(mask.scale);
  parallel_panels(threads, count, kPanel, [&](Index first, Index last) {
    alignas(64) std::uint32_t block[kWords + 4 + lane_width<T>];
    for (Index at = first; at < last; at += kWords) {
      const Index here = std::min(kWords, last - at);
      // Words come in blocks of four; the first wanted one may lie inside its block.
      const std::uint64_t from = mask.first + static_cast<std::uint64_t>(at);
      const auto lead = static_cast<Index>(from % 4);
      mask.stream.fill_words(from / 4, (lead + here + 3) / 4, block);
      const std::uint32_t* words = block + lead;
      const T* in = x + at;
      T* out = y + at;
      RowStrip<T>{here}.each([&](auto io, Index i) {
        const Lanes<T> kept = where(reaching<T>(words + i, threshold), io.load(in + i, 0) * scale, Lanes<T>(0));
        io.store(out + i, add ? io.load(out + i, 0) + kept : kept);
      });
    }
  });
}

std::vector<Example> examples() {
  const auto with = [](double probability) {
    return [probability](std::span<const Var> x) { return dropout(x[0], probability, Rng(7, "example", 3), "site"); };
  };
  // PyTorch draws other masks.
  return {{"a row", {{{37}}}, with(0.25)},
          {"a matrix", {{{5, 7}}}, with(0.5)},
          {"rank 4", {{{2, 3, 2, 3}}}, with(0.1)},
          {"a later part", {{{29}}}, [](std::span<const Var> x) {
             return dropout(x[0], 0.5, Rng(7, "example", 3), "site", 6);
           }}};
}

}  // namespace

const Op dropout_op{"dropout", examples, 1e-9};

Var dropout(const Var& x, double probability, const Rng& rng, std::string_view site, std::uint64_t first) {
  require(probability >= 0 && probability < 1, dropout_op.name,
          "the probability is {}; a number in [0, 1) was wanted: the share of elements set to zero", probability);
  require(is_floating(x.dtype()), dropout_op.name, "the input is {}; convert it to float32 or float64", x.dtype());
  if (probability == 0) return x;
  const Mask mask{rng.sub(site), static_cast<std::uint32_t>(std::min(probability * 0x1p32, 0x1p32 - 1)), first,
                  1 / (1 - probability)};
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  dispatch(x.dtype(),
           [&]<class T>(Type<T>) { masked(mask, x.value().data<T>(), y.data<T>(), y.size(), false, tape.threads()); });
  return Tape::record(dropout_op, {x}, std::move(y), [mask](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      masked(mask, dy.data<T>(), to.grad.data<T>(), dy.size(), to.add, dx.tape().threads());
    });
  });
}

}  // namespace tempera
