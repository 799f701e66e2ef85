#include "core/ops/conv.h"

#include <span>

#include "core/lanes.h"
#include "core/ops/conv_depthwise.h"
#include "core/ops/conv_patches.h"
#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kChunks = 8;  // of the batch, for the weight's gradient

// The scratch memory of every worker of a pass.
template <class T>
class Workers {
 public:
  Workers(Tape& tape, const ConvGeometry& g)
      : workspace_(static_cast<Index>(patch_workspace_bytes<T>(g))),
        patches_(g.pointwise() ? 0 : g.patch() * patch_tile(g)),
        stride_(patches_ + (workspace_ + 63) / 64 * 64 / static_cast<Index>(sizeof(T))),
        memory_(tape.empty({tape.threads(), stride_}, dtype_of<T>())) {}

  PatchScratch<T> operator[](Index worker) {
    T* at = memory_.data<T>() + worker * stride_;
    return {at, std::as_writable_bytes(std::span(at + patches_, at + stride_))};
  }

 private:
  Index workspace_, patches_, stride_;
  Tensor memory_;
};

// --- Forward and backward over plain memory ----------------------------------------------------------------

template <class T>
void forward(Tape& tape, const ConvGeometry& g, const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& y) {
  const T *in = x.data<T>(), *filter = weight.data<T>(), *shift = bias.defined() ? bias.data<T>() : nullptr;
  T* out = y.data<T>();
  if (y.size() == 0) return;
  if (g.depthwise())
    return parallel_panels(tape.threads(), g.batch * g.filters, 1, [&](Index unit, Index) {
      const Index b = unit / g.filters, o = unit % g.filters, c = o / g.group_filters();
      depthwise_forward(g, in + (b * g.channels + c) * g.plane(), filter + o * g.taps(), shift ? shift[o] : T(0),
                        out + unit * g.positions());
    });
  const Index tile = patch_tile(g), tiles = (g.positions() + tile - 1) / tile;
  Workers<T> workers(tape, g);
  parallel_units(tape.threads(), g.batch * g.groups * tiles, [&](Index worker, Index unit) {
    const Index sample_group = unit / tiles, first = unit % tiles * tile, group = sample_group % g.groups;
    patch_forward(g, in + sample_group * g.group_channels() * g.plane(), filter + group * g.group_filters() * g.patch(),
                  shift ? shift + group * g.group_filters() : nullptr, first, std::min(g.positions(), first + tile),
                  workers[worker], out + sample_group * g.group_filters() * g.positions());
  });
}

template <class T>
void backward_x(Tape& tape, const ConvGeometry& g, const Tensor& dy, const Tensor& weight, Into to) {
  const T *grad = dy.data<T>(), *filter = weight.data<T>();
  T* out = to.grad.data<T>();
  if (g.depthwise() && g.filters > 0)
    return parallel_panels(tape.threads(), g.batch * g.channels, 1, [&](Index unit, Index) {
      const Index b = unit / g.channels, c = unit % g.channels, m = g.group_filters();
      for (Index o = c * m; o < (c + 1) * m; ++o)
        depthwise_backward_x(g, grad + (b * g.filters + o) * g.positions(), filter + o * g.taps(),
                             out + unit * g.plane(), to.add || o > c * m);
    });
  if (!to.add) to.grad.fill(0);
  const Index tile = patch_tile(g);
  Workers<T> workers(tape, g);
  parallel_units(tape.threads(), g.batch * g.groups, [&](Index worker, Index unit) {
    for (Index first = 0; first < g.positions(); first += tile)
      patch_backward_x(
          g, grad + unit * g.group_filters() * g.positions(), filter + unit % g.groups * g.group_filters() * g.patch(),
          first, std::min(g.positions(), first + tile), workers[worker], out + unit * g.group_channels() * g.plane());
  });
}

template <class T>
void backward_weight(Tape& tape, const ConvGeometry& g, const Tensor& dy, const Tensor& x, Into to) {
  const T *grad = dy.data<T>(), *in = x.data<T>();
  T* out = to.grad.data<T>();
  if (g.depthwise())
    return parallel_panels(tape.threads(), g.filters, 1, [&](Index o, Index) {
      for (Index tap = 0; tap < g.taps(); ++tap) {
        const T sum = depthwise_backward_tap(g, grad + o * g.positions(), g.filters * g.positions(),
                                             in + o / g.group_filters() * g.plane(), g.channels * g.plane(),
                                             tap / g.w.kernel, tap % g.w.kernel);
        T& at = out[o * g.taps() + tap];
        at = to.add ? at + sum : sum;
      }
    });
  // Chunks of the batch go in parallel, each into a buffer of its own.
  const Index chunk = std::max<Index>(1, (g.batch + kChunks - 1) / kChunks), chunks = (g.batch + chunk - 1) / chunk;
  const Index tile = patch_tile(g), share = g.group_filters() * g.patch();
  Tensor parts = tape.zeros({chunks, to.grad.size()}, dy.dtype());
  Workers<T> workers(tape, g);
  parallel_units(tape.threads(), chunks * g.groups, [&](Index worker, Index unit) {
    const Index part = unit / g.groups, group = unit % g.groups;
    for (Index b = part * chunk; b < std::min(g.batch, (part + 1) * chunk); ++b)
      for (Index first = 0; first < g.positions(); first += tile) {
        const Index at = b * g.groups + group;
        patch_backward_weight(g, grad + at * g.group_filters() * g.positions(),
                              in + at * g.group_channels() * g.plane(), first, std::min(g.positions(), first + tile),
                              workers[worker], parts.data<T>() + part * to.grad.size() + group * share);
      }
  });
  if (!to.add) to.grad.fill(0);
  for (Index part = 0; part < chunks; ++part) to.grad.vec<T>() += parts.rows(part, 1).template vec<T>();
}

