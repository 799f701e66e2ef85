#include "data/label_proportions.h"

#include <algorithm>
#include <cmath>

#include "data/draw_stream.h"

namespace tempera {
namespace {

constexpr std::int64_t kMostKept = 1 << 20;  // samples of a part

// Of the flat Dirichlet distribution.
std::vector<double> draw_shares(DrawStream& draws, std::size_t count) {
  std::vector<double> shares;
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += shares.emplace_back(-std::log1p(-draws.uniform()));
  for (double& share : shares) share /= sum;
  return shares;
}

// The place of a uniform draw in cumulated shares.
std::size_t place(const std::vector<double>& cumulated, double draw) {
  const auto found = std::upper_bound(cumulated.begin(), cumulated.end() - 1, draw);
  return static_cast<std::size_t>(found - cumulated.begin());
}

std::vector<double> cumulated(std::vector<double> shares) {
  for (std::size_t i = 1; i < shares.size(); ++i) shares[i] += shares[i - 1];
  return shares;
}

class Documents {
 public:
  explicit Documents(const LabelProportionsDataOptions& o) : o_(o) {
    const Rng words(o.seed, "data/label_proportions/words");
    for (int label = 0; label < o.labels; ++label) {
      DrawStream draws(words.at_step(static_cast<std::uint64_t>(label)));
      words_.push_back(cumulated(draw_shares(draws, static_cast<std::size_t>(o.labels * o.words_per_label))));
    }
  }

  void draw(const Rng& rng, Batch& out, Index row) const {
    DrawStream draws(rng.sub("shares"));
    const int count = o_.fewest + draws.below(o_.most - o_.fewest + 1);
    const auto labels = draw_distinct(rng.sub("labels"), 0, count, o_.labels);
    std::vector<double> shares(labels.size(), 1. / count);
    if (o_.shares == "random") shares = draw_shares(draws, labels.size());
    float* const target = out.targets.data<float>() + row * o_.labels;
    std::fill_n(target, o_.labels, 0.f);
    for (std::size_t i = 0; i < labels.size(); ++i) target[labels[i]] = static_cast<float>(shares[i]);

    const std::vector<double> by_label = cumulated(std::move(shares));
    const int length = o_.shortest + draws.below(o_.longest - o_.shortest + 1);
    const Index words = o_.labels * o_.words_per_label;
    float* const input = out.inputs.data<float>() + row * words;
    std::fill_n(input, words, 0.f);
    for (int i = 0; i < length; ++i) {
      const auto label = static_cast<std::size_t>(labels[place(by_label, draws.uniform())]);
      input[place(words_[label], draws.uniform())] += 1;
    }
    for (Index w = 0; w < words; ++w) input[w] /= static_cast<float>(length);
  }

 private:
  LabelProportionsDataOptions o_;
  std::vector<std::vector<double>> words_;  // cumulated, of each label
};

std::shared_ptr<const Dataset> kept(const Dataset& drawn) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(drawn.size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  Batch batch;
  drawn.fill(all, batch);
  return std::make_shared<TensorDataset>(batch.inputs, batch.targets, drawn.description());
}

}  // namespace

void LabelProportionsDataOptions::describe(Fields& f) {
  f("labels", labels, "kinds of labels", between(2, 4096));
  f("words_per_label", words_per_label, "words of the vocabulary for each label", between(1, 4096));
  f("fewest", fewest, "labels of a document, at least", at_least(1));
  f("most", most, "labels of a document, at most", at_least(1));
  f("shares", shares, "of a document's labels: all alike, or drawn", one_of({"uniform", "random"}));
  f("shortest", shortest, "words of a document, at least", at_least(1));
  f("longest", longest, "words of a document, at most", at_least(1));
  describe_parts(f);
}

std::vector<Problem> LabelProportionsDataOptions::problems() const {
  std::vector<Problem> found;
  const auto in_order = [&](const char* key, int low, const char* other, int high) {
    if (low > high) found.push_back({key, fmt::format("{} exceeds {}, {}; lower it", low, other, high)});
  };
  in_order("fewest", fewest, "most", most);
  in_order("most", most, "labels", labels);
  in_order("shortest", shortest, "longest", longest);
  for (const auto& [key, size] : {std::pair{"train", train}, {"valid", valid}, {"test", test}})
    if (size > kMostKept)
      found.push_back({key, fmt::format("{} documents came, which are all kept; at most {}", size, kMostKept)});
  return found;
}

std::unique_ptr<DataSource> LabelProportionsDataOptions::make() const {
  for (const Problem& problem : problems()) fail("label_proportions", "{}: {}", problem.key, problem.message);
  const Description description{
      .inputs = {labels * words_per_label}, .targets = {labels}, .target_type = DType::float32};
  const Documents documents(*this);
  return make_parts(
      Task::multi_label, "data/label_proportions", [&](std::string_view, std::int64_t size, const Rng& rng) {
        return kept(DrawnSet(size, description, rng,
                             [&](const Rng& draws, Batch& out, Index row) { documents.draw(draws, out, row); }));
      });
}

}  // namespace tempera
