#include "train/optimizer/muon.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/product.h"
#include "train/optimizer/adam.h"
#include "train/optimizer/update.h"

namespace tempera {
namespace {

// X <- a X + (b A + c A A) X with A = X X^T, for a matrix with rows <= cols.
template <class T>
class NewtonSchulz {
 public:
  NewtonSchulz(const kernels::Team& team, Index rows, Index cols)
      : team_(team),
        rows_(rows),
        cols_(cols),
        a_(square()),
        aa_(square()),
        next_(Tensor::empty({rows, cols}, dtype_of<T>(), team.pool)) {}

  void iterate(T* x) {
    using kernels::Transpose;
    T *a = a_.data<T>(), *aa = aa_.data<T>(), *next = next_.data<T>();
    kernels::product<T>(team_, rows_, rows_, cols_, 1, {x, cols_}, {x, cols_, Transpose::yes}, 0, a, rows_);
    kernels::product<T>(team_, rows_, rows_, rows_, 1, {a, rows_}, {a, rows_}, 0, aa, rows_);
    for (Index i = 0; i < rows_ * rows_; ++i) aa[i] = T(-4.7750) * a[i] + T(2.0315) * aa[i];
    kernels::product<T>(team_, rows_, cols_, rows_, 1, {aa, rows_}, {x, cols_}, 0, next, cols_);
    for (Index i = 0; i < rows_ * cols_; ++i) x[i] = T(3.4445) * x[i] + next[i];
  }

 private:
  Tensor square() const { return Tensor::empty({rows_, rows_}, dtype_of<T>(), team_.pool); }
  kernels::Team team_;
  Index rows_, cols_;
  Tensor a_, aa_, next_;
};

class Muon : public Optimizer {
 public:
  Muon(const MuonOptions& options, std::vector<Segment> segments)
      : Optimizer(std::move(segments), {"first_moment", "second_moment"}), o_(options) {
    AdamWOptions adam;
    adam.betas = o_.betas;
    adam.weight_decay = o_.weight_decay;
    adam_ = adam;
    for (Segment segment : segments_) {
      if (segment.hidden_matrix) {
        matrices_.push_back(segment);
      } else {
        segment.lr_factor *= o_.adam_lr_factor;
        others_.push_back(segment);
      }
    }
  }

 private:
  void update(Tensor& values, const Tensor& gradients, const StepInfo& info) override {
    update_adam(adam_, others_, values, gradients, state_[0], state_[1], info);
    dispatch(values.dtype(), [&]<class T>(Type<T>) {
      for (const Segment& segment : matrices_)
        if (segment.size > 0) update_matrix<T>(segment, values, gradients, info);
    });
  }

  template <class T>
  void update_matrix(const Segment& s, Tensor& values, const Tensor& gradients, const StepInfo& info) {
    // The wide way round: a tall matrix is read by columns.
    const bool tall = s.rows > s.cols;
    const Index rows = std::min(s.rows, s.cols), cols = std::max(s.rows, s.cols);
    const Index step_row = tall ? 1 : s.cols, step_col = tall ? s.cols : 1;
    Tensor update = Tensor::empty({rows, cols}, dtype_of<T>(), pool_);
    T *p = values.data<T>() + s.offset, *m = state_[0].data<T>() + s.offset, *u = update.data<T>();
    const auto mu = static_cast<T>(o_.momentum), rest = static_cast<T>(1 - o_.momentum);
    const auto rule_of = [&](const Segment&) {
      return [=](auto&, auto gradient, auto& momentum) { momentum = momentum * mu + gradient * rest; };
    };
    detail::update_segments<T, 1>({&s, 1}, values.data<T>(), gradients.data<T>(), {state_[0].data<T>()}, info, rule_of);
    const T* g = gradients.data<T>() + s.offset;
    const T scale = static_cast<T>(info.gradient_scale), limit = static_cast<T>(info.gradient_limit);
    double squares = 0;
    for (Index row = 0; row < rows; ++row)
      for (Index col = 0; col < cols; ++col) {
        const Index i = row * step_row + col * step_col;
        const T x = o_.nesterov ? rest * std::clamp(scale * g[i], -limit, limit) + mu * m[i] : m[i];
        u[row * cols + col] = x;
        squares += static_cast<double>(x) * static_cast<double>(x);
      }
    const auto inverse = static_cast<T>(1 / std::max(std::sqrt(squares), 1e-7));
    for (Index i = 0; i < s.size; ++i) u[i] *= inverse;
    NewtonSchulz<T> iteration({info.threads, pool_}, rows, cols);
    for (int i = 0; i < o_.iterations; ++i) iteration.iterate(u);
    const double lr = info.lr * s.lr_factor;
    const auto rate =
        static_cast<T>(lr * std::sqrt(std::max(1.0, static_cast<double>(s.rows) / static_cast<double>(s.cols))));
    const auto shrink = static_cast<T>(1 - lr * (s.decay ? o_.weight_decay : 0));
    for (Index row = 0; row < rows; ++row)
      for (Index col = 0; col < cols; ++col) {
        T& value = p[row * step_row + col * step_col];
        value = value * shrink - rate * u[row * cols + col];
      }
  }

  MuonOptions o_;
  AdamWOptions adam_;
  std::vector<Segment> matrices_, others_;
  std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
};

}  // namespace

void MuonOptions::describe(Fields& f) {
  f("momentum", momentum, "share of the last momentum that is kept", from_up_to(0, 1));
  f("nesterov", nesterov, "look ahead along the momentum");
  f("iterations", iterations, "steps of the Newton-Schulz iteration", between(1, 20));
  f("weight_decay", weight_decay, "shrinks the parameters by lr * weight_decay each step", at_least(0));
  f("adam_lr_factor", adam_lr_factor, "learning rate of the AdamW part, relative to lr", above(0));
  f("betas", betas, "betas of the AdamW part", from_up_to(0, 1));
}

std::vector<Problem> MuonOptions::problems() const {
  if (betas.size() != 2) return {{"betas", "two numbers were wanted, as in [0.9, 0.95]"}};
  return {};
}

std::unique_ptr<Optimizer> MuonOptions::make_checked(std::vector<Segment> segments) const {
  return std::make_unique<Muon>(*this, std::move(segments));
}

}  // namespace tempera
