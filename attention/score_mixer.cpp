#include "attention/score_mixer.h"

#include <cmath>
#include <cstring>

#include "attention/normalizers.h"
#include "core/ops/concat.h"
#include "core/ops/elementwise.h"
#include "core/ops/matmul.h"
#include "core/ops/slice.h"
#include "layers/rows_of.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "attention";

const NormalizerOptions& normalizer_options(const ScoreMixerOptions& options) {
  return options.normalizer.as<NormalizerOptions>();
}

// Tokens [B, n, K D] into rows from `row` on of a cache [B, K, room, D].
void put(const Tensor& tokens, Tensor& cache, Index row) {
  const Index n = tokens.dim(1), heads = cache.dim(1), width = cache.dim(3);
  dispatch(cache.dtype(), [&]<class T>(Type<T>) {
    const T* from = tokens.data<T>();
    for (Index b = 0; b < cache.dim(0); ++b)
      for (Index i = 0; i < n; ++i)
        for (Index h = 0; h < heads; ++h, from += width)
          std::copy_n(from, width, cache.data<T>() + ((b * heads + h) * cache.dim(2) + row + i) * width);
  });
}

// Rows [first, first + count) of every head to the front.
void move_to_front(Tensor& cache, Index first, Index count) {
  const auto width = static_cast<Index>(byte_size(cache.dtype())) * cache.dim(3);
  auto* bytes = static_cast<std::byte*>(cache.raw());
  for (Index head = 0; head < cache.dim(0) * cache.dim(1); ++head) {
    std::byte* const own = bytes + head * cache.dim(2) * width;
    std::memmove(own, own + first * width, static_cast<std::size_t>(count * width));
  }
}

}  // namespace

struct ScoreMixer::State : MixerState {
  void reorder(std::span<const Index> rows) override {
    keys = rows_of(keys, rows);
    values = rows_of(values, rows);
  }

  Tensor keys, values;  // [B, K, room, D]
  Index capacity = 0;
  Index tokens = 0;  // that went before
  Index first = 0;   // position of row 0
};

ScoreMixerOptions::ScoreMixerOptions()
    : normalizer(normalizer_kinds(), "softmax"), positions(position_kinds(), "none") {}

void ScoreMixerOptions::describe(Fields& f) {
  MultiHeadOptions::describe(f);
  f("normalizer", normalizer, "how scores become weights");
  f("positions", positions, "how positions enter the scores");
  std::vector<std::string_view> kernels(attention_kernel_names().begin(), attention_kernel_names().end());
  f("kernel", kernel, "how it is computed; `reference` keeps whole matrices", one_of(std::move(kernels)));
  f("scale", scale, "of the scores; null: 1 / sqrt(head width)");
  f("window", window, "tokens that a token sees: the last ones if causal, on either side otherwise; 0: all",
    at_least(0));
}

AttentionTraits ScoreMixerOptions::traits() const {
  return {.time = window > 0 ? 1. : 2., .memory = kernel == "reference" ? 2. : 1.};
}

std::unique_ptr<TokenMixer> ScoreMixerOptions::make(const AttentionPlace& place) const {
  return std::make_unique<ScoreMixer>(*this, place);
}

ScoreMixer::ScoreMixer(const ScoreMixerOptions& options, const AttentionPlace& place)
    : MultiHead(options, place),
      normalizer_(normalizer_options(options).make(heads())),
      kernel_(attention_kernel(options.kernel)),
      scale_(options.scale.value_or(1 / std::sqrt(static_cast<double>(width())))),
      window_(options.window),
      cross_(place.cross) {
  const auto& positions = options.positions.as<PositionOptions>();
  if (cross_) return;
  bias_ = positions.bias(heads(), place.causal);
  rotation_ = positions.rotation(width());
}

void ScoreMixer::visit(ParameterVisitor& v) {
  MultiHead::visit(v);
  v("normalizer", normalizer_);
  v("positions", bias_);
}

ScoreAttention ScoreMixer::how(Context& context, const Visibility& visibility, bool cross) const {
  ScoreAttention how;
  how.normalizer = normalizer_.get();
  how.normalizer_parameters = normalizer_->vars(context);
  if (bias_ && !cross) {
    how.bias = bias_.get();
    how.bias_parameters = bias_->vars(context);
  }
  how.visibility = visibility;
  how.scale = scale_;
  how.training = context.training();
  how.kernel = kernel_;
  return how;
}

