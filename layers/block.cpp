#include "layers/block.h"

#include "core/ops/elementwise.h"
#include "core/recompute.h"
#include "layers/dropout.h"

namespace tempera {
namespace {

std::unique_ptr<Norm> norm_of(const TransformerOptions& o) {
  return make_norm(o.norm, o.d_model, o.norm_eps, o.bias);
}

}  // namespace

Block::Block(const TransformerOptions& o, int layers, std::unique_ptr<TokenMixer> attention_,
             std::unique_ptr<TokenMixer> cross_)
    : attention(std::move(attention_)),
      cross(std::move(cross_)),
      norm1(norm_of(o)),
      norm2(norm_of(o)),
      norm3(cross ? norm_of(o) : nullptr),
      mlp(o.d_model, {o.mlp, o.mlp_hidden, o.bias, o.init(), o.residual_init(layers)}),
      dropout(o.dropout),
      pre_norm(o.pre_norm),
      recompute(o.recompute) {
  require(attention != nullptr, "Block", "there is nothing to mix tokens with; give it an attention");
  if (o.attention_norm) {
    attention_norm = norm_of(o);
    if (cross) cross_norm = norm_of(o);
  }
  if (!o.layer_scale) return;
  const Init init = Init::constant(*o.layer_scale);
  scale1 = Parameter({o.d_model}, init, false);
  scale2 = Parameter({o.d_model}, init, false);
  if (cross) scale3 = Parameter({o.d_model}, init, false);
}

void Block::visit(ParameterVisitor& v) {
  v("norm1", norm1);
  v("attention", attention);
  v("norm2", norm2);
  v("cross_attention", cross);
  v("norm3", norm3);
  v("mlp", mlp);
  v("attention_norm", attention_norm);
  v("cross_norm", cross_norm);
  v("scale1", scale1);
  v("scale2", scale2);
  v("scale3", scale3);
}

Block::Branch Block::branch(int place) const {
  switch (place) {
    case 1: return {"norm1", "dropout1", norm1.get(), &scale1};
    case 2: return {"norm2", "dropout2", norm2.get(), &scale2};
    default: return {"norm3", "dropout3", norm3.get(), &scale3};
  }
}

template <class F>
Var Block::residual(Context& context, const Var& x, const Branch& branch, const F& f) const {
  Var h = f(pre_norm ? run(context, branch.norm_name, *branch.norm, x) : x);
  if (branch.scale->exists()) h = h * context[*branch.scale];
  const Var y = x + drop(context, h, dropout, branch.dropout_name);
  return pre_norm ? y : run(context, branch.norm_name, *branch.norm, y);
}

struct Block::State : MixerState {
  void reorder(std::span<const Index> rows) override {
    own->reorder(rows);
    if (across) across->reorder(rows);
  }
  std::unique_ptr<MixerState> own, across;
};

template <class Attend, class Cross>
Var Block::through(Context& context, const Var& x, const Attend& attend, const Cross& attend_memory,
                   const std::optional<TokenRead>& read) const {
  const auto normed = [&](std::string_view name, const std::unique_ptr<Norm>& norm, const Var& h) {
    return norm ? run(context, name, *norm, h) : h;
  };
  Var y = residual(context, x, branch(1),
                   [&](const Var& h) { return normed("attention_norm", attention_norm, attend(h)); });
  if (cross)
    y = residual(context, y, branch(2),
                 [&](const Var& h) { return normed("cross_norm", cross_norm, attend_memory(h)); });
  if (read) y = pool(context, y, read->lengths, read->pooling);
  return residual(context, y, branch(cross ? 3 : 2), [&](const Var& h) { return run(context, "mlp", mlp, h); });
}

Var Block::forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory,
                   const Tensor& memory_lengths, const std::optional<TokenRead>& read) const {
  require(!cross || memory.defined(), "Block", "the cross attention has no memory to read; encode the source first");
  const auto whole = [this, &context, sequences, memory_lengths, read](const Var& in, const Var& other) {
    const auto attend = [&](const Var& h) { return run(context, "attention", *attention, h, sequences); };
    const auto attend_memory = [&](const Var& h) {
      return run(context, "cross_attention", *cross, h, Sequences{.lengths = sequences.lengths}, other, memory_lengths);
    };
    return through(context, in, attend, attend_memory, read);
  };
  if (!recompute || !context.training()) return whole(x, memory);
  const int losses = context.losses_added();
  const Var y = memory.defined()
                    ? tempera::recompute([whole](std::span<const Var> in) { return whole(in[0], in[1]); }, {x, memory})
                    : tempera::recompute([whole](std::span<const Var> in) { return whole(in[0], {}); }, {x});
  require(
      context.losses_added() == losses, "Block",
      "a part added a loss of its own, which a block that is recomputed cannot carry; set recompute to false, or the "
      "weight of that loss to 0");
  return y;
}

