#include "train/continual/ewc.h"

#include "data/sampler.h"
#include "train/continual/continual_learner.h"

namespace tempera {
namespace {

class Ewc final : public ContinualMethod {
 public:
  Ewc(const EwcOptions& options, const MethodPlace& place)
      : options_(options), place_(place), penalty_(place.parameters.flat_size(), place.parameters.dtype()) {}

  void add_gradient(Tensor& gradient) override {
    penalty_.add_gradient(place_.parameters.flat(), options_.lambda, gradient);
  }

  void end_task(Index task) override {
    penalty_.add(fisher(task), place_.parameters.flat(), options_.online ? options_.gamma : 1, options_.online);
  }

  Learner::State state() override { return penalty_.state(); }

 private:
  Tensor fisher(Index task) const {
    const StreamTask& part = place_.stream.tasks[static_cast<std::size_t>(task)];
    const std::int64_t count = options_.samples > 0 ? std::min(options_.samples, part.size) : part.size;
    std::vector<std::int64_t> ids;
    spread_samples(part.size, count, 0, count, ids);
    Tape tape;
    Context context(tape, place_.parameters, Rng(place_.seed, "continual/ewc"));
    Tensor gradient = place_.parameters.make_flat(), total = place_.parameters.make_flat();
    Batch batch;
    for (Index i = 0; i < count; ++i) {
      const std::int64_t sample = part.first + ids[static_cast<std::size_t>(i)];
      place_.stream.train->fill(std::span(&sample, 1), batch);
      context.set_gradients(gradient);
      context.begin(static_cast<std::uint64_t>(task), i);
      tape.backward(place_.learner.stream_loss(context, batch, task));
      dispatch(total.dtype(),
               [&]<class T>(Type<T>) { total.vec<T>() += gradient.vec<T>().square() / static_cast<T>(count); });
    }
    return total;
  }

  EwcOptions options_;
  MethodPlace place_;
  QuadraticPenalty penalty_;
};

}  // namespace

QuadraticPenalty::QuadraticPenalty(Index size, DType dtype)
    : curvature_(Tensor::zeros({size}, dtype)), pull_(Tensor::zeros({size}, dtype)) {}

void QuadraticPenalty::add(const Tensor& fisher, const Tensor& weights, double keep, bool move) {
  dispatch(fisher.dtype(), [&]<class T>(Type<T>) {
    const auto f = fisher.vec<T>();
    const auto w = weights.vec<T>();
    curvature_.vec<T>() = static_cast<T>(keep) * curvature_.vec<T>() + f;
    if (move) pull_.vec<T>() = curvature_.vec<T>() * w;
    else pull_.vec<T>() += f * w;
  });
}

double QuadraticPenalty::value(const Tensor& weights) const {
  double sum = 0;
  for (Index i = 0; i < weights.size(); ++i)
    sum += weights.at(i) * (curvature_.at(i) * weights.at(i) / 2 - pull_.at(i));
  return sum;
}

void QuadraticPenalty::add_gradient(const Tensor& weights, double factor, Tensor& gradient) const {
  dispatch(gradient.dtype(), [&]<class T>(Type<T>) {
    gradient.vec<T>() += static_cast<T>(factor) * (curvature_.vec<T>() * weights.vec<T>() - pull_.vec<T>());
  });
}

void EwcOptions::describe(Fields& f) {
  f("lambda", lambda, "factor of the penalty", at_least(0));
  f("online", online, "one penalty at the latest weights, in place of one for each task");
  f("gamma", gamma, "what is left of the earlier Fisher information after a task; online", between(0, 1));
  f("samples", samples, "of a task that its Fisher information is taken from; 0: all", at_least(0));
}

std::vector<Problem> EwcOptions::problems() const {
  if (online || gamma == 1) return {};
  return {{"gamma", fmt::format("{} came, but only the online form forgets; set online: true", gamma)}};
}

std::unique_ptr<ContinualMethod> EwcOptions::make(const MethodPlace& place) const {
  return std::make_unique<Ewc>(*this, place);
}

}  // namespace tempera
