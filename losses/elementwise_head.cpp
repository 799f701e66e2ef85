#include "losses/elementwise_head.h"

#include <array>
#include <cmath>

#include "core/ops/reductions.h"
#include "core/pointwise.h"
#include "losses/output_layer.h"

namespace tempera {
namespace {

// Targets and weights over the normaliser, in the shape and dtype of the outputs; both 0 where a target takes no part.
struct Prepared {
  Tensor targets, weights;
};

class ElementwiseHead : public Head {
 public:
  ElementwiseHead(std::string_view who, const HeadSizes& sizes, bool bias, bool labels)
      : who_(who), output_(who, sizes, bias), labels_(labels) {}

  void visit(ParameterVisitor& visitor) override { output_.visit(visitor); }
  Var logits(Context& context, const Var& features) const override { return output_(context, features); }

  double weight(const Targets& targets) const override {
    check_targets(targets);
    double total = 0;
    each(targets.values, targets.weights, [&](Index, double u) { total += u; });
    return total;
  }

 protected:
  virtual void check_value(Index, double) const {}

  // Throws Error where targets or weights do not fit.
  void check_targets(const Targets& targets) const {
    const Tensor &t = targets.values, &u = targets.weights;
    require(t.rank() >= 1 && t.dim(t.rank() - 1) == output_.outputs(), who_,
            "the targets have shape {}; [.., {}], one for each output, was wanted", t.shape(), output_.outputs());
    if (u.defined()) {
      bool prefix = u.rank() <= t.rank();
      for (int axis = 0; prefix && axis < u.rank(); ++axis) prefix = u.dim(axis) == t.dim(axis);
      require(prefix && is_floating(u.dtype()), who_,
              "the weights are {}, but the targets {}: floats of that shape or its first axes were wanted", u, t);
    }
    for (Index i = 0; i < t.size(); ++i)
      if (!missing(t, i)) check_value(i, t.at(i));
  }

  bool missing(const Tensor& t, Index i) const {
    return t.dtype() == DType::int32 ? labels_ && t.at(i) == -1 : std::isnan(t.at(i));
  }

  // f(entry, weight) for the entries that take part.
  template <class F>
  void each(const Tensor& t, const Tensor& weights, F f) const {
    const Index per_weight = weights.defined() ? t.size() / std::max<Index>(1, weights.size()) : 1;
    for (Index i = 0; i < t.size(); ++i) {
      const double u = weights.defined() ? weights.at(i / std::max<Index>(1, per_weight)) : 1;
      if (u != 0 && !missing(t, i)) f(i, u);
    }
  }

  Prepared prepare(Tape& tape, const Var& x, const Targets& targets, double normaliser) const {
    check_targets(targets);
    require(targets.values.shape() == x.shape(), who_,
            "the targets have shape {}, but the outputs {}; they must be the same", targets.values.shape(), x.shape());
    require(normaliser >= 0 && std::isfinite(normaliser), who_,
            "the normaliser is {}; a finite number of at least 0 was wanted, such as the number of targets",
            normaliser);
    Prepared p{tape.zeros(x.shape(), x.dtype()), tape.zeros(x.shape(), x.dtype())};
    dispatch(x.dtype(), [&]<class T>(Type<T>) {
      T *t = p.targets.data<T>(), *u = p.weights.data<T>();
      each(targets.values, targets.weights, [&](Index i, double weight) {
        t[i] = static_cast<T>(targets.values.at(i));
        u[i] = static_cast<T>(normaliser == 0 ? 0 : weight / normaliser);
      });
    });
    return p;
  }

  std::string_view who_;
  OutputLayer output_;
  bool labels_;  // int32 targets of -1 are missing
};

constexpr std::string_view kBinary = "binary_cross_entropy head";

class BinaryHead : public ElementwiseHead {
 public:
  BinaryHead(const BinaryHeadOptions& o, const HeadSizes& sizes) : ElementwiseHead(kBinary, sizes, o.bias, true) {
    require(o.positive_weights.empty() || std::ssize(o.positive_weights) == sizes.outputs, kBinary,
            "{} positive weights came for {} outputs; one for each was wanted, or none", o.positive_weights.size(),
            sizes.outputs);
    positive_[0] = Tensor::full({sizes.outputs}, DType::float64, 1);
    for (std::size_t i = 0; i < o.positive_weights.size(); ++i)
      positive_[0].set(static_cast<Index>(i), o.positive_weights[i]);
    positive_[1] = positive_[0].to(DType::float32);
  }

