#include "core/pointwise.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "apps/bench/benchmarks.h"
#include "core/ops/elementwise.h"
#include "core/random.h"

namespace tempera::bench {
namespace {

using Chain = Var (*)(const Var&, const Var&);

struct Pair {
  const char* name;
  Chain fused, separate;
};

// Four links each: one of plain arithmetic, where memory decides, and one with an exponential in it.
constexpr Pair kPairs[] = {
    {"relu(a b + a) b",
     [](const Var& a, const Var& b) {
       return tempera::pointwise(
           [](auto x, auto y) {
             const auto z = x * y + x;
             return where(z > 0, z, decltype(z)(0)) * y;
           },
           a, b);
     },
     [](const Var& a, const Var& b) { return relu(a * b + a) * b; }},
    {"a sigmoid(a) b + a",
     [](const Var& a, const Var& b) {
       return tempera::pointwise([](auto x, auto y) { return x * sigmoid(x) * y + x; }, a, b);
     },
     [](const Var& a, const Var& b) { return a * sigmoid(a) * b + a; }},
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class Step {
 public:
  Step(Index size, int threads) : tape_(threads) {
    for (Tensor* t : {&a_, &b_, &dy_}) *t = Tensor::empty({size}, DType::float32);
    Rng(1, "a").fill_uniform(a_, -2, 2);
    Rng(1, "b").fill_uniform(b_, -2, 2);
    dy_.fill(1);
    da_ = a_.clone();
    db_ = b_.clone();
  }

  // Seconds of one forward and backward pass.
  double operator()(Chain chain) {
    const auto start = std::chrono::steady_clock::now();
    tape_.backward(chain(tape_.parameter(a_, da_), tape_.parameter(b_, db_)), dy_);
    tape_.reset();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  Tape tape_;
  Tensor a_, b_, da_, db_, dy_;
};

}  // namespace

Table pointwise(const Options& options) {
  Table table(fmt::format("forward and backward pass, float32, {} thread(s), medians", options.threads),
              {{"chain"},
               {"elements"},
               {"MB per tensor", "{:.2f}"},
               {"repeats"},
               {"one lambda ms", "{:.3f}"},
               {"four operations ms", "{:.3f}"},
               {"ratio", "{:.2f}"}});
  for (const Pair& pair : kPairs)
    for (const Index size : {10'000, 1'000'000, 16'000'000}) {
      Step step(size, options.threads);
      const double once = step(pair.fused) + step(pair.separate);  // and the memory is warm
      const int repeats = static_cast<int>(std::clamp(options.seconds / once, 9., 2000.));
      std::vector<double> fused, separate;
      for (int i = 0; i < repeats; ++i)
        // Interleaved and in both orders, so that neither gets the quieter machine or the warmer cache.
        if (i % 2 == 0) {
          fused.push_back(step(pair.fused));
          separate.push_back(step(pair.separate));
        } else {
          separate.push_back(step(pair.separate));
          fused.push_back(step(pair.fused));
        }
      const double f = median(fused), s = median(separate);
      table.add({std::string(pair.name), std::int64_t{size}, static_cast<double>(size) * 4e-6, std::int64_t{repeats},
                 f * 1e3, s * 1e3, s / f});
    }
  return table;
}

}  // namespace tempera::bench