template <class T>
void backward_bias(Tape& tape, const ConvGeometry& g, const Tensor& dy, Into to) {
  constexpr Index W = lane_width<T>;
  const Index count = g.positions(), whole = count / W * W;
  T* out = to.grad.data<T>();
  parallel_panels(tape.threads(), g.filters, 1, [&](Index o, Index) {
    Lanes<T> sum(0);
    for (Index b = 0; b < g.batch; ++b) {
      const T* from = dy.data<T>() + (b * g.filters + o) * count;
      for (Index i = 0; i < whole; i += W) sum += Lanes<T>::load(from + i);
      if (whole < count) sum += Lanes<T>::load(from + whole, count - whole);
    }
    out[o] = (to.add ? out[o] : T(0)) + lane_sum(sum);
  });
}

// --- Shapes -------------------------------------------------------------------------------------------------

ConvGeometry checked_channels(std::string_view who, const Var& x, const Var& weight, const Var& bias, Index groups) {
  const bool wide = x.rank() == 4;
  require(weight.rank() == x.rank(), who, "the weight is {}; {} was wanted", weight.shape(),
          wide ? "[O, C / groups, KH, KW]" : "[O, C / groups, K]");
  require(is_floating(x.dtype()), who, "x is {}; convert it to float32 or float64", x.dtype());
  require(weight.dtype() == x.dtype(), who, "x is {} but the weight is {}; convert one of them", x.dtype(),
          weight.dtype());
  const Index channels = x.dim(1), filters = weight.dim(0);
  require(groups >= 1 && channels % groups == 0 && filters % groups == 0, who,
          "{} groups came; a number was wanted that divides {} channels and {} filters", groups, channels, filters);
  require(weight.dim(1) == channels / groups, who,
          "the weight {} reads {} channels a group, but x {} has {} in each of {} groups", weight.shape(),
          weight.dim(1), x.shape(), channels / groups, groups);
  if (bias.defined()) {
    require(bias.shape() == Shape{filters}, who, "the bias is {}; [{}] was wanted, one number a filter", bias.shape(),
            filters);
    require(bias.dtype() == x.dtype(), who, "x is {} but the bias is {}; convert one of them", x.dtype(), bias.dtype());
  }
  ConvGeometry g;
  g.batch = x.dim(0);
  g.channels = channels;
  g.filters = filters;
  g.groups = groups;
  return g;
}

Var convolve(const Op& op, const ConvGeometry& g, const Var& x, const Var& weight, const Var& bias) {
  Tape& tape = x.tape();
  const Shape shape = x.rank() == 3 ? Shape{g.batch, g.filters, g.w.out} : Shape{g.batch, g.filters, g.h.out, g.w.out};
  Tensor y = tape.empty(shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) { forward<T>(tape, g, x.value(), weight.value(), bias.value(), y); });
  const std::array<Var, 3> inputs{x, weight, bias};
  const std::size_t count = bias.defined() ? 3 : 2;
  return Tape::record(op, std::span(inputs.data(), count), std::move(y),
                      [g, count, in = x.value(), filter = weight.value()](const Tensor& dy, Gradients& dx) {
                        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
                          if (dx.wanted(0)) backward_x<T>(dx.tape(), g, dy, filter, dx.into(0));
                          if (dx.wanted(1)) backward_weight<T>(dx.tape(), g, dy, in, dx.into(1));
                          if (count == 3 && dx.wanted(2)) backward_bias<T>(dx.tape(), g, dy, dx.into(2));
                        });
                      });
}

// --- Examples -----------------------------------------------------------------------------------------------

