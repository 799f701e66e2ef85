#include "apps/bench/benchmarks.h"
#include "apps/bench/timing.h"
#include "core/ops/linear.h"
#include "core/ops/linear_cross_entropy.h"
#include "core/random.h"

namespace tempera::bench {
namespace {

// Output layer and loss, forward and backward, in the one or the other form.
class Head {
 public:
  Head(Index rows, Index width, Index classes, int threads) : tape_(threads), rows_(rows) {
    x_ = Tensor::empty({rows, width}, DType::float32);
    w_ = Tensor::empty({classes, width}, DType::float32);
    Rng(1, "x").fill_normal(x_, 0, 1);
    Rng(1, "w").fill_normal(w_, 0, 0.1);
    targets_ = Tensor::empty({rows}, DType::int32);
    for (Index i = 0; i < rows; ++i) targets_.set(i, static_cast<double>(i * 7 % classes));
    dx_ = x_.clone();
    dw_ = w_.clone();
  }

  void operator()(bool fused) {
    tape_.reset();
    const Var x = tape_.parameter(x_, dx_), w = tape_.parameter(w_, dw_);
    const auto n = static_cast<double>(rows_);
    tape_.backward(fused ? linear_cross_entropy(x, w, {}, targets_, {}, n, {})
                         : cross_entropy(linear(x, w), targets_, {}, n, {}));
  }

  double peak_megabytes(bool fused) {
    tape_.reset_peak();
    (*this)(fused);
    tape_.reset();
    return static_cast<double>(tape_.peak_bytes()) * 1e-6;
  }

 private:
  Tape tape_;
  Index rows_;
  Tensor x_, w_, dx_, dw_, targets_;
};

}  // namespace

Table cross_entropy(const Options& options) {
  Table table(
      fmt::format("output layer and loss, forward and backward, float32, {} thread(s), medians", options.threads),
      {{"rows"},
       {"width"},
       {"classes"},
       {"repeats"},
       {"fused ms", "{:.2f}"},
       {"separate ms", "{:.2f}"},
       {"ratio", "{:.2f}"},
       {"fused MB", "{:.1f}"},
       {"separate MB", "{:.1f}"}});
  for (const auto [rows, width, classes] :
       {std::array<Index, 3>{2048, 128, 96}, {2048, 256, 256}, {1024, 256, 8192}, {512, 256, 50257}}) {
    Head head(rows, width, classes, options.threads);
    const double fused_peak = head.peak_megabytes(true), separate_peak = head.peak_megabytes(false);
    const auto [fused, separate, repeats] = compare(
        options.seconds, [&] { head(true); }, [&] { head(false); });
    table.add({std::int64_t{rows}, std::int64_t{width}, std::int64_t{classes}, std::int64_t{repeats}, fused * 1e3,
               separate * 1e3, separate / fused, fused_peak, separate_peak});
  }
  return table;
}

}  // namespace tempera::bench
