#include "train/token_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/tape.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "generate";
using Candidate = TokenChoice::Candidate;

bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}
bool less_likely(const Candidate& a, const Candidate& b) {
  return likelier(b, a);
}

// Whether keeping a list while the row is read is faster than sorting.
bool listed(Index k, Index vocabulary) {
  return k <= 256 && 16 * k <= vocabulary;
}

double sum(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

}  // namespace

TokenChoice::TokenChoice(const TokenChoiceOptions& options, Index vocabulary)
    : o_(options), all_(static_cast<std::size_t>(vocabulary)) {
  require(o_.temperature >= 0 && o_.top_k >= 0 && o_.top_p > 0 && o_.top_p <= 1, kWho,
          "temperature {}, top_k {}, top_p {} came; the first two must not be negative, the last in (0, 1]",
          o_.temperature, o_.top_k, o_.top_p);
  const Index few = o_.temperature == 0 ? 1 : o_.top_k;
  if (listed(few, vocabulary)) list_.resize(static_cast<std::size_t>(few));
}

void TokenChoice::read(const Tensor& logits, Index row) {
  const Index vocabulary = static_cast<Index>(all_.size());
  largest_ = -std::numeric_limits<double>::infinity();
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    const T* x = logits.data<T>() + row * vocabulary;
    for (Index i = 0; i < vocabulary; ++i) {
      const auto logit = static_cast<double>(x[i]);
      if (std::isnan(logit) || logit == std::numeric_limits<double>::infinity())
        throw NonFiniteError(fmt::format("the logit of token {} is {}; the weights are of no use", i, logit), kWho,
                             "head", 0);
      largest_ = std::max(largest_, logit);
      all_[static_cast<std::size_t>(i)] = {logit, 0, static_cast<std::int32_t>(i)};
    }
  });
  if (!std::isfinite(largest_)) throw NonFiniteError("every logit is -infinity; no token is left", kWho, "head", 0);
}

double TokenChoice::weigh(std::span<Candidate> candidates) const {
  for (Candidate& c : candidates) c.weight = std::exp((c.logit - largest_) / o_.temperature);
  return sum(candidates);
}

std::span<Candidate> TokenChoice::largest(const Tensor& logits, Index row, Index k) {
  const Index vocabulary = static_cast<Index>(all_.size());
  const std::span<Candidate> kept = std::span(all_).first(static_cast<std::size_t>(k));
  if (!listed(k, vocabulary)) {
    read(logits, row);
    const auto middle = all_.begin() + k;
    std::nth_element(all_.begin(), middle, all_.end(), likelier);
    std::sort(all_.begin(), middle, likelier);
    return kept;
  }
  largest_ = dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    return static_cast<double>(kernels::top_k(logits.data<T>() + row * vocabulary, vocabulary, list_).maximum);
  });
  if (!std::isfinite(largest_)) read(logits, row);  // which tells where
  for (std::size_t i = 0; i < kept.size(); ++i)
    kept[i] = {list_[i].value, 0, static_cast<std::int32_t>(list_[i].index)};
  return kept;
}

std::span<const Candidate> TokenChoice::first_k(std::span<Candidate> kept) const {
  const double wanted = o_.top_p * weigh(kept);
  if (o_.top_p == 1) return kept;
  double mass = 0;
  std::size_t count = 0;
  while (count < kept.size() && (count == 0 || mass < wanted)) mass += kept[count++].weight;
  return kept.first(count);
}

// The likeliest leave a heap one after another and gather behind it.
std::span<const Candidate> TokenChoice::nucleus() {
  const double wanted = o_.top_p * weigh(all_);
  std::make_heap(all_.begin(), all_.end(), less_likely);
  auto end = all_.end();
  double mass = 0;
  do {
    std::pop_heap(all_.begin(), end, less_likely);
    mass += (--end)->weight;
  } while (mass < wanted && end != all_.begin());
  return {end, all_.end()};
}

std::span<const Candidate> TokenChoice::kept(const Tensor& logits, Index row) {
  const Index vocabulary = static_cast<Index>(all_.size());
  require(logits.matrix_cols() == vocabulary, kWho, "the logits are {}; {} tokens were wanted", logits, vocabulary);
  if (o_.temperature == 0) {
    const std::span<Candidate> best = largest(logits, row, 1);
    best[0].weight = 1;
    return best;
  }
  if (o_.top_k > 0 && o_.top_k < vocabulary) return first_k(largest(logits, row, o_.top_k));
  read(logits, row);
  if (o_.top_p < 1) return nucleus();
  weigh(all_);
  return all_;
}

std::int32_t TokenChoice::draw(const Tensor& logits, Index row, double u) {
  const std::span<const Candidate> candidates = kept(logits, row);
  double left = u * sum(candidates);
  std::int32_t last = candidates.front().token;
  for (const Candidate& candidate : candidates) {
    if (candidate.weight == 0) continue;
    last = candidate.token;
    left -= candidate.weight;
    if (left < 0) break;
  }
  return last;  // rounding may leave a little beyond the end
}

}  // namespace tempera
