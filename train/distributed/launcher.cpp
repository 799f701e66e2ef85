#include "train/distributed/launcher.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

#include "core/error.h"
#include "train/distributed/mpi_ranks.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "ranks";

// The number in a variable of the environment; 0 where there is none.
int number_in(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return 0;
  const std::string_view text = value;
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Launch launched() {
  if (const int tasks = number_in("OMPI_COMM_WORLD_SIZE"); tasks > 0) return {"mpirun", tasks};
  // Of a step, not of a job: a batch script that starts one process is no launcher.
  if (const int tasks = number_in("SLURM_STEP_NUM_TASKS"); tasks > 0) return {"srun", tasks};
  if (const int tasks = number_in("PMI_SIZE"); tasks > 0) return {"mpirun", tasks};
  return {};
}

std::unique_ptr<Ranks> join_ranks() {
  const Launch launch = launched();
  if (launch.tasks == 1) return std::make_unique<SingleRank>();
  require(has_mpi(), kWho,
          "{} started {} processes, but this build knows no MPI and each would train the whole model; "
          "`./dev setup mpi` and build again, or start one process",
          launch.launcher, launch.tasks);
  std::unique_ptr<Ranks> ranks = join_mpi();
  require(ranks->size() == launch.tasks, kWho,
          "{} started {} processes, but MPI knows of {}; each would train the whole model. Take the mpirun of the MPI "
          "that this was built with ({}), or `srun --mpi=pmix`",
          launch.launcher, launch.tasks, ranks->size(), mpi_version());
  return ranks;
}

std::vector<std::string> environment_without_launcher() {
  constexpr std::array<std::string_view, 6> kPrefixes = {"OMPI_", "PMIX_", "PMI_", "PRTE_", "SLURM_STEP_", "SLURM_PMI"};
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool launcher = false;
    for (const std::string_view prefix : kPrefixes) launcher = launcher || text.starts_with(prefix);
    if (!launcher) kept.emplace_back(text);
  }
  return kept;
}

}  // namespace tempera
