#include "train/beam_search.h"

#include <algorithm>
#include <cmath>

namespace tempera {
namespace {

constexpr std::string_view kWho = "generate";

struct Step {
  double log_probability = 0;  // of the whole text
  Index row = 0;
  std::int32_t token = 0;
};

bool better(const Step& a, const Step& b) {
  if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
  return a.row != b.row ? a.row < b.row : a.token < b.token;
}

double log_sum_exp(const Tensor& logits, Index row) {
  const Index n = logits.dim(1);
  double largest = logits.at(row * n), sum = 0;
  for (Index i = 1; i < n; ++i) largest = std::max(largest, logits.at(row * n + i));
  for (Index i = 0; i < n; ++i) sum += std::exp(logits.at(row * n + i) - largest);
  return largest + std::log(sum);
}

class Search {
 public:
  Search(const LanguageModel& language, std::span<const std::int32_t> prompt, const BeamOptions& options,
         const Tensor& source)
      : o_(options),
        width_(static_cast<std::size_t>(options.beams)),
        end_(language.end),
        texts_(language, prompt, source),
        live_(1) {}

  std::vector<Beam> run() {
    for (std::int64_t length = 1; length <= o_.tokens && !live_.empty() && !decided(); ++length) {
      const std::vector<Step> steps = advance(length);
      if (length < o_.tokens && !live_.empty()) follow(steps);
    }
    for (Beam& beam : live_) finish(std::move(beam));
    return std::move(finished_);
  }

 private:
  double penalty(std::int64_t length) const {
    return std::pow((5 + static_cast<double>(length)) / 6, o_.length_penalty);
  }

  // Twice as many as beams: each beam has one way to end, and `beams` texts are to go on.
  std::vector<Step> best_steps() {
    const Tensor& logits = texts_.logits();
    const Index vocabulary = logits.dim(1);
    steps_.clear();
    for (Index row = 0; row < texts_.rows(); ++row) {
      const double past = live_[static_cast<std::size_t>(row)].log_probability, total = log_sum_exp(logits, row);
      if (!std::isfinite(total))
        throw NonFiniteError("the logits are not finite; the weights are of no use", kWho, "head", 0);
      for (Index i = 0; i < vocabulary; ++i)
        steps_.push_back({past + logits.at(row * vocabulary + i) - total, row, static_cast<std::int32_t>(i)});
    }
    const std::size_t count = std::min(steps_.size(), 2 * width_);
    std::partial_sort(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(count), steps_.end(), better);
    return {steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  // Ends what ends among the best, and lets `beams` others live; returns their steps.
  std::vector<Step> advance(std::int64_t length) {
    std::vector<Step> going;
    std::vector<Beam> next;
    const std::vector<Step> best = best_steps();
    for (std::size_t rank = 0; rank < best.size(); ++rank) {
      const Step& step = best[rank];
      const bool ends = end_ && step.token == *end_;
      if (ends ? rank >= width_ : next.size() == width_) continue;
      Beam beam = live_[static_cast<std::size_t>(step.row)];
      beam.tokens.push_back(step.token);
      beam.log_probability = step.log_probability;
      beam.score = step.log_probability / penalty(length);
      if (ends) {
        finish(std::move(beam));
      } else {
        next.push_back(std::move(beam));
        going.push_back(step);
      }
    }
    live_ = std::move(next);
    return going;
  }

  void follow(const std::vector<Step>& steps) {
    std::vector<Index> rows;
    std::vector<std::int32_t> tokens;
    for (const Step& step : steps) {
      rows.push_back(step.row);
      tokens.push_back(step.token);
    }
    texts_.keep(rows);
    texts_.append(tokens);
  }

  // Texts of equal score keep the order in which they came.
  void finish(Beam beam) {
    const auto place = std::upper_bound(finished_.begin(), finished_.end(), beam,
                                        [](const Beam& a, const Beam& b) { return a.score > b.score; });
    finished_.insert(place, std::move(beam));
    if (finished_.size() > width_) finished_.pop_back();
  }

  // No text that lives can still come among the finished: probabilities only fall, and the penalty divides by at most
  // that of the last step.
  bool decided() const {
    return finished_.size() == width_ && live_.front().log_probability / penalty(o_.tokens) <= finished_.back().score;
  }

  const BeamOptions o_;
  const std::size_t width_;
  const std::optional<std::int32_t> end_;
  Decoding texts_;
  std::vector<Beam> live_, finished_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Beam> beam_search(const LanguageModel& language, std::span<const std::int32_t> prompt,
                              const BeamOptions& options, const Tensor& source) {
  require(options.tokens >= 0 && options.beams >= 1 && options.length_penalty >= 0, kWho,
          "tokens {}, beams {}, length penalty {} came; at least 0, 1 and 0 were wanted", options.tokens, options.beams,
          options.length_penalty);
  return Search(language, prompt, options, source).run();
}

}  // namespace tempera
