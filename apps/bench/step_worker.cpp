#include "apps/bench/step_worker.h"

#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/bench/timing.h"
#include "apps/support/peak.h"

namespace tempera::bench {
namespace {

constexpr int kLeastSteps = 3;

double process_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void tell(const nlohmann::json& line) {
  std::cout << line.dump() << std::endl;
}

template <class T>
void serve(StepModel& model) {
  std::string word;
  double budget = 0;
  while (std::cin >> word >> budget) {
    std::vector<double> ms;
    const double before = peak_gflops<T>(), cpu = process_seconds();
    for (double spent = 0; spent < budget || ms.size() < kLeastSteps; spent += ms.back() / 1000)
      ms.push_back(1000 * seconds([&] { model.trainer().step(); }));
    const double used = process_seconds() - cpu, after = peak_gflops<T>();
    tell({{"ms", ms}, {"cpu", used}, {"peak", (before + after) / 2}});
  }
}

}  // namespace

void serve_steps(const StepRow& row, int threads, int shard) {
  StepModel model(row, threads, shard);
  model.trainer().step();
  tell({{"flops", 3 * model.forward_flops()}, {"tokens", row.batch * row.length}});
  if (row.dtype == "float64") serve<double>(model);
  else serve<float>(model);
}

}  // namespace tempera::bench