  Var loss(Context& context, const Var& features, const Targets& targets, double normaliser,
           std::span<double> sums) const override {
    check_sums(kBinary, sums);
    Tape& tape = context.tape();
    const Var x = logits(context, features);
    const Prepared p = prepare(tape, x, targets, normaliser);
    const Tensor& positive = positive_[x.dtype() == DType::float64 ? 0 : 1];
    const Tensor& values = x.value();
    each(targets.values, targets.weights, [&](Index i, double u) {
      const double t = p.targets.at(i), z = values.at(i), rest = std::log1p(std::exp(-std::abs(z)));
      sums[0] += 1;
      sums[1] += u;
      sums[2] += u * (positive.at(i % output_.outputs()) * t * (std::max(-z, 0.0) + rest) +
                      (1 - t) * (std::max(z, 0.0) + rest));
      sums[3] += (z > 0) == (t > 0.5);
    });
    return sum(pointwise(
        [](auto logit, auto target, auto weight, auto gain) {
          return weight * (gain * target * softplus(-logit) + (1 - target) * softplus(logit));
        },
        x, tape.constant(p.targets), tape.constant(p.weights), tape.constant(positive)));
  }

  std::span<const std::string_view> sum_names() const override { return kNames; }
  NamedValues metrics(std::span<const double> sums) const override {
    check_sums(kBinary, sums);
    return {{"loss", sums[2] / sums[1]}, {"accuracy", sums[3] / sums[0]}};
  }

 private:
  static constexpr std::array<std::string_view, 4> kNames{"targets", "weight", "loss", "correct"};

  void check_value(Index i, double value) const override {
    require(value >= 0 && value <= 1, kBinary,
            "target {} is {}; a number in [0, 1] was wanted, or NaN (as int32: -1) where it is missing", i, value);
  }

  std::array<Tensor, 2> positive_;  // in float64 and float32
};

constexpr std::string_view kSquared = "squared_error head";

class SquaredErrorHead : public ElementwiseHead {
 public:
  SquaredErrorHead(const SquaredErrorHeadOptions& o, const HeadSizes& sizes)
      : ElementwiseHead(kSquared, sizes, o.bias, false) {}

  Var loss(Context& context, const Var& features, const Targets& targets, double normaliser,
           std::span<double> sums) const override {
    check_sums(kSquared, sums);
    Tape& tape = context.tape();
    const Var x = logits(context, features);
    const Prepared p = prepare(tape, x, targets, normaliser);
    const Tensor& values = x.value();
    each(targets.values, targets.weights, [&](Index i, double u) {
      const double difference = values.at(i) - p.targets.at(i);
      sums[0] += 1;
      sums[1] += u;
      sums[2] += u * difference * difference;
      sums[3] += difference * difference;
      sums[4] += std::abs(difference);
    });
    return sum(pointwise([](auto output, auto target, auto weight) { return weight * square(output - target); }, x,
                         tape.constant(p.targets), tape.constant(p.weights)));
  }

  std::span<const std::string_view> sum_names() const override { return kNames; }
  NamedValues metrics(std::span<const double> sums) const override {
    check_sums(kSquared, sums);
    return {{"loss", sums[2] / sums[1]}, {"mse", sums[3] / sums[0]}, {"mae", sums[4] / sums[0]}};
  }

 private:
  static constexpr std::array<std::string_view, 5> kNames{"targets", "weight", "loss", "squares", "distances"};
};

}  // namespace

void BinaryHeadOptions::describe(Fields& f) {
  f("bias", bias, "adds a bias to the logits");
  f("positive_weights", positive_weights, "weight of a positive target of each output, or none: all 1", at_least(0));
}

std::unique_ptr<Head> BinaryHeadOptions::make(const HeadSizes& sizes) const {
  return std::make_unique<BinaryHead>(*this, sizes);
}

void SquaredErrorHeadOptions::describe(Fields& f) {
  f("bias", bias, "adds a bias to the outputs");
}

std::unique_ptr<Head> SquaredErrorHeadOptions::make(const HeadSizes& sizes) const {
  return std::make_unique<SquaredErrorHead>(*this, sizes);
}

}  // namespace tempera
