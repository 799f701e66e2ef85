#include "core/pointwise.h"

#include "apps/bench/benchmarks.h"
#include "apps/bench/timing.h"
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

  // One forward and backward pass.
  void operator()(Chain chain) {
    tape_.backward(chain(tape_.parameter(a_, da_), tape_.parameter(b_, db_)), dy_);
    tape_.reset();
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
      const auto [fused, separate, repeats] = compare(
          options.seconds, [&] { step(pair.fused); }, [&] { step(pair.separate); });
      table.add({std::string(pair.name), std::int64_t{size}, static_cast<double>(size) * 4e-6, std::int64_t{repeats},
                 fused * 1e3, separate * 1e3, separate / fused});
    }
  return table;
}

}  // namespace tempera::bench
