#include "data/latent_classes.h"

#include <cmath>

namespace tempera {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix drawn_matrix(const Rng& rng, int rows, int columns, double deviation) {
  Matrix m(rows, columns);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = deviation * rng.normal(static_cast<std::uint64_t>(i));
  return m;
}

class LatentClasses final : public Dataset {
 public:
  LatentClasses(std::int64_t size, const LatentClassesDataOptions& o, double label_noise, const Rng& rng)
      : Dataset(size, {.inputs = {o.features}, .classes = o.classes}), o_(o), label_noise_(label_noise), rng_(rng) {
    const Rng fixed(o.seed, "data/latent_classes/fixed");
    means_ = drawn_matrix(fixed.sub("means"), o.classes, o.latent, 1);
    first_ = drawn_matrix(fixed.sub("A"), o.latent, o.features, 1.5 / std::sqrt(o.latent));
    second_ = drawn_matrix(fixed.sub("B"), o.features, o.features, 1 / std::sqrt(o.features));
  }

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng draws = rng_.at_step(static_cast<std::uint64_t>(sample));
    const auto kind = static_cast<std::int32_t>(sample % o_.classes);
    const Rng wide = draws.sub("noise");
    Eigen::RowVectorXd u = means_.row(kind);
    for (Index i = 0; i < u.size(); ++i) u[i] += o_.deviation * draws.normal(static_cast<std::uint64_t>(i));
    const Eigen::RowVectorXd h = (u * first_).unaryExpr([](double x) { return std::tanh(x); });
    const Eigen::RowVectorXd x = (1.5 * h * second_).unaryExpr([](double y) { return std::tanh(y); });
    float* to = out.inputs.data<float>() + row * o_.features;
    for (Index i = 0; i < x.size(); ++i)
      to[i] = static_cast<float>(x[i] + o_.noise * wide.normal(static_cast<std::uint64_t>(i)));
    const Rng label = draws.sub("label");
    const bool wrong = label.uniform(0) < label_noise_;
    const auto other = static_cast<std::int32_t>(label.below(1, static_cast<std::uint64_t>(o_.classes - 1)));
    out.targets.data<std::int32_t>()[row] = wrong ? (kind + 1 + other) % o_.classes : kind;
  }

 private:
  LatentClassesDataOptions o_;
  double label_noise_;
  Rng rng_;
  Matrix means_, first_, second_;
};

}  // namespace

void LatentClassesDataOptions::describe(Fields& f) {
  f("classes", classes, "number of classes", between(2, 1 << 16));
  f("latent", latent, "dimensions in which classes are Gaussian", between(1, 4096));
  f("features", features, "dimensions that are seen", between(1, 4096));
  f("deviation", deviation, "of a class in each latent dimension; means have deviation 1", at_least(0));
  f("noise", noise, "deviation of what is added to each feature", at_least(0));
  f("label_noise", label_noise, "share of the training samples that bear another class", between(0, 1));
  describe_parts(f);
}

std::unique_ptr<DataSource> LatentClassesDataOptions::make() const {
  return make_parts(Task::classification, "data/latent_classes",
                    [&](std::string_view part, std::int64_t size, const Rng& rng) {
                      return std::make_shared<LatentClasses>(size, *this, part == "train" ? label_noise : 0, rng);
                    });
}

}  // namespace tempera
