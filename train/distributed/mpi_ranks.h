// Ranks that speak MPI; the only place that knows it.
#pragma once

#include <memory>
#include <string>

#include "train/distributed/ranks.h"

namespace tempera {

bool has_mpi();  // whether this was built with one
std::string mpi_version();
// All processes of MPI_COMM_WORLD. MPI ends with the object; once in a process. Throws Error without MPI.
std::unique_ptr<Ranks> join_mpi();

}  // namespace tempera
