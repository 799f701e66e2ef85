#include "apps/bench/benchmarks.h"
#include "apps/bench/timing.h"
#include "core/random.h"
#include "train/optimizer/optimizer.h"

namespace tempera::bench {

// Every rule against a loop that scales as much memory in place.
Table optimizers(const Options& options) {
  Table table(fmt::format("one step over a square matrix, float32, {} thread(s), medians", options.threads),
              {{"rule"},
               {"parameters"},
               {"repeats"},
               {"ns per parameter", "{:.2f}"},
               {"GB/s", "{:.1f}"},
               {"scale loop GB/s", "{:.1f}"},
               {"share", "{:.2f}"}});
  for (const Kind& kind : optimizer_kinds())
    for (const Index side : {256, 2896}) {
      if (kind.name == "muon" && side > 1000) continue;  // products decide there
      const Index size = side * side;
      const auto made = kind.make();
      const auto optimizer = dynamic_cast<const OptimizerOptions&>(*made).make(
          {{.size = size, .rows = side, .cols = side, .hidden_matrix = true}});
      Tensor values = Tensor::empty({size}, DType::float32), gradients = Tensor::empty({size}, DType::float32);
      Rng(1, "p").fill_normal(values, 0, 1);
      Rng(1, "g").fill_normal(gradients, 0, 1);
      optimizer->prepare(size, DType::float32);
      const auto states = static_cast<double>(optimizer->states().size());
      // As much memory as the rule touches, so that neither finds it in a cache where the other cannot.
      Tensor scaled = Tensor::full({size * (2 + std::ssize(optimizer->states()))}, DType::float32, 1);
      std::int64_t step = 0;
      const auto [rule, scale, repeats] = compare(
          options.seconds,
          [&] { optimizer->step(values, gradients, {.step = ++step, .lr = 1e-6, .threads = options.threads}); },
          [&] { scaled.vec<float>() *= 1.0001F; });
      // Parameters and states are read and written, gradients read.
      const double bytes = static_cast<double>(size) * 4 * (3 + 2 * states);
      const double rate = bytes / rule * 1e-9, ceiling = static_cast<double>(scaled.size()) * 8 / scale * 1e-9;
      table.add({std::string(kind.name), std::int64_t{size}, std::int64_t{repeats},
                 rule / static_cast<double>(size) * 1e9, rate, ceiling, rate / ceiling});
    }
  return table;
}

}  // namespace tempera::bench
