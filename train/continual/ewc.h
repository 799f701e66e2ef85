// Elastic weight consolidation (Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks").
//
// When task t is done, at weights w_t, the diagonal of its empirical Fisher information is
//
//   F_t = mean over samples of (d(-log p(y | x)) / dw)^2
//
// with the labels of the samples, and the loss (and mask) that the task was trained with. Later tasks are trained with
//
//   L + lambda / 2 sum over t of F_t (w - w_t)^2
//
// The sum needs two buffers for any number of tasks: its gradient is A w - b with A = sum F_t and b = sum F_t w_t. The
// online form (Schwarz et al. 2018, "Progress & compress") has one penalty, A (w - w_t)^2 at the latest w_t, with
// A <- gamma A + F_t. The reported loss is L alone. As the penalty is a part of the gradient, plain gradient descent
// diverges where lr lambda max A exceeds 2.
#pragma once

#include "train/continual/method.h"

namespace tempera {

struct EwcOptions : MethodOptions {
  double lambda = 10;
  bool online = false;
  double gamma = 1;
  std::int64_t samples = 500;
  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<ContinualMethod> make(const MethodPlace& place) const override;
};

// sum over i of A_i w_i^2 / 2 - b_i w_i: what the above is made of, but for a constant. All [n], of one dtype.
class QuadraticPenalty {
 public:
  QuadraticPenalty(Index size, DType dtype);
  // A <- keep A + fisher;  b <- (move ? A w : b + fisher w)
  void add(const Tensor& fisher, const Tensor& weights, double keep, bool move);
  double value(const Tensor& weights) const;
  // gradient += factor (A w - b)
  void add_gradient(const Tensor& weights, double factor, Tensor& gradient) const;
  Learner::State state() const { return {{"ewc.curvature", curvature_}, {"ewc.pull", pull_}}; }

 private:
  Tensor curvature_, pull_;  // A, b
};

}  // namespace tempera
