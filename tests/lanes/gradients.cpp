// A1 to A9: gradients against finite differences, mutants, goldens, slow twins, extremes.
#include <algorithm>
#include <cstdio>

#include "attention/ops.h"
#include "core/gradcheck.h"
#include "core/ops/table.h"
#include "tests/lanes/trial.h"
#include "tests/support/mutants.h"

namespace tempera::lanes {
namespace {

// Mutants that change a gradient, and those of them that the check rejects.
struct Killed {
  std::int64_t mutants = 0, killed = 0;
};

void try_mutants(const Op& op, Killed& all) {
  int inputs = 0;
  for (const Example& example : op.examples()) inputs = std::max(inputs, static_cast<int>(example.inputs.size()));
  for (const auto& [kind, name] : kMutations)
    for (int input = 0; input < inputs; ++input) {
      Mutant mutant(op.name, input, kind);
      bool killed = false;
      for (int seed = 1; seed <= 3 && !killed; ++seed) killed = !gradcheck(op, seed, &mutant).ok;
      if (!mutant.changed) continue;
      ++all.mutants;
      all.killed += killed;
      if (!killed) std::printf("%s, input %d: %s survives\n", std::string(op.name).c_str(), input, name.data());
    }
}

}  // namespace

void gradient_lane(const Tools& tools, int count, Figures& figures) {
  std::int64_t ops = 0, proved = 0;
  double worst = 0;
  Killed killed;
  for (const auto table : {all_ops(), attention_ops()})
    for (const Op* op : table) {
      ++ops;
      const int examples = static_cast<int>(op->examples().size());
      const OpCheck check = gradcheck(*op, (count + examples - 1) / std::max(1, examples));
      if (!check.ok) std::printf("%s\n", check.failure.c_str());
      proved += check.ok && check.checks >= count;
      worst = std::max(worst, check.worst);
      try_mutants(*op, killed);
    }
  figures.all("A1", proved, ops);
  figures.at_most("A2", worst, 1e-8);
  suite("A4", tools, "[contract],[gradcheck]", figures);
  figures.all("A5", killed.killed, killed.mutants);
  suite("A6", tools, "float32 agrees with float64*,*precision*", figures);
  suite("A7", tools, "[goldens]", figures);
  suite("A8", tools, "[twins],[kernels]", figures);
  suite("A9", tools, "[extremes],*huge*,*empty*,*masked*", figures);
}

}  // namespace tempera::lanes
