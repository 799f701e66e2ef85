// What a forward pass needs to know besides its input: the tape, the parameters on it, whether it trains, and the
// random streams.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "core/tape.h"
#include "layers/module.h"

namespace tempera {

// Sees the weights of every attention that runs, and what passes between parts: for pictures and diagnosis.
class WeightsObserver {
 public:
  virtual ~WeightsObserver() = default;
  // `path` names the attention; weights [B, H, N, M], row i: how query i weighs the keys.
  virtual void see(std::string_view path, const Tensor& weights) = 0;
  // How little evidence the scores of each query are, [B, H, N, 1] (attention/normalizers/credal.h), whatever the
  // normalizer makes of them; shown before the weights to those that want it.
  virtual bool wants_vacuity() const { return false; }
  virtual void vacuity(std::string_view /*path*/, const Tensor& /*values*/) {}
  // The output of a block, and what enters the last matrix of an MLP; [.., features].
  virtual void activations(std::string_view /*path*/, const Tensor& /*values*/) {}
};

// A loss that parts of a model add to that of its head: a regulariser of attention, the balance of a gate.
struct PartLoss {
  std::string_view name;
  Var weighted;      // sum over the parts of weight x loss
  double total = 0;  // sum over the parts of the loss
  int parts = 0;
};

class Context {
 public:
  // For training; set_gradients() says where the gradients go.
  Context(Tape& tape, const Parameters& parameters, const Rng& rng);
  // For evaluation: nothing is recorded for the parameters, dropout is off.
  Context(Tape& tape, const Parameters& parameters);

  // The flat buffer of the layout of `parameters` that receives the gradients of the next step.
  void set_gradients(Tensor gradients);

  // Starts a step: forgets the tape and binds the parameters anew. `first_sample` is the place of the shard's first
  // sample in the whole batch; random draws are made by place in the batch, so that they do not depend on the cut.
  void begin(std::uint64_t step, Index first_sample);

  // The same on top of what the tape holds, with the caller's Vars in place of the parameters, in their order: for
  // derivatives with respect to parameters by other means, such as the gradient check.
  void bind(std::span<const Var> parameters);

  // The parameter as a Var of this tape; an undefined Var where it is absent. Bound once a step.
  const Var& operator[](const Parameter& parameter);

  // For evaluation while the parameters stay as they are, as in decoding: matrices are prepared for their products once
  // (core/ops/frozen_weights.h). Results keep their bits.
  void freeze();
  // The same with what is prepared in the tape of another frozen context for the same parameters.
  void freeze(const Context& like);
  // Parameters one below the other, as one Var; while frozen, made once. Undefined where the first is absent.
  Var joined(std::span<const Parameter* const> parameters);

  Tape& tape() { return tape_; }
  DType dtype() const { return parameters_.dtype(); }
  bool training() const { return training_; }
  // The stream of a module's random draws at this step, e.g. rng("dropout") inside a named Scope: the name is the
  // tape's path and `use`.
  Rng rng(std::string_view use) const;
  Index first_sample() const { return first_sample_; }

  // A part's own loss, a Var of one element: the mean over the samples at hand. Training minimises the head's loss plus
  // the mean of weight x loss over the parts that give one of this name, so a weight means the same at any depth; the
  // metric of that name is the mean loss itself. The part says the name in Module::loss_names(). Outside of training
  // nothing happens. A block that is recomputed refuses it. `name`
  // must outlive the step.
  void add_loss(std::string_view name, const Var& loss, double weight);
  // Those of this step so far.
  std::span<const PartLoss> part_losses() const { return part_losses_; }
  int losses_added() const { return losses_added_; }  // calls of add_loss

  // While an observer is set, each attention computes its weights once more by the definition and shows them. They take
  // N x M memory, so it is for single passes, never for training. Null: nobody looks.
  void observe_weights(WeightsObserver* observer) { observer_ = observer; }
  WeightsObserver* weights_observer() const { return observer_; }

 private:
  Tape& tape_;
  const Parameters& parameters_;
  Tensor gradients_;
  Rng rng_;
  bool training_;
  Index first_sample_ = 0;
  WeightsObserver* observer_ = nullptr;
  std::vector<Var> bound_;
  bool frozen_ = false;
  std::vector<std::pair<const Parameter*, Tensor>> joined_;  // by the first of them
  std::vector<PartLoss> part_losses_;
  int losses_added_ = 0;
};

// Runs a part under its name, which leads the path of all it records: run(context, "norm1", norm1, x).
template <class Part, class... Inputs>
auto run(Context& context, std::string_view name, const Part& part, Inputs&&... inputs) {
  const Tape::Scope scope(context.tape(), name);
  return part.forward(context, std::forward<Inputs>(inputs)...);
}

}  // namespace tempera
