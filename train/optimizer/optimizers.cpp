#include <cmath>

#include "core/error.h"
#include "core/kind_of.h"
#include "train/optimizer/adam.h"
#include "train/optimizer/lion.h"
#include "train/optimizer/muon.h"
#include "train/optimizer/optimizer.h"
#include "train/optimizer/sgd.h"
#include "train/parallel_tasks.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "optimizer";

}  // namespace

Optimizer::Optimizer(std::vector<Segment> segments, std::vector<std::string_view> states)
    : segments_(std::move(segments)), state_(states.size()), names_(std::move(states)) {}

void Optimizer::prepare(Index flat_size, DType dtype) {
  for (Tensor& state : state_) {
    if (!state.defined()) state = Tensor::zeros({flat_size}, dtype);
    require(state.size() == flat_size && state.dtype() == dtype, kWho,
            "the states are {}, but the parameters {} of {}; an optimizer belongs to one model", state, flat_size,
            dtype);
  }
}

std::vector<Optimizer::State> Optimizer::states() {
  std::vector<State> all;
  for (std::size_t i = 0; i < state_.size(); ++i) all.push_back({names_[i], &state_[i]});
  return all;
}

void Optimizer::step(Tensor& values, const Tensor& gradients, const StepInfo& info) {
  require(values.size() == gradients.size() && values.dtype() == gradients.dtype(), kWho,
          "the parameters are {}, but their gradients {}; both must have one layout", values, gradients);
  require(info.step >= 1, kWho, "step {} came; steps are counted from 1", info.step);
  Index end = 0;
  for (const Segment& s : segments_) {
    require(s.offset >= end, kWho,
            "a segment begins at {}, but the one before it ends at {}; they must come in order, as segments_of() gives "
            "them",
            s.offset, end);
    end = s.offset + s.size;
    require(end <= values.size(), kWho,
            "a segment [{}, {}) reaches beyond the {} parameters; make it with segments_of() of this model", s.offset,
            end, values.size());
  }
  prepare(values.size(), values.dtype());
  update(values, gradients, info);
}

std::unique_ptr<Optimizer> OptimizerOptions::make(std::vector<Segment> segments) const {
  for (const Problem& problem : problems()) fail(kWho, "{}: {}", problem.key, problem.message);
  return make_checked(std::move(segments));
}

std::span<const Kind> optimizer_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<SgdOptions>("sgd", "gradient descent with momentum"),
      kind_of<AdamOptions>("adam", "Adam (Kingma & Ba 2015)"),
      kind_of<AdamWOptions>("adamw", "Adam with decoupled weight decay (Loshchilov & Hutter 2019)"),
      kind_of<LionOptions>("lion", "sign of an interpolated momentum (Chen et al. 2023)"),
      kind_of<MuonOptions>("muon", "orthogonalised momentum for hidden matrices (Jordan et al. 2024)"),
  };
  return kKinds;
}

double GradientNorm::operator()(const Tensor& gradients, std::span<const Segment> segments, int threads) {
  sums_.resize(segments.size());
  dispatch(gradients.dtype(), [&]<class T>(Type<T>) {
    const T* g = gradients.data<T>();
    parallel_tasks(threads, 0, std::ssize(segments), [&](Index number) {
      const Segment& s = segments[static_cast<std::size_t>(number)];
      // Eight sums that the compiler keeps in vectors.
      std::array<double, 8>& sums = sums_[static_cast<std::size_t>(number)];
      sums.fill(0);
      const auto add = [&](Index i, std::size_t place) {
        const auto x = static_cast<double>(g[s.offset + i]);
        sums[place] += x * x;
      };
      Index i = 0;
      for (; i + 8 <= s.size; i += 8)
        for (std::size_t place = 0; place < 8; ++place) add(i + static_cast<Index>(place), place);
      for (std::size_t place = 0; i < s.size; ++i, ++place) add(i, place);
    });
  });
  double total = 0;
  for (const auto& sums : sums_)
    for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

double gradient_norm(const Tensor& gradients, std::span<const Segment> segments) {
  return GradientNorm()(gradients, segments);
}

}  // namespace tempera