std::unique_ptr<MixerState> Block::make_state(Index batch, Index capacity, DType dtype, const Tensor& memory) const {
  auto state = std::make_unique<State>();
  state->own = attention->make_state(batch, capacity, dtype);
  if (cross) state->across = cross->make_cross_state(memory);
  return state;
}

Var Block::step(Context& context, const Var& x, MixerState& base, const Sequences& sequences, const Var& memory,
                const Tensor& memory_lengths) const {
  State& state = dynamic_cast<State&>(base);
  const auto attend = [&](const Var& h) {
    const Tape::Scope scope(context.tape(), "attention");
    return attention->step(context, h, *state.own, sequences);
  };
  const auto attend_memory = [&](const Var& h) {
    const Tape::Scope scope(context.tape(), "cross_attention");
    return state.across ? cross->cross_step(context, h, *state.across, {}, memory, memory_lengths)
                        : cross->forward(context, h, {}, memory, memory_lengths);
  };
  return through(context, x, attend, attend_memory);
}

Stack::Stack(const TransformerOptions& o, const MixerFactory& mixers, const MixerPlace& first) {
  for (int i = first.layer; i < first.layer + o.n_layers; ++i) {
    std::unique_ptr<TokenMixer> attention = mixers({i, first.causal, false});
    std::unique_ptr<TokenMixer> cross = first.cross ? mixers({i, false, true}) : nullptr;
    blocks.push_back(std::make_unique<Block>(o, o.n_layers, std::move(attention), std::move(cross)));
  }
  if (o.pre_norm) norm = norm_of(o);
}

void Stack::visit(ParameterVisitor& v) {
  v("blocks", blocks);
  v("norm", norm);
}

template <class F>
Var Stack::each(Context& context, Var x, const F& f) const {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Tape::Scope scope(context.tape(), "blocks." + std::to_string(i));
    x = f(i, x);
    if (context.weights_observer()) context.weights_observer()->activations(context.tape().path(), x.value());
  }
  return norm ? run(context, "norm", *norm, x) : x;
}

Var Stack::forward(Context& context, Var x, const Sequences& sequences, const Var& memory, const Tensor& memory_lengths,
                   const std::optional<TokenRead>& read) const {
  if (read && blocks.empty()) x = pool(context, x, read->lengths, read->pooling);
  return each(context, std::move(x), [&](std::size_t i, const Var& in) {
    return blocks[i]->forward(context, in, sequences, memory, memory_lengths,
                              i + 1 == blocks.size() ? read : std::nullopt);
  });
}

Stack::States Stack::make_states(Index batch, Index capacity, DType dtype, const Tensor& memory) const {
  States states;
  for (const auto& block : blocks) states.push_back(block->make_state(batch, capacity, dtype, memory));
  return states;
}

Var Stack::step(Context& context, Var x, States& states, const Sequences& sequences, const Var& memory,
                const Tensor& memory_lengths) const {
  return each(context, std::move(x), [&](std::size_t i, const Var& in) {
    return blocks[i]->step(context, in, *states[i], sequences, memory, memory_lengths);
  });
}

}  // namespace tempera
