#include "layers/context.h"

#include <algorithm>
#include <array>

#include "core/ops/concat.h"
#include "core/ops/elementwise.h"
#include "core/ops/frozen_weights.h"

namespace tempera {

Context::Context(Tape& tape, const Parameters& parameters, const Rng& rng)
    : tape_(tape), parameters_(parameters), rng_(rng), training_(true), bound_(parameters.entries().size()) {}

Context::Context(Tape& tape, const Parameters& parameters)
    : tape_(tape), parameters_(parameters), rng_(0, "none"), training_(false), bound_(parameters.entries().size()) {}

void Context::set_gradients(Tensor gradients) {
  require(
      !gradients.defined() || (gradients.size() == parameters_.flat_size() && gradients.dtype() == parameters_.dtype()),
      "Context", "the gradient buffer is {}, but the parameters are {}", gradients, parameters_.flat());
  gradients_ = std::move(gradients);
}

void Context::begin(std::uint64_t step, Index first_sample) {
  require(!training_ || gradients_.defined(), "Context",
          "there is no gradient buffer; call set_gradients() before begin()");
  for (Var& var : bound_) var = Var();
  part_losses_.clear();
  losses_added_ = 0;
  tape_.reset();
  tape_.set_step(static_cast<std::int64_t>(step));
  rng_ = rng_.at_step(step);
  first_sample_ = first_sample;
  // All parameters are bound before the first operation: one that takes no part still gets its zero gradient.
  for (const Parameters::Entry& entry : parameters_.entries()) {
    const Parameter& parameter = *entry.parameter;
    bound_[static_cast<std::size_t>(parameter.index)] =
        training_ && parameter.trainable ? tape_.parameter(parameter.value, parameters_.view(gradients_, entry))
                                         : tape_.constant(parameter.value);
  }
}

void Context::bind(std::span<const Var> parameters) {
  require(parameters.size() == bound_.size(), "Context::bind", "{} Vars came for {} parameters", parameters.size(),
          bound_.size());
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    const Shape& wanted = parameters_.entries()[i].parameter->shape;
    require(parameters[i].shape() == wanted, "Context::bind", "the Var for '{}' is {}; {} was wanted",
            parameters_.entries()[i].name, parameters[i].shape(), wanted);
    bound_[i] = parameters[i];
  }
}

const Var& Context::operator[](const Parameter& parameter) {
  static const Var kAbsent;
  if (!parameter.exists()) return kAbsent;
  require(parameter.index >= 0 && bound_[static_cast<std::size_t>(parameter.index)].defined(), "Context",
          "a parameter of shape {} is not bound; call begin(), and collect the module with Parameters",
          parameter.shape);
  return bound_[static_cast<std::size_t>(parameter.index)];
}

void Context::freeze() {
  require(!training_, "Context", "a context that trains changes its parameters; freeze one for evaluation");
  frozen_ = true;
  FrozenWeights& weights = tape_.workspace<FrozenWeights>();
  weights.clear();
  for (const Parameters::Entry& entry : parameters_.entries())
    if (entry.parameter->shape.rank() == 2) weights.add(entry.parameter->value);
}

void Context::freeze(const Context& like) {
  require(like.frozen_ && &like.parameters_ == &parameters_, "Context",
          "what to share is not frozen, or has other parameters; freeze() this one by itself");
  frozen_ = true;
  tape_.workspace<FrozenWeights>() = like.tape_.workspace<FrozenWeights>();
  joined_ = like.joined_;
}

Var Context::joined(std::span<const Parameter* const> parameters) {
  if (!parameters[0]->exists() || parameters.size() == 1) return (*this)[*parameters[0]];
  const auto known = std::find_if(joined_.begin(), joined_.end(), [&](auto& x) { return x.first == parameters[0]; });
  if (known != joined_.end()) return tape_.constant(known->second);
  std::array<Var, 4> vars;
  require(parameters.size() <= vars.size(), "Context::joined", "{} parameters came; at most {} were wanted",
          parameters.size(), vars.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) vars[i] = (*this)[*parameters[i]];
  const Var all = concat(std::span<const Var>(vars).first(parameters.size()), 0);
  if (!frozen_) return all;
  const Tensor kept = all.value().clone();
  joined_.emplace_back(parameters[0], kept);
  if (kept.rank() == 2) tape_.workspace<FrozenWeights>().add(kept);
  return tape_.constant(kept);
}

void Context::add_loss(std::string_view name, const Var& loss, double weight) {
  if (!training_) return;
  require(loss.size() == 1, "Context::add_loss", "the loss '{}' has the shape {}; one element was wanted", name,
          loss.shape());
  ++losses_added_;
  const Var weighted = loss * weight;
  for (PartLoss& known : part_losses_) {
    if (known.name != name) continue;
    known.weighted = known.weighted + weighted;
    known.total += loss.value().item();
    ++known.parts;
    return;
  }
  part_losses_.push_back({name, weighted, loss.value().item(), 1});
}

Rng Context::rng(std::string_view use) const {
  return rng_.sub(tape_.path()).sub(use);
}

}  // namespace tempera
