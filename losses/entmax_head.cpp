#include "losses/entmax_head.h"

#include "core/ops/entmax_loss.h"
#include "losses/output_layer.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "entmax head";

class EntmaxHead : public Head {
 public:
  EntmaxHead(const EntmaxHeadOptions& o, const HeadSizes& sizes)
      : output_(kWho, sizes, o.bias), alpha_(o.alpha), ignore_(o.ignore_index), sequences_(sizes.sequences) {}

  void visit(ParameterVisitor& visitor) override { output_.visit(visitor); }
  Var logits(Context& context, const Var& features) const override { return output_(context, features); }

  Var loss(Context& context, const Var& features, const Targets& targets, double normaliser,
           std::span<double> sums) const override {
    check_sums(kWho, sums);
    EntmaxSums found;
    Var loss =
        entmax_loss(output_(context, features), targets.values, targets.weights, normaliser, alpha_, ignore_, &found);
    const std::array<double, kSums> added{found.targets, found.weight,     found.loss,      found.correct,
                                          found.support, found.divergence, found.sequences, found.exact};
    for (std::size_t i = 0; i < kSums; ++i) sums[i] += added[i];
    return loss;
  }

  double weight(const Targets& targets) const override {
    return entmax_weight(targets.values, targets.weights, output_.outputs(), ignore_);
  }

  std::span<const std::string_view> sum_names() const override { return kNames; }
  NamedValues metrics(std::span<const double> sums) const override {
    check_sums(kWho, sums);
    NamedValues metrics{{"loss", sums[2] / sums[1]},
                        {"accuracy", sums[3] / sums[0]},
                        {"support", sums[4] / sums[0]},
                        {"divergence", sums[5] / sums[0]}};
    if (sequences_) metrics.push_back({"exact_match", sums[7] / sums[6]});
    return metrics;
  }

 private:
  static constexpr std::size_t kSums = 8;
  static constexpr std::array<std::string_view, kSums> kNames{"targets", "weight",     "loss",      "correct",
                                                              "support", "divergence", "sequences", "exact"};

  OutputLayer output_;
  double alpha_;
  std::int32_t ignore_;
  bool sequences_;
};

}  // namespace

void EntmaxHeadOptions::describe(Fields& f) {
  f("alpha", alpha, "1 is the softmax, 2 the sparsemax", between(1, 10));
  ClassHeadOptions::describe(f);
}

std::unique_ptr<Head> EntmaxHeadOptions::make(const HeadSizes& sizes) const {
  return std::make_unique<EntmaxHead>(*this, sizes);
}

void SparsemaxHeadOptions::describe(Fields& f) {
  ClassHeadOptions::describe(f);
}

}  // namespace tempera
