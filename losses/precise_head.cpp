#include "losses/precise_head.h"

#include "core/ops/precise_cross_entropy.h"
#include "losses/output_layer.h"

namespace tempera {
namespace {

// `Loss` is called as loss(logits, targets, weights, normaliser, ignore_index, sums).
template <class Loss>
class PreciseHead : public Head {
 public:
  PreciseHead(std::string_view who, const StableMaxHeadOptions& o, const HeadSizes& sizes, bool collapse, Loss loss_of)
      : output_(who, sizes, o.bias),
        who_(who),
        ignore_(o.ignore_index),
        sequences_(sizes.sequences),
        collapse_(collapse),
        loss_(loss_of) {}

  void visit(ParameterVisitor& visitor) override { output_.visit(visitor); }
  Var logits(Context& context, const Var& features) const override { return output_(context, features); }

  Var loss(Context& context, const Var& features, const Targets& targets, double normaliser,
           std::span<double> sums) const override {
    check_sums(who_, sums);
    PreciseSums found;
    Var loss = loss_(output_(context, features), targets.values, targets.weights, normaliser, ignore_, &found);
    const std::array<double, kSums> added{found.targets,   found.weight, found.loss,      found.correct,
                                          found.collapsed, found.zero,   found.sequences, found.exact};
    for (std::size_t i = 0; i < kSums; ++i) sums[i] += added[i];
    return loss;
  }

  double weight(const Targets& targets) const override {
    return cross_entropy_weight(targets.values, targets.weights, {.ignore_index = ignore_}, output_.outputs());
  }

  std::span<const std::string_view> sum_names() const override { return kNames; }
  NamedValues metrics(std::span<const double> sums) const override {
    check_sums(who_, sums);
    NamedValues metrics{{"loss", sums[2] / sums[1]}, {"accuracy", sums[3] / sums[0]}};
    if (collapse_) {
      metrics.push_back({"collapse", sums[4] / sums[0]});
      metrics.push_back({"zero_loss", sums[5] / sums[0]});
    }
    if (sequences_) metrics.push_back({"exact_match", sums[7] / sums[6]});
    return metrics;
  }

 private:
  static constexpr std::size_t kSums = 8;
  static constexpr std::array<std::string_view, kSums> kNames{"targets",   "weight",    "loss",      "correct",
                                                              "collapsed", "zero_loss", "sequences", "exact"};

  OutputLayer output_;
  std::string_view who_;
  std::int32_t ignore_;
  bool sequences_, collapse_;
  Loss loss_;
};

}  // namespace

std::unique_ptr<Head> StableMaxHeadOptions::make(const HeadSizes& sizes) const {
  return std::make_unique<PreciseHead<decltype(&stablemax_cross_entropy)>>("stablemax head", *this, sizes, false,
                                                                           &stablemax_cross_entropy);
}

void PreciseHeadOptions::describe(Fields& f) {
  f("arithmetic", arithmetic, "of the exponentials, their sum, the loss and its gradient",
    one_of({"float16", "float32", "float64"}));
  ClassHeadOptions::describe(f);
}

std::unique_ptr<Head> PreciseHeadOptions::make(const HeadSizes& sizes) const {
  const Arithmetic chosen = arithmetic == "float16"   ? Arithmetic::float16
                            : arithmetic == "float32" ? Arithmetic::float32
                                                      : Arithmetic::float64;
  const auto loss = [chosen](const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
                             std::int32_t ignored, PreciseSums* sums) {
    return precise_cross_entropy(logits, targets, weights, normaliser, chosen, ignored, sums);
  };
  return std::make_unique<PreciseHead<decltype(loss)>>("precise_cross_entropy head", *this, sizes, true, loss);
}

}  // namespace tempera
