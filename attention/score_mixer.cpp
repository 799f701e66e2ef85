#include "attention/score_mixer.h"

#include <cmath>

#include "attention/key_value_cache.h"
#include "attention/normalizers.h"
#include "attention/normalizers/credal.h"
#include "attention/row_loss.h"
#include "core/ops/broadcast_to.h"
#include "core/ops/concat.h"
#include "core/ops/elementwise.h"
#include "core/ops/matmul.h"
#include "core/ops/reshape.h"
#include "core/ops/slice.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "attention";

const NormalizerOptions& normalizer_options(const ScoreMixerOptions& options) {
  return options.normalizer.as<NormalizerOptions>();
}

}  // namespace

struct ScoreMixer::State : MixerState {
  State(const KeyValueCache::Sizes& sizes, DType dtype, KeyValueCache::Form form) : cache(sizes, dtype, form) {}
  void reorder(std::span<const Index> rows) override {
    cache.reorder(rows);
    if (beside) beside->reorder(rows);
  }

  KeyValueCache cache;
  std::optional<KeyValueCache> beside;  // of the context's output bias: its sink, then zeros for values
  Index capacity = 0;
  Index tokens = 0;  // that went before
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
  f("sink", sink, "adds a learned key and value per head, seen by every token");
  f("output_bias", output_bias, "a learned value per head is added to the output; context: times a sink's weight",
    one_of({"none", "fixed", "context"}));
}

AttentionTraits ScoreMixerOptions::traits() const {
  const NormalizerTraits own = normalizer_options(*this).make({})->traits();
  const bool matrices = kernel == "reference" || own.reach == NormalizerTraits::Reach::matrix;
  return {.causal = own.causal,
          .cross = own.causal,
          .ordered = own.ordered || window > 0 || positions.type() != "none",
          .time = window > 0 && !matrices ? 1. : own.time,
          .memory = matrices ? 2. : 1.};
}

std::vector<Problem> ScoreMixerOptions::problems() const {
  std::vector<Problem> found = MultiHeadOptions::problems();
  if (sink && window > 0) found.push_back({"sink", "a window would leave it behind; set one of the two"});
  if (output_bias == "context" && (window > 0 || sink))
    found.push_back({"output_bias", fmt::format("context has a sink of its own, which goes with no {}; set one of the "
                                                "two",
                                                sink ? "other" : "window")});
  // A normalizer with problems of its own tells them itself.
  if (!normalizer_options(*this).problems().empty() || normalizer_options(*this).make({})->traits().causal)
    return found;
  const auto refuse = [&](const char* key, const char* value) {
    found.push_back({key, fmt::format("the normalizer '{}' wants tokens that all see each other; set it to {}",
                                      normalizer.type(), value)});
  };
  if (window > 0) refuse("window", "0");
  if (sink) refuse("sink", "false");
  if (output_bias == "context") refuse("output_bias", "none or fixed");
  return found;
}

std::unique_ptr<TokenMixer> ScoreMixerOptions::make(const AttentionPlace& place) const {
  return std::make_unique<ScoreMixer>(*this, place);
}

ScoreMixer::ScoreMixer(const ScoreMixerOptions& options, const AttentionPlace& place)
    : MultiHead(options, place),
      normalizer_(normalizer_options(options).make({heads(), width(), place.d_model})),
      kernel_(attention_kernel(options.kernel)),
      window_(options.window),
      cross_(place.cross) {
  const NormalizerTraits traits = normalizer_->traits();
  require(traits.causal || !(place.causal || place.cross || window_ > 0 || options.sink), kWho,
          "the normalizer '{}' wants tokens that all see each other, but this attention {}; choose another one",
          options.normalizer.type(),
          place.cross    ? "reads a memory"
          : place.causal ? "is causal"
          : window_ > 0  ? "has a window"
                         : "has a sink");
  require(!options.sink || window_ == 0, kWho, "a window of {} would leave the sink behind; set one of the two",
          window_);
  if (options.sink) sink_ = std::make_unique<Sink>(kv_heads(), width());
  const bool context_bias = options.output_bias == "context";
  require(
      !context_bias || (window_ == 0 && !options.sink && traits.causal), kWho,
      "the output bias 'context' has a sink of its own, which goes with no window, no other sink, and no normalizer "
      "of tokens that all see each other; choose 'fixed', or leave those out");
  if (options.output_bias != "none")
    output_bias_ = std::make_unique<OutputBias>(context_bias ? kv_heads() : heads(), width(), context_bias);
  // Unit vectors come with the length sqrt(width), as their norm leaves them.
  if (traits.cosine) want_unit_vectors();
  const auto d = static_cast<double>(width());
  scale_ = options.scale.value_or(traits.cosine ? 1 : 1 / std::sqrt(d)) / (traits.cosine ? d : 1);
  const auto& positions = options.positions.as<PositionOptions>();
  if (cross_) return;
  bias_ = positions.bias(heads(), place.causal);
  rotation_ = positions.rotation(width());
}

