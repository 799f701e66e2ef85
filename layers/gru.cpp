#include "layers/gru.h"

#include "core/ops/gru.h"
#include "core/ops/linear.h"
#include "core/ops/slice.h"
#include "layers/rows_of.h"

namespace tempera {
namespace {

struct State : MixerState {
  void reorder(std::span<const Index> rows) override { h = rows_of(h, rows); }
  Tensor h;  // [B, d_model]
};

}  // namespace

GRU::GRU(Index d_model)
    : weight_ih({3 * d_model, d_model}, Init::fan_in(d_model)),
      bias_ih({3 * d_model}, Init::fan_in(d_model), false),
      weight_hh({3 * d_model, d_model}, Init::fan_in(d_model)),
      bias_hh({3 * d_model}, Init::fan_in(d_model), false) {}

void GRU::visit(ParameterVisitor& v) {
  v("weight_ih_l0", weight_ih);
  v("weight_hh_l0", weight_hh);
  v("bias_ih_l0", bias_ih);
  v("bias_hh_l0", bias_hh);
}

Var GRU::forward(Context& context, const Var& x, const Sequences&, const Var& memory, const Tensor&) const {
  require(!memory.defined(), "GRU", "it cannot read a memory; a cross attention is wanted there");
  return gru(linear(x, context[weight_ih], context[bias_ih]), context[weight_hh], context[bias_hh]);
}

std::unique_ptr<MixerState> GRU::make_state(Index batch, Index, DType dtype) const {
  auto state = std::make_unique<State>();
  state->h = Tensor::zeros({batch, weight_hh.shape[1]}, dtype);
  return state;
}

Var GRU::step(Context& context, const Var& x, MixerState& state, const Sequences&) const {
  Tensor& h = dynamic_cast<State&>(state).h;
  const Var gates = linear(x, context[weight_ih], context[bias_ih]);
  const Var y = gru(gates, context[weight_hh], context[bias_hh], context.tape().constant(h));
  if (x.dim(1) > 0) h.copy_from(slice(y, 1, x.dim(1) - 1, 1).value().reshaped(h.shape()));
  return y;
}

}  // namespace tempera
