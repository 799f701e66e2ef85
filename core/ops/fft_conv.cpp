#include "core/ops/fft_conv.h"

#include <complex>
#include <deque>
#include <unsupported/Eigen/FFT>

#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kChunk = 8;  // rows whose share of the kernel's gradient is one sum

// How rows, channels and the transform's length go together.
struct Plan {
  Index samples, channels, length, taps;  // x is [samples, channels, length]
  Index size;                             // of the transform
  bool circular;

  Index bins() const { return size / 2 + 1; }
  bool wraps() const { return circular && size != length; }
};

bool is_fast(Index size) {
  if (size < 4 || size % 4 != 0) return false;
  for (const Index prime : {2, 3, 5})
    while (size % prime == 0) size /= prime;
  return size == 1;
}

Index fast_size(Index least) {
  Index size = std::max<Index>(4, (least + 3) / 4 * 4);
  while (!is_fast(size)) size += 4;
  return size;
}

// Eigen's transform keeps plans and scratch, so each worker has its own; a deque, for growing must not move them.
template <class T>
class Transforms {
 public:
  void reserve(int workers) {
    while (static_cast<int>(each_.size()) < workers) {
      each_.emplace_back();
      each_.back().SetFlag(Eigen::FFT<T>::HalfSpectrum);
      each_.back().SetFlag(Eigen::FFT<T>::Unscaled);
    }
  }
  Eigen::FFT<T>& operator[](Index worker) { return each_[static_cast<std::size_t>(worker)]; }

 private:
  std::deque<Eigen::FFT<T>> each_;
};

// One worker's transform and its row of `size` numbers.
template <class T>
struct Worker {
  using Complex = std::complex<T>;
  const Plan& plan;
  Eigen::FFT<T>& fft;
  T* row;

  void forward(Complex* spectrum) { fft.fwd(spectrum, row, plan.size); }

  // Spectrum of `count` numbers, zeros after them.
  void of_signal(const T* x, Complex* spectrum) {
    std::copy_n(x, plan.length, row);
    std::fill_n(row + plan.length, plan.size - plan.length, T(0));
    forward(spectrum);
  }

  // Spectrum of the taps as a signal sees them: those beyond its length go round or are cut off.
  void of_taps(const T* taps, Complex* spectrum) {
    std::fill_n(row, plan.size, T(0));
    std::copy_n(taps, std::min(plan.taps, plan.length), row);
    for (Index k = plan.length; plan.circular && k < plan.taps; ++k) row[k % plan.length] += taps[k];
    forward(spectrum);
  }

  // The row whose spectrum this is.
  void inverse(const Complex* spectrum) {
    fft.inv(row, spectrum, plan.size);
    const T scale = 1 / static_cast<T>(plan.size);
    for (Index i = 0; i < plan.size; ++i) row[i] *= scale;
  }

  // Convolution runs over the end, correlation over the beginning, which a transform puts at the far end. An element of
  // the row and its part that ran over:
  T convolved(Index n) const { return plan.wraps() ? row[n] + row[n + plan.length] : row[n]; }
  T correlated(Index n) const { return plan.wraps() ? row[n] + row[plan.size - plan.length + n] : row[n]; }
};

// product = a b, or a conj(b); written out, for the library's product checks for NaN.
template <bool Conjugate, bool Add, class T>
void multiply(const std::complex<T>* a, const std::complex<T>* b, std::complex<T>* product, Index count) {
  const T *p = reinterpret_cast<const T*>(a), *q = reinterpret_cast<const T*>(b);
  T* out = reinterpret_cast<T*>(product);
  for (Index i = 0; i < 2 * count; i += 2) {
    const T imaginary = Conjugate ? -q[i + 1] : q[i + 1];
    const T re = p[i] * q[i] - p[i + 1] * imaginary, im = p[i] * imaginary + p[i + 1] * q[i];
    out[i] = Add ? out[i] + re : re;
    out[i + 1] = Add ? out[i + 1] + im : im;
  }
}

