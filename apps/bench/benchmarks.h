// The benchmarks of the program `bench`, each in a file of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/support/table.h"

namespace tempera::bench {

struct Options {
  int threads = 1;
  bool threads_given = false;     // else a benchmark may choose
  double seconds = 0.5;           // to spend on one measurement, about
  std::vector<std::string> rest;  // options of a benchmark's own
};

struct Benchmark {
  std::string_view name, what;
  Table (*run)(const Options&);
  bool own_options = false;  // reads Options::rest; others refuse what is left there
};

Table attention(const Options& options);
Table exponents(const Options& options);
Table gemm(const Options& options);
Table cross_entropy(const Options& options);
Table decoding(const Options& options);
Table gradcheck(const Options& options);
Table kernels(const Options& options);
Table optimizers(const Options& options);
Table pointwise(const Options& options);
Table steps(const Options& options);
Table streaming(const Options& options);

inline constexpr Benchmark kBenchmarks[] = {
    {"attention", "every attention over growing lengths: time, memory, exponents; --only NAME --longest N --causal",
     attention, true},
    {"gemm", "matrix products against libraries and the peak; --type f32|f64 --set quick|layer|tile", gemm, true},
    {"cross_entropy", "output layer and loss as one operation against two", cross_entropy},
    {"decoding", "text written with the cache; --rows A,B --batch 1,8 --repeat N --peer --eager", decoding, true},
    {"exponents", "whether time and memory of every attention grow with the length as declared", exponents},
    {"gradcheck", "every operation's gradient against finite differences: worst error, checks, kinks", gradcheck},
    {"kernels", "kernels against roofline and libraries; --set main|softmax|topk --peer --only NAME", kernels, true},
    {"optimizers", "one step of every rule against a loop that scales as much memory", optimizers},
    {"pointwise", "a chain of four elementwise operations as one lambda against four operations", pointwise},
    {"streaming", "streaming attention, one thread, beside PyTorch's with --peer", streaming, true},
    {"steps", "training steps of fixed models, beside PyTorch; --rows A,B --repeat N --peer --eager --exponent", steps,
     true},
};

}  // namespace tempera::bench
