#include "train/distributed/launcher.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "core/error.h"
#include "train/distributed/mpi_ranks.h"

using namespace tempera;

namespace {

// A variable of the environment for a while.
struct Variable {
  Variable(const char* name_, const char* value) : name(name_) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name); }
  const char* name;
};

}  // namespace

TEST_CASE("a process knows whether it was started as one of several", "[ranks]") {
  CHECK(launched().tasks == 1);
  CHECK(join_ranks()->size() == 1);
  {
    const Variable step("SLURM_STEP_NUM_TASKS", "3");
    CHECK(launched().launcher == "srun");
    CHECK(launched().tasks == 3);
    const Variable mpirun("OMPI_COMM_WORLD_SIZE", "2");  // below a step of Slurm
    CHECK(launched().launcher == "mpirun");
    CHECK(launched().tasks == 2);
    if (!has_mpi())
      CHECK_THROWS_WITH(join_ranks(),
                        "ranks: mpirun started 2 processes, but this build knows no MPI and each would train the whole "
                        "model; `./dev setup mpi` and build again, or start one process");
  }
  const Variable one("OMPI_COMM_WORLD_SIZE", "1");
  CHECK(join_ranks()->size() == 1);
}

TEST_CASE("what a launcher said is not handed on", "[ranks]") {
  const Variable size("OMPI_COMM_WORLD_SIZE", "2"), mine("TEMPERA_TEST_VARIABLE", "kept");
  const std::vector<std::string> kept = environment_without_launcher();
  CHECK(std::ranges::count(kept, "TEMPERA_TEST_VARIABLE=kept") == 1);
  CHECK(std::ranges::none_of(kept, [](const std::string& entry) { return entry.starts_with("OMPI_"); }));
}

TEST_CASE("a process on its own talks to nobody", "[ranks]") {
  SingleRank alone;
  double value = 3;
  alone.all_sum({&value, 1});
  CHECK(value == 3);
  CHECK(alone.any(true));
  CHECK_FALSE(alone.any(false));
  CHECK(alone.same(4));
  std::byte byte{};
  const Ranks::Message message{1, {&byte, 1}};
  CHECK_THROWS_WITH(alone.exchange({&message, 1}, {}), "ranks: a process on its own has nobody to talk to");
}
