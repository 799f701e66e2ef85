#include "core/gradcheck.h"

#include "apps/bench/benchmarks.h"
#include "core/ops/table.h"

namespace tempera::bench {

Table gradcheck(const Options&) {
  constexpr int kDraws = 64;  // at least, per operation
  Table table(
      "gradients against central differences with Ridders' extrapolation, float64",
      {{"operation"}, {"checks"}, {"kinks"}, {"worst relative error", "{:.1e}"}, {"tolerance", "{:.0e}"}, {"ok"}});
  std::int64_t checks = 0, kinks = 0;
  double worst = 0, tolerance = 0;
  bool ok = true;
  for (const Op* op : all_ops()) {
    const int examples = static_cast<int>(op->examples().size());
    const OpCheck check = tempera::gradcheck(*op, (kDraws + examples - 1) / examples);
    table.add({std::string(op->name), std::int64_t{check.checks}, std::int64_t{check.kinks}, check.worst, op->tolerance,
               std::string(check.ok ? "yes" : "NO")});
    checks += check.checks;
    kinks += check.kinks;
    worst = std::max(worst, check.worst);
    tolerance = std::max(tolerance, op->tolerance);
    ok = ok && check.ok;
  }
  table.add({std::string("all"), checks, kinks, worst, tolerance, std::string(ok ? "yes" : "NO")});
  return table;
}

}  // namespace tempera::bench
