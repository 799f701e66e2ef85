#include "data/sphere_classes.h"

#include <cmath>

namespace tempera {
namespace {

// [classes, features], each row of length 1: a direction of a normal distribution has no preferred one.
Tensor drawn_means(const SphereClassesDataOptions& o) {
  Tensor means = Tensor::empty({o.classes, o.features}, DType::float64);
  Rng(o.seed, "data/sphere_classes/means").fill_normal(means, 0, 1);
  auto rows = means.mat<double>();
  for (Index c = 0; c < o.classes; ++c) rows.row(c) /= rows.row(c).norm();
  return means;
}

class SphereClasses final : public Dataset {
 public:
  SphereClasses(std::int64_t size, const SphereClassesDataOptions& o, Tensor means, const Rng& rng)
      : Dataset(size, {.inputs = {o.features}, .classes = o.classes}),
        deviation_(o.deviation),
        means_(std::move(means)),
        rng_(rng) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const Rng draws = rng_.at_step(static_cast<std::uint64_t>(sample));
    const Index kind = sample % means_.dim(0), width = means_.dim(1);
    const double* const mean = means_.data<double>() + kind * width;
    float* const to = out.inputs.data<float>() + row * width;
    for (Index i = 0; i < width; ++i)
      to[i] = static_cast<float>(mean[i] + deviation_ * draws.normal(static_cast<std::uint64_t>(i)));
    out.targets.data<std::int32_t>()[row] = static_cast<std::int32_t>(kind);
  }

 private:
  double deviation_;
  Tensor means_;
  Rng rng_;
};

}  // namespace

void SphereClassesDataOptions::describe(Fields& f) {
  f("classes", classes, "number of classes", between(2, 1 << 20));
  f("features", features, "dimensions of a sample", between(1, 4096));
  f("deviation", deviation, "of a class in each dimension; means have length 1", at_least(0));
  describe_parts(f);
}

std::unique_ptr<DataSource> SphereClassesDataOptions::make() const {
  const Tensor means = drawn_means(*this);
  return make_parts(Task::classification, "data/sphere_classes",
                    [&](std::string_view, std::int64_t size, const Rng& rng) {
                      return std::make_shared<SphereClasses>(size, *this, means, rng);
                    });
}

}  // namespace tempera
