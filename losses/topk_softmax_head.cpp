#include "losses/topk_softmax_head.h"

#include "core/ops/linear_topk_cross_entropy.h"
#include "losses/output_layer.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "topk_softmax head";

class TopkSoftmaxHead : public Head {
 public:
  TopkSoftmaxHead(const TopkSoftmaxHeadOptions& o, const HeadSizes& sizes)
      : output_(kWho, sizes, o.bias), k_(o.k), sequences_(sizes.sequences) {
    terms_.ignore_index = o.ignore_index;
    require(o.k < sizes.outputs, kWho,
            "k is {}, but there are {} classes, of which it would leave out none; choose a lower k, or cross_entropy",
            o.k, sizes.outputs);
  }

  void visit(ParameterVisitor& visitor) override { output_.visit(visitor); }
  Var logits(Context& context, const Var& features) const override { return output_(context, features); }

  Var loss(Context& context, const Var& features, const Targets& targets, double normaliser,
           std::span<double> sums) const override {
    check_sums(kWho, sums);
    CrossEntropySums found;
    Var loss = linear_topk_cross_entropy(features, output_.weight(context), output_.bias(context), targets.values,
                                         targets.weights, normaliser, k_, terms_.ignore_index, &found);
    const std::array<double, kSums> added{found.targets, found.weight,    found.loss,
                                          found.correct, found.sequences, found.exact};
    for (std::size_t i = 0; i < kSums; ++i) sums[i] += added[i];
    return loss;
  }

  double weight(const Targets& targets) const override {
    return cross_entropy_weight(targets.values, targets.weights, terms_, output_.outputs());
  }

  std::span<const std::string_view> sum_names() const override { return kNames; }
  NamedValues metrics(std::span<const double> sums) const override {
    check_sums(kWho, sums);
    NamedValues metrics{{"loss", sums[2] / sums[1]}, {"accuracy", sums[3] / sums[0]}};
    if (sequences_) metrics.push_back({"exact_match", sums[5] / sums[4]});
    return metrics;
  }

 private:
  static constexpr std::size_t kSums = 6;
  static constexpr std::array<std::string_view, kSums> kNames{"targets", "weight",    "loss",
                                                              "correct", "sequences", "exact"};

  OutputLayer output_;
  Index k_;
  CrossEntropyTerms terms_;
  bool sequences_;
};

}  // namespace

void TopkSoftmaxHeadOptions::describe(Fields& f) {
  f("k", k, "logits of a row that count, the largest", at_least(1));
  ClassHeadOptions::describe(f);
}

std::unique_ptr<Head> TopkSoftmaxHeadOptions::make(const HeadSizes& sizes) const {
  return std::make_unique<TopkSoftmaxHead>(*this, sizes);
}

}  // namespace tempera
