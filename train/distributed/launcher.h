// How a process finds out that it was started as one of several, by mpirun or by Slurm's srun.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/distributed/ranks.h"

namespace tempera {

// What the environment says: mpirun and srun number the processes they start.
struct Launch {
  std::string launcher;  // "mpirun", "srun"; empty: nobody started several
  int tasks = 1;
};
Launch launched();

// The ranks that this process belongs to; one alone where nothing started several. MPI begins here and ends with the
// object. Throws Error where several processes were started but do not see each other, because this build has no MPI
// or the launcher is of another one: each would do the whole work.
std::unique_ptr<Ranks> join_ranks();

// The environment without what a launcher put there ("NAME=value"), for processes that shall not count as its ranks.
std::vector<std::string> environment_without_launcher();

}  // namespace tempera