void ScoreMixer::visit(ParameterVisitor& v) {
  MultiHead::visit(v);
  v("normalizer", normalizer_);
  v("positions", bias_);
  v("sink", sink_);
  v("output_bias", output_bias_);
}

ScoreMixer::Packed ScoreMixer::with_sink(Context& context, const Packed& packed, const Parameter& key,
                                         const Parameter& value) const {
  const auto [q, k, v] = unpack(packed);
  const auto led = [&](const Var& x, const Parameter& sink) {
    const Var first = broadcast_to(reshape(context[sink], {1, 1, -1}), {x.dim(0), 1, x.dim(2)});
    return concat(std::array{first, x}, 1);
  };
  return {{q, led(k, key), led(v, value)}, 3};
}

ScoreMixer::Packed ScoreMixer::without_values(Context& context, const Packed& packed) const {
  const auto [q, k, v] = unpack(packed);
  return {{q, k, context.tape().constant(context.tape().zeros(v.shape(), v.dtype()))}, 3};
}

Var ScoreMixer::biased(Context& context, const Var& y, const Packed& packed, const ScoreAttention& how) const {
  if (!output_bias_) return y;
  if (!context_bias()) return y + reshape(context[output_bias_->value], {1, 1, -1});
  ScoreAttention beside = how;
  beside.visibility = past_sink(context, how.visibility);
  const Packed alone = with_sink(context, without_values(context, packed), output_bias_->key, output_bias_->value);
  return y + packed_score_attention(alone.span(), heads(), kv_heads(), beside);
}

// All positions move by one.
Visibility ScoreMixer::past_sink(Context& context, Visibility visibility) const {
  visibility.start += 1;
  visibility.prefix += 1;
  if (!visibility.lengths.defined()) return visibility;
  Tensor lengths = context.tape().empty(visibility.lengths.shape(), DType::int32);
  for (Index b = 0; b < lengths.size(); ++b) lengths.set(b, visibility.lengths.at(b) + 1);
  visibility.lengths = lengths;
  return visibility;
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
  Packed packed = cross_ ? project(context, x, memory) : project(context, x, {}, rotation_, sequences.start);
  Visibility visibility = cross_ ? Visibility{.lengths = memory_lengths}
                                 : Visibility{sequences.lengths, sequences.causal, window_, sequences.prefix, 0, 0};
  if (sink_) {
    packed = with_sink(context, packed, sink_->key, sink_->value);
    visibility = past_sink(context, visibility);
  }
  const ScoreAttention call = how(context, visibility, cross_);
  if (context.weights_observer()) show_weights(context, packed, call);
  if (normalizer_->row_loss()) add_row_loss(context, unpack(packed), heads(), kv_heads(), call, sequences.lengths);
  const Var y = packed_score_attention(packed.span(), heads(), kv_heads(), call);
  return completed(context, biased(context, y, packed, call), x);
}

Var ScoreMixer::completed(Context& context, const Var& y, const Var& x) const {
  return finish(context, normalizer_->finish(context, y, x));
}

void ScoreMixer::show_vacuity(Context& context, const Packed& packed, const ScoreAttention& call) const {
  const auto parts = make_vacuity();
  ScoreAttention alone = call;
  alone.normalizer = parts.get();
  alone.normalizer_parameters = {};
  alone.kernel = AttentionKernel::automatic;
  const auto [q, k, v] = unpack(packed);
  const Var keys = by_heads(k);
  const Var ones = context.tape().constant(Tensor::full({k.dim(0), kv_heads(), k.dim(1), 1}, k.dtype(), 1));
  context.weights_observer()->vacuity(context.tape().path(), score_attention(by_heads(q), keys, ones, alone).value());
}

