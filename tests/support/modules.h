// What tests of modules share: the gradient check over all parameters, and a token mixer simple enough to be checked by
// eye.
#pragma once

#include <catch2/catch.hpp>
#include <optional>

#include "core/gradcheck.h"
#include "core/ops/matmul.h"
#include "core/ops/slice.h"
#include "layers/linear.h"
#include "layers/model.h"
#include "layers/rows_of.h"
#include "tests/support/twins.h"

namespace tempera {

using Pass = std::function<Var(Context&, std::span<const Var>)>;

// Moves parameters that start at a constant away from it: biases that are 0 hide errors.
inline void stir(Parameters& parameters, std::uint64_t seed = 5) {
  for (const Parameters::Entry& entry : parameters.entries()) {
    Tensor& value = entry.parameter->value;
    const Rng rng(seed, entry.name);
    for (Index i = 0; i < value.size(); ++i)
      value.set(i, value.at(i) + rng.uniform(static_cast<std::uint64_t>(i), -0.4, 0.4));
  }
}

// Gradients of f with respect to all parameters of the module and to the inputs, in float64.
inline void check_gradients(Module& module, const std::vector<Tensor>& inputs, const Pass& f, bool training = false,
                            Index max_entries = 0) {
  Parameters parameters(module, DType::float64, Rng(3, "module"));
  stir(parameters);
  GradcheckOptions options;
  options.max_entries = max_entries;
  std::vector<Tensor> all;
  for (const Parameters::Entry& entry : parameters.entries()) {
    all.push_back(entry.parameter->value);
    options.names.push_back(entry.name);
  }
  const std::size_t count = all.size();
  for (const Tensor& input : inputs) {
    all.push_back(input);
    options.names.push_back(fmt::format("input {}", options.names.size() - count));
  }
  std::optional<Context> context;  // outlives the call: recomputation uses it in the backward pass
  const GradcheckReport report = gradcheck(
      [&](std::span<const Var> x) {
        Tape& tape = x[0].tape();
        if (training) context.emplace(tape, parameters, Rng(3, "module"));
        else context.emplace(tape, parameters);
        context->bind(x.first(count));
        return f(*context, x.subspan(count));
      },
      all, options);
  INFO(report.table(module.type()));
  CHECK(report.ok);
}

// Mixes by means: output(mean of value(x) over the visible tokens).
struct MeanMixer : TokenMixer {
  explicit MeanMixer(Index d_model) : value(d_model, d_model), output(d_model, d_model) {}

  void visit(ParameterVisitor& v) override {
    v("value", value);
    v("output", output);
  }

  Var forward(Context& context, const Var& x, const Sequences& s, const Var& memory = {},
              const Tensor& memory_lengths = {}) const override {
    const bool cross = memory.defined();
    const Var v = run(context, "value", value, cross ? memory : x);
    const Tensor& lengths = cross ? memory_lengths : s.lengths;
    Tensor weights = context.tape().zeros({x.dim(0), x.dim(1), v.dim(1)}, x.dtype());
    for (Index b = 0; b < x.dim(0); ++b)
      for (Index i = 0; i < x.dim(1); ++i) {
        Index visible = lengths.defined() ? static_cast<Index>(lengths.at(b)) : v.dim(1);
        if (!cross && s.causal) visible = std::min(visible, std::max(i + 1, s.prefix));
        for (Index j = 0; j < visible; ++j)
          weights.set((b * x.dim(1) + i) * v.dim(1) + j, 1.0 / static_cast<double>(visible));
      }
    return run(context, "output", output, matmul(context.tape().constant(weights), v));
  }

  struct State : MixerState {
    void reorder(std::span<const Index> rows) override { sum = rows_of(sum, rows); }
    Tensor sum;  // [B, d_model]
  };
  std::unique_ptr<MixerState> make_state(Index batch, Index, DType dtype) const override {
    auto state = std::make_unique<State>();
    state->sum = Tensor::zeros({batch, value.weight.shape[0]}, dtype);
    return state;
  }
  Var step(Context& context, const Var& x, MixerState& state, const Sequences& s) const override {
    Tensor& sum = dynamic_cast<State&>(state).sum;
    const Tensor v = run(context, "value", value, x).value();
    Tensor means = context.tape().empty(v.shape(), v.dtype());
    const Index batch = v.dim(0), count = v.dim(1), width = v.dim(2);
    for (Index b = 0; b < batch; ++b)
      for (Index n = 0; n < count; ++n)
        for (Index j = 0; j < width; ++j) {
          sum.set(b * width + j, sum.at(b * width + j) + v.at((b * count + n) * width + j));
          means.set((b * count + n) * width + j, sum.at(b * width + j) / static_cast<double>(s.start + n + 1));
        }
    return run(context, "output", output, context.tape().constant(means));
  }

  Linear value, output;
};

inline MixerFactory mean_mixers(Index d_model) {
  return [d_model](const MixerPlace&) { return std::make_unique<MeanMixer>(d_model); };
}

inline Tensor tokens(const Shape& shape, std::initializer_list<std::int32_t> values) {
  return Tensor::from<std::int32_t>(shape, values);
}

inline Tensor random_tokens(const Shape& shape, std::uint64_t vocabulary, std::uint64_t seed) {
  Tensor all = Tensor::empty(shape, DType::int32);
  for (Index i = 0; i < all.size(); ++i)
    all.set(i, static_cast<double>(Rng(seed, "tokens").below(static_cast<std::uint64_t>(i), vocabulary)));
  return all;
}

// A model with parameters of its own, in evaluation.
struct Ready {
  explicit Ready(std::unique_ptr<Model> model_, DType dtype = DType::float64)
      : model(std::move(model_)), parameters(*model, dtype, Rng(3, "module")), context(tape, parameters) {
    stir(parameters);
    context.begin(0, 0);
  }
  Tensor features(const ModelInput& input) { return model->features(context, input).value().clone(); }

  std::unique_ptr<Model> model;
  Parameters parameters;
  Tape tape;
  Context context;
};

}  // namespace tempera
