#include "core/random.h"

#include <algorithm>
#include <bit>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <numbers>
#include <numeric>

#include "core/hash.h"
#include "core/lanes.h"

namespace tempera {
namespace {

std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}
std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}

constexpr std::uint64_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;

// FNV-1a over the name, then one Philox block to spread the bits: names that differ in one letter share none.
std::uint64_t mix(std::uint64_t seed, std::string_view name) {
  const std::uint64_t hash = fnv1a(name);
  const PhiloxBlock block = philox({low(hash), high(hash), 0, 0}, {low(seed), high(seed)});
  return static_cast<std::uint64_t>(block[0]) | static_cast<std::uint64_t>(block[1]) << 32;
}

// Eight words, each in the low half of its lane; what stands in the high halves does not matter.
using Words = std::uint64_t __attribute__((vector_size(64)));
constexpr std::uint64_t kLowHalf = 0xffffffffu;
static_assert(std::endian::native == std::endian::little, "a Words in memory has its low halves first");

// The 64-bit products of the low halves. Compilers do not find the instruction made for it.
TEMPERA_INLINE Words product(Words a, std::uint64_t factor) {
#if defined(__AVX512F__)
  const __m512i b = _mm512_set1_epi64(static_cast<long long>(factor));
  return std::bit_cast<Words>(_mm512_mul_epu32(std::bit_cast<__m512i>(a), b));
#elif defined(__AVX2__)
  struct Halves {
    __m256i low, high;
  } x = std::bit_cast<Halves>(a);
  const __m256i b = _mm256_set1_epi64x(static_cast<long long>(factor));
  return std::bit_cast<Words>(Halves{_mm256_mul_epu32(x.low, b), _mm256_mul_epu32(x.high, b)});
#else
  return (a & kLowHalf) * factor;
#endif
}

constexpr Index kGroups = 4;             // of eight blocks: enough to hide the latency of the multiplication
constexpr Index kAbreast = 8 * kGroups;  // blocks computed side by side

// philox() over kAbreast counters that differ in the block number alone.
void philox_abreast(std::uint64_t first, std::uint64_t step, std::array<std::uint32_t, 2> key, std::uint32_t* words) {
  Words c0[kGroups], c1[kGroups], c2[kGroups], c3[kGroups];
  for (Index g = 0; g < kGroups; ++g) {
    c0[g] = Words{0, 1, 2, 3, 4, 5, 6, 7} + (first + static_cast<std::uint64_t>(8 * g));
    c1[g] = c0[g] >> 32;
    c2[g] = Words{} + step;
    c3[g] = c2[g] >> 32;
  }
  for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 4
    for (Index g = 0; g < kGroups; ++g) {
      const Words p0 = product(c0[g], kMultiplier0), p1 = product(c2[g], kMultiplier1);
      c0[g] = (p1 >> 32) ^ c1[g] ^ key[0];
      c1[g] = p1;
      c2[g] = (p0 >> 32) ^ c3[g] ^ key[1];
      c3[g] = p0;
    }
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  for (Index g = 0; g < kGroups; ++g) {
    const Words front = (c0[g] & kLowHalf) | (c1[g] << 32), back = (c2[g] & kLowHalf) | (c3[g] << 32);
    // A block's two pairs of words side by side.
    const Words head = __builtin_shufflevector(front, back, 0, 8, 1, 9, 2, 10, 3, 11);
    const Words tail = __builtin_shufflevector(front, back, 4, 12, 5, 13, 6, 14, 7, 15);
    std::memcpy(words + 32 * g, &head, sizeof head);
    std::memcpy(words + 32 * g + 16, &tail, sizeof tail);
  }
}

std::uint64_t join(std::uint32_t low_word, std::uint32_t high_word) {
  return static_cast<std::uint64_t>(low_word) | static_cast<std::uint64_t>(high_word) << 32;
}

double unit(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

using Wide = Lanes<double>;

// cos(2 pi u) and sin(2 pi u) for u in [0, 1). 4 u - k is exact, so only the polynomials (Cephes) on
// [-pi/4, pi/4] round.
void circle(Wide u, Wide& cosine, Wide& sine) {
  const Wide magic(6755399441055744.);  // 1.5 * 2^52: adding it rounds to an integer
  const Wide turns = u * Wide(4), k = (turns + magic) - magic;
  const Wide r = (turns - k) * Wide(std::numbers::pi / 2), z = r * r;
  const auto horner = [&](std::initializer_list<double> coefficients) {
    Wide sum(0);
    for (const double c : coefficients) sum = sum * z + Wide(c);
    return sum;
  };
  const Wide s = r + r * z *
                         horner({1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6,
                                 -1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1});
  const Wide c = Wide(1) - z * Wide(0.5) +
                 z * z *
                     horner({-1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7,
                             2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2});
  const auto swapped = k == Wide(1) || k == Wide(3), back = k == Wide(2);
  cosine = where(k == Wide(1), -s, where(k == Wide(3), s, where(back, -c, c)));
  sine = where(k == Wide(3), -c, where(swapped, c, where(back, -s, s)));
}

// Box-Muller for kWidth pairs of draws: the even one takes the cosine, the odd one the sine.
void box_muller(const double* even, const double* odd, double* cosines, double* sines) {
  const Wide radius = sqrt(Wide(-2) * log(Wide(1) - Wide::load(even)));
  Wide c, s;
  circle(Wide::load(odd), c, s);
  (radius * c).store(cosines);
  (radius * s).store(sines);
}

constexpr Index kChunk = 2 * kAbreast;  // blocks a fill makes at a time; each is two draws

// Calls use(first draw, count, bits of the draws) for consecutive stretches of [0, count).
template <class F>
void for_draws(const Rng& rng, Index count, F use) {
  std::uint32_t words[4 * kChunk];
  for (Index first = 0; first < count; first += 2 * kChunk) {
    const Index here = std::min(2 * kChunk, count - first);
    rng.fill_words(static_cast<std::uint64_t>(first / 2), (here + 1) / 2, words);
    use(first, here, words);
  }
}

}  // namespace

