#include "losses/cross_entropy_head.h"

#include <cmath>

#include "core/ops/linear_cross_entropy.h"
#include "losses/metrics.h"
#include "losses/output_layer.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "cross_entropy head";

class CrossEntropyHead : public Head {
 public:
  CrossEntropyHead(const CrossEntropyHeadOptions& o, const HeadSizes& sizes)
      : output_(kWho, sizes, o.bias), tokens_(sizes.tokens), sequences_(sizes.sequences) {
    require(o.class_weights.empty() || std::ssize(o.class_weights) == sizes.outputs, kWho,
            "{} class weights came for {} outputs; one for each was wanted, or none", o.class_weights.size(),
            sizes.outputs);
    terms_ = {o.label_smoothing, o.z_loss, o.ignore_index, {}};
    if (o.class_weights.empty()) return;
    weights_[0] = Tensor::from<double>({sizes.outputs}, o.class_weights);
    weights_[1] = weights_[0].to(DType::float32);
  }

  void visit(ParameterVisitor& visitor) override { output_.visit(visitor); }
  Var logits(Context& context, const Var& features) const override { return output_(context, features); }

  Var loss(Context& context, const Var& features, const Targets& targets, double normaliser,
           std::span<double> sums) const override {
    check_sums(kWho, sums);
    CrossEntropySums found;
    Var loss = linear_cross_entropy(features, output_.weight(context), output_.bias(context), targets.values,
                                    targets.weights, normaliser, terms(features.dtype()), &found);
    const std::array<double, kSums> added{found.targets, found.weight,    found.loss, found.nll,
                                          found.correct, found.sequences, found.exact};
    for (std::size_t i = 0; i < kSums; ++i) sums[i] += added[i];
    return loss;
  }

  double weight(const Targets& targets) const override {
    const DType dtype = targets.weights.defined() ? targets.weights.dtype() : DType::float64;
    return cross_entropy_weight(targets.values, targets.weights, terms(dtype), output_.outputs());
  }

  std::span<const std::string_view> sum_names() const override { return kNames; }
  NamedValues metrics(std::span<const double> sums) const override {
    check_sums(kWho, sums);
    const double targets = sums[0], nll = sums[3];
    NamedValues metrics{{"loss", sums[2] / sums[1]}, {"accuracy", sums[4] / targets}};
    if (tokens_) {
      metrics.push_back({"perplexity", perplexity(nll, targets)});
      metrics.push_back({"bits", bits_per_unit(nll, targets)});
    }
    if (sequences_) metrics.push_back({"exact_match", sums[6] / sums[5]});
    return metrics;
  }

 private:
  static constexpr std::size_t kSums = 7;
  static constexpr std::array<std::string_view, kSums> kNames{"targets", "weight",    "loss", "nll",
                                                              "correct", "sequences", "exact"};

  CrossEntropyTerms terms(DType dtype) const {
    CrossEntropyTerms terms = terms_;
    terms.class_weights = weights_[dtype == DType::float64 ? 0 : 1];
    return terms;
  }

  OutputLayer output_;
  CrossEntropyTerms terms_;
  bool tokens_, sequences_;
  std::array<Tensor, 2> weights_;  // of the classes, in float64 and float32
};

}  // namespace

void CrossEntropyHeadOptions::describe(Fields& f) {
  f("bias", bias, "adds a bias to the logits");
  f("tied", tied, "the output weight is the model's table of token embeddings");
  f("label_smoothing", label_smoothing, "share of the target that is spread evenly over all classes", from_up_to(0, 1));
  f("z_loss", z_loss, "factor of the squared log-partition (PaLM uses 1e-4)", at_least(0));
  f("ignore_index", ignore_index, "targets of this value take no part");
  f("class_weights", class_weights, "one weight for each class, or none: all 1", at_least(0));
}

std::unique_ptr<Head> CrossEntropyHeadOptions::make(const HeadSizes& sizes) const {
  return std::make_unique<CrossEntropyHead>(*this, sizes);
}

}  // namespace tempera
