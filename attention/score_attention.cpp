#include "attention/score_attention.h"

#include <algorithm>

#include "attention/attention_examples.h"
#include "attention/key_value_cache.h"
#include "attention/tiles.h"
#include "core/ops/broadcast_to.h"
#include "core/ops/elementwise.h"
#include "core/ops/matmul.h"
#include "core/ops/permute.h"
#include "core/ops/reshape.h"
#include "core/ops/slice.h"

namespace tempera {
namespace {

using detail::AttentionCall;
using detail::AttentionGradients;
using detail::AttentionLayout;
using detail::AttentionSizes;
using detail::HeadPart;
using detail::HeadTensors;

constexpr std::string_view kWho = "score_attention";
constexpr std::array<std::string_view, 4> kKernels{"auto", "reference", "blocks", "streaming"};

AttentionLayout head_layout(const Shape& q, const Shape& k, const Shape& v) {
  require(q.rank() == 4 && k.rank() == 4 && v.rank() == 4, kWho,
          "queries {}, keys {}, values {} came; [batch, heads, tokens, width] was wanted", q, k, v);
  require(q[0] == k[0] && q[0] == v[0] && k[1] == v[1] && k[2] == v[2] && q[3] == k[3], kWho,
          "queries {}, keys {}, values {} do not fit: [B, H, N, D], [B, K, M, D], [B, K, M, E] was wanted", q, k, v);
  require(k[1] > 0 && q[1] % k[1] == 0, kWho,
          "{} query heads do not divide into groups for {} key heads; make the second a divisor of the first", q[1],
          k[1]);
  const auto part = [](int input, const Shape& s) { return HeadPart{input, 0, s[1] * s[2] * s[3], s[2] * s[3], s[3]}; };
  const Shape out{q[0], q[1], q[2], v[3]};
  return {{q[0], q[1], k[1], q[2], k[2], q[3], v[3]}, part(0, q), part(1, k), part(2, v), part(0, out), out};
}

AttentionLayout packed_layout(std::span<const Var> x, Index heads, Index kv_heads) {
  require(!x.empty() && x.size() <= 3, kWho, "{} packed tensors came; one to three are supported", x.size());
  require(heads > 0 && kv_heads > 0 && heads % kv_heads == 0, kWho,
          "{} query heads do not divide into groups for {} key heads; make the second a divisor of the first", heads,
          kv_heads);
  for (const Var& part : x)
    require(part.rank() == 3 && part.dim(0) == x[0].dim(0), kWho,
            "a packed tensor of shape {} came beside {}; [batch, tokens, heads x width] of one batch was wanted",
            part.shape(), x[0].shape());
  const std::array<Index, 3> first_heads{heads + (x.size() == 1 ? 2 * kv_heads : 0),
                                         x.size() == 2 ? 2 * kv_heads : kv_heads, kv_heads};
  for (std::size_t i = 0; i < x.size(); ++i)
    require(x[i].dim(2) % first_heads[i] == 0, kWho, "packed tensor {} has shape {}: {} heads do not divide its width",
            i, x[i].shape(), first_heads[i]);
  const Var &key = x[std::min<std::size_t>(1, x.size() - 1)], &value = x.back();
  const Index d = x[0].dim(2) / first_heads[0], e = x.size() == 3 ? value.dim(2) / kv_heads : d;
  require(key.dim(1) == value.dim(1) && key.dim(2) / first_heads[std::min<std::size_t>(1, x.size() - 1)] == d, kWho,
          "keys {} and values {} do not fit queries {}, whose heads are {} wide", key.shape(), value.shape(),
          x[0].shape(), d);
  const auto part = [&](std::size_t input, Index first_head, Index width) {
    return HeadPart{static_cast<int>(input), first_head * width, x[input].dim(1) * x[input].dim(2), width,
                    x[input].dim(2)};
  };
  const Index b = x[0].dim(0), n = x[0].dim(1), m = key.dim(1);
  AttentionLayout layout{{b, heads, kv_heads, n, m, d, e}, part(0, 0, d), {}, {}, {}, {b, n, heads * e}};
  layout.k = x.size() == 1 ? part(0, heads, d) : part(1, 0, d);
  layout.v = x.size() == 1 ? part(0, heads + kv_heads, d) : x.size() == 2 ? part(1, kv_heads, d) : part(2, 0, e);
  layout.o = {0, 0, n * heads * e, e, heads * e};
  return layout;
}

void check_parameters(const HeadParameters& module, const std::array<Var, kMaxHeadParameters>& vars, Index heads,
                      DType dtype) {
  for (std::size_t p = 0; p < vars.size(); ++p) {
    if (!vars[p].defined()) continue;
    require(p < module.entries().size(), kWho, "parameter {} came, but there are only {}", p, module.entries().size());
    const bool rows = vars[p].rank() >= 1 && vars[p].rank() <= 2 && (vars[p].dim(0) == heads || vars[p].dim(0) == 1);
    require(rows && vars[p].dtype() == dtype, kWho,
            "parameter '{}' is {}; {} with one row for each of {} heads was wanted", module.entries()[p].name,
            vars[p].value(), dtype, heads);
  }
}

AttentionCall call_of(std::span<const Var> sources, const AttentionLayout& layout, const ScoreAttention& how) {
  require(how.normalizer != nullptr, kWho, "there is no normalizer");
  for (const Var& x : sources)
    require(x.dtype() == sources[0].dtype() && is_floating(x.dtype()), kWho,
            "queries, keys and values are {} and {}; one floating type was wanted", sources[0].dtype(), x.dtype());
  how.visibility.check(layout.sizes.batch, layout.sizes.keys, kWho);
  const Visibility& v = how.visibility;
  const bool mutual = !v.causal && v.window == 0 && v.start == 0 && layout.sizes.queries == layout.sizes.keys;
  require(how.normalizer->traits().causal || mutual, kWho,
          "the normalizer wants tokens that all see each other, but {} queries of {} keys came{}; use it in "
          "bidirectional self-attention without a window",
          layout.sizes.queries, layout.sizes.keys,
          v.causal       ? ", causal"
          : v.window > 0 ? ", in a window"
                         : "");
  for (Index b = 0; b < layout.sizes.batch; ++b) {
    const Index tokens = v.lengths.defined() ? static_cast<Index>(v.lengths.at(b)) - v.key_start : layout.sizes.keys;
    const std::string refusal = how.normalizer->refusal(std::min(tokens, layout.sizes.keys));
    require(refusal.empty(), kWho, "sequence {} has {} tokens, {}", b, tokens, refusal);
    if (!v.lengths.defined()) break;
  }
  check_parameters(*how.normalizer, how.normalizer_parameters, layout.sizes.heads, sources[0].dtype());
  if (how.bias) check_parameters(*how.bias, how.bias_parameters, layout.sizes.heads, sources[0].dtype());
  AttentionCall call{layout, how.normalizer, how.bias, how.visibility, how.scale, how.training, {}, {}, {}};
  for (std::size_t i = 0; i < sources.size(); ++i) call.sources[i] = sources[i].value();
  for (std::size_t p = 0; p < kMaxHeadParameters; ++p) {
    call.normalizer_parameters[p] = how.normalizer_parameters[p].value();
    call.bias_parameters[p] = how.bias_parameters[p].value();
  }
  return call;
}

// The inputs of a record: sources, then the parameters that are there. slot[p] is a parameter's input, -1 if absent.
struct Recorded {
  static constexpr std::size_t kMost = 3 + 2 * kMaxHeadParameters;
  std::array<Var, kMost> vars;
  std::size_t count = 0, sources = 0;
  std::array<int, 2 * kMaxHeadParameters> slot;