PhiloxBlock philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = kMultiplier0 * counter[0], p1 = kMultiplier1 * counter[2];
    counter = {high(p1) ^ counter[1] ^ key[0], low(p1), high(p0) ^ counter[3] ^ key[1], low(p0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, std::string_view stream, std::uint64_t step) : step_(step) {
  const std::uint64_t key = mix(seed, stream);
  key_ = {low(key), high(key)};
}

Rng Rng::at_step(std::uint64_t step) const {
  Rng result = *this;
  result.step_ = step;
  return result;
}

Rng Rng::sub(std::string_view name) const {
  return Rng(static_cast<std::uint64_t>(key_[0]) | static_cast<std::uint64_t>(key_[1]) << 32, name, step_);
}

PhiloxBlock Rng::words(std::uint64_t block) const {
  return philox({low(block), high(block), low(step_), high(step_)}, key_);
}

void Rng::fill_words(std::uint64_t first_block, Index count, std::uint32_t* words) const {
  Index done = 0;
  for (; done + kAbreast <= count; done += kAbreast)
    philox_abreast(first_block + static_cast<std::uint64_t>(done), step_, key_, words + 4 * done);
  if (done == count) return;
  std::uint32_t rest[4 * kAbreast];
  philox_abreast(first_block + static_cast<std::uint64_t>(done), step_, key_, rest);
  std::copy_n(rest, 4 * (count - done), words + 4 * done);
}

std::uint64_t Rng::bits(std::uint64_t index) const {
  const PhiloxBlock block = words(index / 2);
  const std::size_t half = index % 2 * 2;
  return join(block[half], block[half + 1]);
}

double Rng::uniform(std::uint64_t index) const {
  return unit(bits(index));
}

double Rng::normal(std::uint64_t index) const {
  // Draws 2k and 2k + 1 share the radius. One lane of what fill_normal does, so both give the same bits.
  const std::uint64_t pair = index & ~std::uint64_t{1};
  double even[Wide::kWidth] = {uniform(pair)}, odd[Wide::kWidth] = {uniform(pair + 1)};
  double cosines[Wide::kWidth], sines[Wide::kWidth];
  box_muller(even, odd, cosines, sines);
  return index == pair ? cosines[0] : sines[0];
}

std::uint64_t Rng::below(std::uint64_t index, std::uint64_t count) const {
  require(count > 0, "Rng::below", "count must be positive");
  __extension__ using Product = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Product>(bits(index)) * count) >> 64);
}

std::vector<std::int32_t> Rng::permutation(std::int32_t count) const {
  require(count >= 0, "Rng::permutation", "count {} is negative", count);
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i, i)]);
  return order;
}

void Rng::fill_uniform(Tensor& tensor, double low, double high) const {
  dispatch(tensor.dtype(), [&]<class T>(Type<T>) {
    T* out = tensor.data<T>();
    for_draws(*this, tensor.size(), [&](Index first, Index count, const std::uint32_t* words) {
      for (Index i = 0; i < count; ++i)
        out[first + i] = static_cast<T>(low + (high - low) * unit(join(words[2 * i], words[2 * i + 1])));
    });
  });
}

void Rng::fill_normal(Tensor& tensor, double mean, double deviation) const {
  dispatch(tensor.dtype(), [&]<class T>(Type<T>) {
    T* out = tensor.data<T>();
    for_draws(*this, tensor.size(), [&](Index first, Index count, const std::uint32_t* words) {
      constexpr Index W = Wide::kWidth;
      for (Index i = 0; i < count; i += 2 * W) {
        const std::uint32_t* from = words + 2 * i;
        double even[W], odd[W], cosines[W], sines[W];
        const Index pairs = std::min(W, (count - i + 1) / 2);
        for (Index k = 0; k < W; ++k) {
          const Index at = 4 * std::min(k, pairs - 1);
          even[k] = unit(join(from[at], from[at + 1]));
          odd[k] = unit(join(from[at + 2], from[at + 3]));
        }
        box_muller(even, odd, cosines, sines);
        const Index here = std::min(2 * W, count - i);
        for (Index k = 0; k < here; ++k)
          out[first + i + k] = static_cast<T>(mean + deviation * (k % 2 == 0 ? cosines[k / 2] : sines[k / 2]));
      }
    });
  });
}

}  // namespace tempera