// Scratch of one pass: a row and `spectra` spectra for each worker.
template <class T>
class Workers {
 public:
  using Complex = std::complex<T>;
  Workers(Tape& tape, const Plan& plan, int spectra)
      : plan_(plan),
        spectra_(spectra),
        transforms_(tape.workspace<Transforms<T>>()),
        memory_(tape.empty({tape.threads(), stride()}, dtype_of<T>())) {
    transforms_.reserve(tape.threads());
  }
  Worker<T> worker(Index w) { return {plan_, transforms_[w], memory_.data<T>() + w * stride()}; }
  Complex* spectrum(Index w, int i) {
    return reinterpret_cast<Complex*>(memory_.data<T>() + w * stride() + round(plan_.size)) + i * round(plan_.bins());
  }

 private:
  static Index round(Index count) { return (count + 15) / 16 * 16; }
  Index stride() const { return round(plan_.size) + spectra_ * 2 * round(plan_.bins()); }

  const Plan& plan_;
  int spectra_;
  Transforms<T>& transforms_;
  Tensor memory_;
};

// The spectra of all filters, [channels, bins].
template <class T>
Tensor tap_spectra(Tape& tape, const Plan& plan, const Tensor& kernel) {
  Workers<T> workers(tape, plan, 0);
  Tensor spectra = tape.empty({plan.channels, 2 * plan.bins()}, kernel.dtype());
  parallel_units(tape.threads(), plan.channels, [&](Index w, Index c) {
    workers.worker(w).of_taps(kernel.data<T>() + c * plan.taps,
                              reinterpret_cast<std::complex<T>*>(spectra.data<T>()) + c * plan.bins());
  });
  return spectra;
}

template <class T>
void forward(Tape& tape, const Plan& plan, const Tensor& x, const Tensor& kernel, Tensor& y) {
  const Tensor taps = tap_spectra<T>(tape, plan, kernel);
  const auto* filters = reinterpret_cast<const std::complex<T>*>(taps.data<T>());
  Workers<T> workers(tape, plan, 1);
  const T* in = x.data<T>();
  T* out = y.data<T>();
  parallel_units(tape.threads(), plan.samples * plan.channels, [&](Index w, Index row) {
    Worker<T> worker = workers.worker(w);
    std::complex<T>* spectrum = workers.spectrum(w, 0);
    worker.of_signal(in + row * plan.length, spectrum);
    multiply<false, false>(spectrum, filters + row % plan.channels * plan.bins(), spectrum, plan.bins());
    worker.inverse(spectrum);
    for (Index n = 0; n < plan.length; ++n) out[row * plan.length + n] = worker.convolved(n);
  });
}

template <class T>
void backward_x(Tape& tape, const Plan& plan, const Tensor& dy, const Tensor& kernel, Into to) {
  const Tensor taps = tap_spectra<T>(tape, plan, kernel);
  const auto* filters = reinterpret_cast<const std::complex<T>*>(taps.data<T>());
  Workers<T> workers(tape, plan, 1);
  T* out = to.grad.data<T>();
  parallel_units(tape.threads(), plan.samples * plan.channels, [&](Index w, Index row) {
    Worker<T> worker = workers.worker(w);
    std::complex<T>* spectrum = workers.spectrum(w, 0);
    worker.of_signal(dy.data<T>() + row * plan.length, spectrum);
    multiply<true, false>(spectrum, filters + row % plan.channels * plan.bins(), spectrum, plan.bins());
    worker.inverse(spectrum);
    T* at = out + row * plan.length;
    for (Index n = 0; n < plan.length; ++n) at[n] = (to.add ? at[n] : T(0)) + worker.correlated(n);
  });
}