Var ScoreMixer::forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory,
                        const Tensor& memory_lengths) const {
  require(cross_ == memory.defined(), kWho, "{}",
          cross_ ? "a cross attention came without a memory to read"
                 : "a memory came, but this attention reads its own input");
  const Packed packed = cross_ ? project(context, x, memory) : project(context, x, {}, rotation_, sequences.start);
  const Visibility visibility = cross_
                                    ? Visibility{.lengths = memory_lengths}
                                    : Visibility{sequences.lengths, sequences.causal, window_, sequences.prefix, 0, 0};
  const ScoreAttention call = how(context, visibility, cross_);
  if (context.weights_observer()) show_weights(context, packed, call);
  return finish(context, packed_score_attention(packed.span(), heads(), kv_heads(), call));
}

void ScoreMixer::show_weights(Context& context, const Packed& packed, const ScoreAttention& call) const {
  const Tape::Pause pause(context.tape());
  const auto [q, k, v] = unpack(packed);
  const Var scores = matmul(by_heads(q), repeated(by_heads(k)), Transpose::no, Transpose::yes) * scale_;
  context.weights_observer()->see(context.tape().path(), attention_weights(scores, call).value());
}

std::unique_ptr<MixerState> ScoreMixer::make_state(Index batch, Index capacity, DType dtype) const {
  require(!cross_, kWho, "a cross attention keeps no state; it reads its memory in every step");
  auto state = std::make_unique<State>();
  const Index room = window_ > 0 ? std::min(capacity, 2 * window_) : capacity;
  state->keys = Tensor::zeros({batch, kv_heads(), room, width()}, dtype);
  state->values = Tensor::zeros({batch, kv_heads(), room, width()}, dtype);
  state->capacity = capacity;
  return state;
}

// At most a window of tokens at a time, so that two windows of rows are enough.
Var ScoreMixer::attend_cached(Context& context, const std::array<Var, 3>& qkv, State& state, Index prefix) const {
  const Index n = qkv[0].dim(1), room = state.keys.dim(2);
  if (state.tokens - state.first + n > room) {
    const Index kept = std::min(window_ - 1, state.tokens - state.first);
    move_to_front(state.keys, state.tokens - state.first - kept, kept);
    move_to_front(state.values, state.tokens - state.first - kept, kept);
    state.first = state.tokens - kept;
  }
  put(qkv[1].value(), state.keys, state.tokens - state.first);
  put(qkv[2].value(), state.values, state.tokens - state.first);
  const Visibility visibility{{}, true, window_, prefix, state.tokens, state.first};
  state.tokens += n;
  Tape& tape = context.tape();
  return tape.constant(cached_score_attention(tape, qkv[0].value(), state.keys, state.values,
                                              state.tokens - state.first, heads(), how(context, visibility, false)));
}

Var ScoreMixer::step(Context& context, const Var& x, MixerState& mixer_state, const Sequences& sequences) const {
  State& state = dynamic_cast<State&>(mixer_state);
  const Index n = x.dim(1);
  require(sequences.causal && !sequences.lengths.defined(), kWho,
          "decoding wants causal sequences without lengths of their own; decode sequences of one length together");
  require(sequences.start == state.tokens, kWho, "the step starts at token {}, but the state holds {}", sequences.start,
          state.tokens);
  require(state.tokens + n <= state.capacity && x.dim(0) == state.keys.dim(0), kWho,
          "{} tokens for {} sequences came on top of {}; the state has room for {} tokens of {} sequences", n, x.dim(0),
          state.tokens, state.capacity, state.keys.dim(0));
  require(window_ == 0 || sequences.prefix == 0, kWho, "a prefix came; a window does not decode one");
  const Tape::Pause pause(context.tape());
  const std::array<Var, 3> qkv = unpack(project(context, x, {}, rotation_, state.tokens));
  const Index most = window_ > 0 ? window_ : std::max<Index>(1, n);
  if (n <= most) return finish(context, attend_cached(context, qkv, state, sequences.prefix));
  std::vector<Var> pieces;
  for (Index at = 0; at < n; at += most) {
    const Index count = std::min(most, n - at);
    pieces.push_back(attend_cached(
        context, {slice(qkv[0], 1, at, count), slice(qkv[1], 1, at, count), slice(qkv[2], 1, at, count)}, state, 0));
  }
  return finish(context, concat(pieces, 1));
}

}  // namespace tempera