void ScoreMixer::show_weights(Context& context, const Packed& packed, const ScoreAttention& call) const {
  const Tape::Pause pause(context.tape());
  if (context.weights_observer()->wants_vacuity()) show_vacuity(context, packed, call);
  const auto [q, k, v] = unpack(packed);
  const Var scores = matmul(by_heads(q), repeated(by_heads(k)), Transpose::no, Transpose::yes) * scale_;
  Var weights = attention_weights(scores, call);
  if (sink_) weights = slice(weights, 3, 1, weights.dim(3) - 1);  // of the tokens alone
  context.weights_observer()->see(context.tape().path(), weights.value());
}

std::unique_ptr<MixerState> ScoreMixer::make_state(Index batch, Index capacity, DType dtype) const {
  require(!cross_, kWho, "a cross attention keeps no state; it reads its memory in every step");
  require(normalizer_->traits().causal, kWho, "a normalizer of tokens that all see each other cannot decode");
  const Index room = window_ > 0 ? std::min(capacity, 2 * window_) : capacity + (sink_ ? 1 : 0);
  ScoreAttention call;
  call.normalizer = normalizer_.get();
  call.kernel = kernel_;
  const auto form = streams(call) ? KeyValueCache::Form::packed : KeyValueCache::Form::rows;
  const KeyValueCache::Sizes sizes{batch, kv_heads(), width(), width(), room};
  auto state = std::make_unique<State>(sizes, dtype, form);
  if (context_bias())
    state->beside.emplace(KeyValueCache::Sizes{batch, kv_heads(), width(), width(), room + 1}, dtype, form);
  state->capacity = capacity;
  return state;
}

// At most a window of tokens at a time, so that two windows of rows are enough.
Var ScoreMixer::attend_cached(Context& context, const Packed& tokens, State& state, Index prefix) const {
  const Index n = tokens.x[0].dim(1), held = state.cache.size();
  if (window_ > 0 && held + n > state.cache.sizes().room) state.cache.keep_last(std::min(window_ - 1, held));
  Visibility visibility{{}, true, window_, prefix, state.tokens, state.tokens - state.cache.size()};
  const bool first = state.tokens == 0;
  const Packed packed = sink_ && first ? with_sink(context, tokens, sink_->key, sink_->value) : tokens;
  if (sink_) {
    visibility.key_start = 0;
    visibility = past_sink(context, visibility);
  }
  state.tokens += n;
  const auto attend = [&](const Packed& given, KeyValueCache& cache, const Visibility& seen) {
    return context.tape().constant(
        cached_score_attention(given.span(), heads(), kv_heads(), cache, how(context, seen, false)));
  };
  Var y = attend(packed, state.cache, visibility);
  if (!output_bias_) return y;
  if (!context_bias()) return y + reshape(context[output_bias_->value], {1, 1, -1});
  Packed alone = without_values(context, tokens);
  if (first) alone = with_sink(context, alone, output_bias_->key, output_bias_->value);
  return y + attend(alone, *state.beside, past_sink(context, visibility));
}

Var ScoreMixer::step(Context& context, const Var& x, MixerState& mixer_state, const Sequences& sequences) const {
  State& state = dynamic_cast<State&>(mixer_state);
  const Index n = x.dim(1);
  require(sequences.causal && !sequences.lengths.defined(), kWho,
          "decoding wants causal sequences without lengths of their own; decode sequences of one length together");
  require(sequences.start == state.tokens, kWho, "the step starts at token {}, but the state holds {}", sequences.start,
          state.tokens);
  require(state.tokens + n <= state.capacity && x.dim(0) == state.cache.batch(), kWho,
          "{} tokens for {} sequences came on top of {}; the state has room for {} tokens of {} sequences", n, x.dim(0),
          state.tokens, state.capacity, state.cache.batch());
  require(window_ == 0 || sequences.prefix == 0, kWho, "a prefix came; a window does not decode one");
  const Tape::Pause pause(context.tape());
  const Packed packed = project(context, x, {}, rotation_, state.tokens);
  const Index most = window_ > 0 ? window_ : std::max<Index>(1, n);
  if (n <= most) return completed(context, attend_cached(context, packed, state, sequences.prefix), x);
  std::vector<Var> pieces;
  for (Index at = 0; at < n; at += most) {
    Packed piece{{}, packed.count};
    for (std::size_t i = 0; i < packed.count; ++i) piece.x[i] = slice(packed.x[i], 1, at, std::min(most, n - at));
    pieces.push_back(attend_cached(context, piece, state, 0));
  }
  return completed(context, concat(pieces, 1), x);
}

}  // namespace tempera