  Recorded(std::span<const Var> from, const ScoreAttention& how) : sources(from.size()) {
    for (const Var& x : from) vars[count++] = x;
    for (std::size_t p = 0; p < slot.size(); ++p) {
      const Var& x =
          p < kMaxHeadParameters ? how.normalizer_parameters[p] : how.bias_parameters[p - kMaxHeadParameters];
      slot[p] = x.defined() ? static_cast<int>(count) : -1;
      if (x.defined()) vars[count++] = x;
    }
  }
  std::span<const Var> inputs() const { return std::span(vars).first(count); }
};

using Slots = std::array<int, 2 * kMaxHeadParameters>;

Tensor& part_of(AttentionGradients& to, std::size_t p) {
  return p < kMaxHeadParameters ? to.normalizer_parameters[p] : to.bias_parameters[p - kMaxHeadParameters];
}

// A part for each sequence and head; the sum over sequences runs in their order.
void begin_parameters(const AttentionCall& call, const Slots& slot, Gradients& dx, AttentionGradients& to) {
  for (std::size_t p = 0; p < slot.size(); ++p) {
    if (slot[p] < 0 || !dx.wanted(slot[p])) continue;
    const Tensor& value =
        p < kMaxHeadParameters ? call.normalizer_parameters[p] : call.bias_parameters[p - kMaxHeadParameters];
    const AttentionSizes& s = call.layout.sizes;
    part_of(to, p) = dx.empty({s.batch, s.heads, value.size() / value.dim(0)}, value.dtype());
    part_of(to, p).fill(0);
  }
}

void finish_parameters(const Slots& slot, Gradients& dx, AttentionGradients& to) {
  for (std::size_t p = 0; p < slot.size(); ++p) {
    const Tensor& parts = part_of(to, p);
    if (!parts.defined()) continue;
    Into into = dx.into(slot[p]);
    // What one row of the parameter is used for: a head of each sequence, or all heads where they share it.
    const Index size = into.grad.size(), uses = parts.size() / size;
    dispatch(parts.dtype(), [&]<class T>(Type<T>) {
      T* out = into.grad.data<T>();
      for (Index i = 0; i < size; ++i) {
        double sum = into.add ? static_cast<double>(out[i]) : 0;
        for (Index use = 0; use < uses; ++use) sum += static_cast<double>(parts.data<T>()[use * size + i]);
        out[i] = static_cast<T>(sum);
      }
    });
  }
}

void begin_sources(std::size_t count, Gradients& dx, AttentionGradients& to) {
  for (std::size_t i = 0; i < count; ++i)
    if (dx.wanted(static_cast<int>(i))) to.sources[i] = dx.into(static_cast<int>(i));
}

Var run_blocks(std::span<const Var> sources, const AttentionLayout& layout, const ScoreAttention& how) {
  const AttentionCall call = call_of(sources, layout, how);
  const Recorded recorded(sources, how);
  Tape& tape = sources[0].tape();
  const AttentionSizes& s = layout.sizes;
  const Index kept = call.normalizer->traits().saved;
  Tensor saved = tape.recording() ? tape.empty({s.batch, s.heads, s.queries, kept}, sources[0].dtype()) : Tensor();
  Tensor y = detail::blocks_forward(call, tape, saved);
  return Tape::record(blocks_attention_op, recorded.inputs(), std::move(y),
                      [call, saved, count = recorded.sources, slot = recorded.slot](const Tensor& dy, Gradients& dx) {
                        AttentionGradients to;
                        begin_sources(count, dx, to);
                        begin_parameters(call, slot, dx, to);
                        detail::blocks_backward(call, dx.tape(), saved, dy, to);
                        finish_parameters(slot, dx, to);
                      });
}

Var run_streaming(std::span<const Var> sources, const AttentionLayout& layout, const ScoreAttention& how) {
  require(how.normalizer == nullptr || streams(*how.normalizer), kWho,
          "the kernel 'streaming' computes the softmax alone, and by its own algorithm; choose 'auto' or 'blocks' for "
          "this normalizer");
  const AttentionCall call = call_of(sources, layout, how);
  const Recorded recorded(sources, how);
  Tape& tape = sources[0].tape();
  const AttentionSizes& s = layout.sizes;
  Tensor sums = tape.recording() ? tape.empty({s.heads, s.batch, s.queries}, sources[0].dtype()) : Tensor();
  Tensor y = detail::streaming_forward(call, tape, sums);
  return Tape::record(streaming_attention_op, recorded.inputs(), y,
                      [call, y, sums, count = recorded.sources, slot = recorded.slot](const Tensor& dy, Gradients& dx) {
                        AttentionGradients to;
                        begin_sources(count, dx, to);
                        begin_parameters(call, slot, dx, to);
                        detail::streaming_backward(call, dx.tape(), y, sums, dy, to);
                        finish_parameters(slot, dx, to);
                      });
}

Var run_reference(const Var& q, const Var& k, const Var& v, const ScoreAttention& how) {
  const Index group = q.dim(1) / k.dim(1);
  const Var keys = group > 1 ? repeat(k, group, 1) : k, values = group > 1 ? repeat(v, group, 1) : v;
  return matmul(attention_weights(matmul(q, keys, Transpose::no, Transpose::yes) * how.scale, how), values);
}

AttentionKernel chosen(const ScoreAttention& how) {
  if (how.kernel != AttentionKernel::automatic) return how.kernel;
  return how.normalizer && streams(*how.normalizer) ? AttentionKernel::streaming : AttentionKernel::blocks;
}

// Q K^T and W V, of keys as wide as the values. Keys stand in the second source, if there is one beside parameters.
double flops(Inputs inputs, const Tensor& y) {
  const Var& keys = inputs.size() > 1 && inputs[1].rank() == inputs[0].rank() ? inputs[1] : inputs[0];
  return 4.0 * static_cast<double>(y.size() * keys.shape().back(1));
}

}  // namespace

const Op blocks_attention_op{"attention.blocks", [] { return attention_examples(AttentionKernel::blocks); }, 1e-8,
                             flops};
const Op streaming_attention_op{"attention.streaming", [] { return attention_examples(AttentionKernel::streaming); },
                                1e-8, flops};

AttentionKernel attention_kernel(std::string_view name) {
  const auto found = std::find(kKernels.begin(), kKernels.end(), name);
  require(found != kKernels.end(), "attention", "there is no kernel '{}'; known: auto, reference, blocks, streaming",
          name);
  return static_cast<AttentionKernel>(found - kKernels.begin());
}

std::span<const std::string_view> attention_kernel_names() {
  return kKernels;
}

Var score_attention(const Var& q, const Var& k, const Var& v, const ScoreAttention& how) {
  const AttentionLayout layout = head_layout(q.shape(), k.shape(), v.shape());
  const std::array<Var, 3> sources{q, k, v};
  switch (chosen(how)) {
    case AttentionKernel::reference: return run_reference(q, k, v, how);
    case AttentionKernel::streaming: return run_streaming(sources, layout, how);
    default: return run_blocks(sources, layout, how);
  }
}

Var packed_score_attention(std::span<const Var> packed, Index heads, Index kv_heads, const ScoreAttention& how) {
  const AttentionLayout layout = packed_layout(packed, heads, kv_heads);
  switch (chosen(how)) {
    case AttentionKernel::streaming: return run_streaming(packed, layout, how);
    case AttentionKernel::blocks: return run_blocks(packed, layout, how);
    default: break;
  }
  const AttentionSizes& s = layout.sizes;
  const auto part = [&](const HeadPart& p, Index count, Index width) {
    const Var& x = packed[static_cast<std::size_t>(p.input)];
    const Var own = slice(x, 2, p.first, count * width);
    return permute(reshape(own, Shape{s.batch, x.dim(1), count, width}), {0, 2, 1, 3});
  };
  const Var y = run_reference(part(layout.q, heads, s.width), part(layout.k, kv_heads, s.width),
                              part(layout.v, kv_heads, s.value_width), how);
  return reshape(permute(y, {0, 2, 1, 3}), layout.output);
}

bool streams(const ScoreAttention& how) {
  return chosen(how) == AttentionKernel::streaming;
}

Tensor cached_score_attention(std::span<const Var> packed, Index heads, Index kv_heads, KeyValueCache& cache,
                              const ScoreAttention& how) {
  AttentionLayout layout = packed_layout(packed, heads, kv_heads);
  cache.append(packed, layout);
  cache.attach(layout);
  Tape& tape = packed[0].tape();
  const std::array<Var, 3> sources{packed[0], tape.constant(cache.keys()), tape.constant(cache.values())};
  const AttentionCall call = call_of(sources, layout, how);
  Tensor kept;  // nothing
  return streams(how) ? detail::streaming_forward(call, tape, kept) : detail::blocks_forward(call, tape, kept);
}

// --- attention_weights -----------------------------------------------------------------------------------

namespace {

// The rows of one (sequence, head) in matrices [B, H, N, M].
struct Matrices {
  AttentionCall call;
  Tensor scores, weights, saved;