std::vector<Example> examples1d() {
  const auto with = [](const Conv1dOptions& options) {
    return [options](std::span<const Var> x) {
      return x.size() == 3 ? conv1d(x[0], x[1], x[2], options) : conv1d(x[0], x[1], options);
    };
  };
  return {
      {"plain", {{{2, 3, 19}}, {{2, 3, 3}}, {{2}}}, with({}), "F.conv1d(a, b, c)"},
      {"strided and dilated",
       {{{2, 2, 13}}, {{3, 2, 3}}, {{3}}},
       with({.stride = 2, .padding = 3, .dilation = 2}),
       "F.conv1d(a, b, c, stride=2, padding=3, dilation=2)"},
      {"two groups", {{{1, 4, 7}}, {{6, 2, 2}}}, with({.groups = 2}), "F.conv1d(a, b, groups=2)"},
      {"depthwise causal",
       {{{2, 2, 21}}, {{2, 1, 3}}, {{2}}},
       with({.dilation = 2, .groups = 2, .causal = true}),
       "F.conv1d(F.pad(a, (4, 0)), b, c, dilation=2, groups=2)"},
      {"one tap", {{{3, 2, 5}}, {{3, 2, 1}}, {{3}}}, with({}), "F.conv1d(a, b, c)"},
      {"many filters a channel",
       {{{2, 2, 5}}, {{10, 1, 3}}, {{10}}},
       with({.padding = 1, .groups = 2}),
       "F.conv1d(a, b, c, padding=1, groups=2)"},
  };
}

std::vector<Example> examples2d() {
  const auto with = [](const Conv2dOptions& options) {
    return [options](std::span<const Var> x) {
      return x.size() == 3 ? conv2d(x[0], x[1], x[2], options) : conv2d(x[0], x[1], options);
    };
  };
  return {
      {"plain", {{{2, 2, 3, 5}}, {{2, 2, 2, 3}}, {{2}}}, with({}), "F.conv2d(a, b, c)"},
      {"all options",
       {{{1, 4, 5, 3}}, {{2, 2, 2, 2}}, {{2}}},
       with({.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2}),
       "F.conv2d(a, b, c, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)"},
      {"depthwise",
       {{{1, 2, 2, 18}}, {{4, 1, 2, 3}}, {{4}}},
       with({.padding = {1, 1}, .groups = 2}),
       "F.conv2d(a, b, c, padding=1, groups=2)"},
      {"depthwise strided",
       {{{2, 2, 3, 5}}, {{2, 1, 3, 2}}},
       with({.stride = {1, 2}, .padding = {1, 1}, .groups = 2}),
       "F.conv2d(a, b, stride=(1, 2), padding=1, groups=2)"},
      {"one tap", {{{2, 3, 2, 2}}, {{2, 3, 1, 1}}}, with({}), "F.conv2d(a, b)"},
  };
}

double flops(Inputs inputs, const Tensor& y) {
  const Shape& weight = inputs[1].shape();
  return 2.0 * static_cast<double>(y.size() * weight.product(1, weight.rank()));
}

}  // namespace

const Op conv1d_op{"conv1d", examples1d, 1e-8, flops};
const Op conv2d_op{"conv2d", examples2d, 1e-8, flops};

Var conv1d(const Var& x, const Var& weight, const Var& bias, const Conv1dOptions& options) {
  const std::string_view who = conv1d_op.name;
  require(x.rank() == 3, who, "x is {}; [B, C, L] was wanted", x.shape());
  ConvGeometry g = checked_channels(who, x, weight, bias, options.groups);
  require(!options.causal || options.padding == 0, who,
          "padding {} came with causal, which pads by itself; leave one of them out", options.padding);
  const Index length = x.dim(2), kernel = weight.dim(2);
  if (options.causal) {
    // As long as the kernel at least, so that it fits; then the extents that causality wants.
    g.w = checked_window(who, "L", std::max(length, 1 + (kernel - 1) * options.dilation),
                         {kernel, options.stride, 0, options.dilation});
    g.w.extent = length;
    g.w.padding = g.w.reach() - 1;
    g.w.out = (length + options.stride - 1) / options.stride;
  } else {
    g.w = checked_window(who, "L", length, {kernel, options.stride, options.padding, options.dilation});
  }
  return convolve(conv1d_op, g, x, weight, bias);
}

Var conv1d(const Var& x, const Var& weight, const Conv1dOptions& options) {
  return conv1d(x, weight, Var(), options);
}

Var conv2d(const Var& x, const Var& weight, const Var& bias, const Conv2dOptions& options) {
  const std::string_view who = conv2d_op.name;
  require(x.rank() == 4, who, "x is {}; [B, C, H, W] was wanted", x.shape());
  ConvGeometry g = checked_channels(who, x, weight, bias, options.groups);
  g.h = checked_window(who, "H", x.dim(2), {weight.dim(2), options.stride[0], options.padding[0], options.dilation[0]});
  g.w = checked_window(who, "W", x.dim(3), {weight.dim(3), options.stride[1], options.padding[1], options.dilation[1]});
  return convolve(conv2d_op, g, x, weight, bias);
}

Var conv2d(const Var& x, const Var& weight, const Conv2dOptions& options) {
  return conv2d(x, weight, Var(), options);
}

}  // namespace tempera