template <class T>
void backward_kernel(Tape& tape, const Plan& plan, const Tensor& dy, const Tensor& x, Into to) {
  const Index chunks = (plan.samples + kChunk - 1) / kChunk;
  Tensor sums = tape.zeros({plan.channels, chunks, 2 * plan.bins()}, dy.dtype());
  auto* parts = reinterpret_cast<std::complex<T>*>(sums.data<T>());
  Workers<T> workers(tape, plan, 2);
  parallel_units(tape.threads(), plan.channels * chunks, [&](Index w, Index unit) {
    Worker<T> worker = workers.worker(w);
    const Index channel = unit / chunks, chunk = unit % chunks;
    for (Index b = chunk * kChunk; b < std::min(plan.samples, (chunk + 1) * kChunk); ++b) {
      const Index row = b * plan.channels + channel;
      worker.of_signal(dy.data<T>() + row * plan.length, workers.spectrum(w, 0));
      worker.of_signal(x.data<T>() + row * plan.length, workers.spectrum(w, 1));
      multiply<true, true>(workers.spectrum(w, 0), workers.spectrum(w, 1), parts + unit * plan.bins(), plan.bins());
    }
  });
  T* out = to.grad.data<T>();
  parallel_units(tape.threads(), plan.channels, [&](Index w, Index channel) {
    Worker<T> worker = workers.worker(w);
    std::complex<T>* total = parts + channel * chunks * plan.bins();
    for (Index chunk = 1; chunk < chunks; ++chunk)
      for (Index i = 0; i < plan.bins(); ++i) total[i] += total[chunk * plan.bins() + i];
    worker.inverse(total);
    T* at = out + channel * plan.taps;
    for (Index k = 0; k < plan.taps; ++k) {
      const T lag = k < plan.length || plan.circular ? worker.correlated(k % plan.length) : T(0);
      at[k] = (to.add ? at[k] : T(0)) + lag;
    }
  });
}

std::vector<Example> examples() {
  const auto with = [](FftBoundary boundary) {
    return [boundary](std::span<const Var> x) { return fft_conv(x[0], x[1], boundary); };
  };
  const char* circular = "torch.fft.irfft(torch.fft.rfft(a) * torch.fft.rfft(b, n=a.shape[-1]), n=a.shape[-1])";
  const char* causal = "torch.fft.irfft(torch.fft.rfft(a, n=64) * torch.fft.rfft(b, n=64), n=64)[..., :a.shape[-1]]";
  return {
      {"causal", {{{2, 3, 7}}, {{3, 4}}}, with(FftBoundary::causal), causal},
      {"causal, one filter for all", {{{3, 17}}, {{17}}}, with(FftBoundary::causal), causal},
      {"circular, a fast length", {{{2, 20}}, {{2, 20}}}, with(FftBoundary::circular), circular},
      {"circular, a prime length", {{{2, 2, 13}}, {{2, 5}}}, with(FftBoundary::circular), circular},
      {"more samples than a chunk", {{{11, 1, 4}}, {{1, 3}}}, with(FftBoundary::causal), causal},
  };
}

}  // namespace

const Op fft_conv_op{"fft_conv", examples};

Var fft_conv(const Var& x, const Var& kernel, FftBoundary boundary) {
  const std::string_view who = fft_conv_op.name;
  require(is_floating(x.dtype()) && x.dtype() == kernel.dtype(), who,
          "x is {} and the kernel {}; both were wanted as float32 or both as float64", x.dtype(), kernel.dtype());
  require(x.rank() >= 1, who, "x is a scalar; [.., N] was wanted");
  require(kernel.rank() == 1 || (kernel.rank() == 2 && x.rank() >= 2 && kernel.dim(0) == x.shape().back(1)), who,
          "the kernel is {} and x {}; [K], or [C, K] for x [.., C, N], was wanted", kernel.shape(), x.shape());
  Plan plan{};
  plan.length = x.shape().back();
  plan.taps = kernel.shape().back();
  plan.channels = kernel.rank() == 2 ? kernel.dim(0) : 1;
  plan.samples = x.size() == 0 ? 0 : x.size() / plan.length / plan.channels;
  plan.circular = boundary == FftBoundary::circular;
  if (plan.circular) plan.size = is_fast(plan.length) ? plan.length : fast_size(2 * plan.length);
  else plan.size = fast_size(plan.length + std::min(plan.taps, plan.length));
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  if (y.size() > 0)
    dispatch(x.dtype(), [&]<class T>(Type<T>) { forward<T>(tape, plan, x.value(), kernel.value(), y); });
  return Tape::record(fft_conv_op, {x, kernel}, std::move(y),
                      [plan, in = x.value(), taps = kernel.value()](const Tensor& dy, Gradients& dx) {
                        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
                          const bool empty = dy.size() == 0;
                          if (dx.wanted(0)) {
                            const Into to = dx.into(0);
                            if (!empty) backward_x<T>(dx.tape(), plan, dy, taps, to);
                          }
                          if (dx.wanted(1)) {
                            Into to = dx.into(1);
                            if (!empty) backward_kernel<T>(dx.tape(), plan, dy, in, to);
                            else if (!to.add) to.grad.fill(0);
                          }
                        });
                      });
}

}  // namespace tempera