  template <class T, class F>
  void each(int threads, const std::shared_ptr<Pool>& pool, F&& f) const {
    const AttentionSizes& s = call.layout.sizes;
    const Index units = s.batch * s.heads, kept = call.normalizer->traits().saved;
    const Index extra = call.normalizer->scratch(s.queries, s.keys);
    detail::Carver count(nullptr);
    count.take<RowInfo>(s.queries);
    count.take<T>(extra);
    const std::size_t bytes = count.used();
    const Storage memory = Pool::allocate(pool, bytes * static_cast<std::size_t>(std::min<Index>(threads, units)));
    parallel_units(threads, units, [&](Index worker, Index unit) {
      const Index b = unit / s.heads, h = unit % s.heads, at = unit * s.queries * s.keys;
      detail::Carver carver(memory.data() + static_cast<std::size_t>(worker) * bytes);
      auto* const info = carver.take<RowInfo>(s.queries);
      for (Index r = 0; r < s.queries; ++r) {
        const Range seen = call.visibility(b, r, s.keys);
        info[r] = {seen, seen.count()};
      }
      ScoreRows<T> rows{s.queries,
                        s.keys,
                        info,
                        scores.data<T>() + at,
                        const_cast<Tensor&>(weights).data<T>() + at,
                        const_cast<Tensor&>(saved).data<T>() + unit * s.queries * kept,
                        carver.take<T>(extra),
                        h,
                        call.training,
                        false,
                        detail::values_of<T>(call.normalizer_parameters, h)};
      const BiasBlock<T> bias{s.queries,
                              s.keys,
                              s.keys,
                              call.visibility.start,
                              call.visibility.key_start,
                              h,
                              detail::values_of<T>(call.bias_parameters, h)};
      f(rows, bias, b, h, at);
    });
  }
};

}  // namespace

const Op attention_weights_op{"attention.weights", attention_weights_examples};

Var attention_weights(const Var& scores, const ScoreAttention& how) {
  require(scores.rank() == 4, attention_weights_op.name,
          "scores of shape {} came; [batch, heads, queries, keys] was wanted", scores.shape());
  const Shape& shape = scores.shape();
  AttentionLayout layout;
  layout.sizes = {shape[0], shape[1], shape[1], shape[2], shape[3], 1, 1};
  const Recorded recorded(std::span(&scores, 1), how);
  Tape& tape = scores.tape();
  Matrices m{call_of(std::span(&scores, 1), layout, how), scores.value(), tape.empty(shape, scores.dtype()), {}};
  m.saved = tape.empty({shape[0], shape[1], shape[2], how.normalizer->traits().saved}, scores.dtype());
  m.weights.fill(0);
  if (how.bias) m.scores = scores.value().clone(tape.pool());
  dispatch(scores.dtype(), [&]<class T>(Type<T>) {
    T* biased = how.bias ? m.scores.data<T>() : nullptr;
    m.each<T>(tape.threads(), tape.pool(),
              [&](const ScoreRows<T>& rows, const BiasBlock<T>& bias, Index, Index, Index at) {
                if (biased) m.call.bias->add(bias, biased + at);
                m.call.normalizer->forward(rows);
              });
  });
  return Tape::record(
      attention_weights_op, recorded.inputs(), m.weights, [m, slot = recorded.slot](const Tensor& dy, Gradients& dx) {
        AttentionGradients to;
        begin_parameters(m.call, slot, dx, to);
        Tensor ds = dx.empty(dy.shape(), dy.dtype());
        ds.fill(0);
        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
          m.each<T>(dx.tape().threads(), dx.tape().pool(),
                    [&](const ScoreRows<T>& rows, const BiasBlock<T>& bias, Index b, Index h, Index at) {
                      const ScoreGradients<T> g{dy.data<T>() + at, ds.data<T>() + at,
                                                detail::gradients_of<T>(to.normalizer_parameters, b, h)};
                      m.call.normalizer->backward(rows, g);
                      if (m.call.bias)
                        m.call.bias->backward(bias, std::as_const(ds).data<T>() + at,
                                              detail::gradients_of<T>(to.bias_parameters, b, h));
                    });
        });
        dx.add(0, std::move(ds));
        finish_parameters(slot, dx, to);
      });
}

}  // namespace tempera
