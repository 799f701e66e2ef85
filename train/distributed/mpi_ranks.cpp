#include "train/distributed/mpi_ranks.h"

#include "core/error.h"

#ifdef TEMPERA_MPI

#define OMPI_SKIP_MPICXX 1  // the bindings for C++, which MPI has given up
#include <algorithm>
#include <cstdlib>
#include <mpi.h>
#include <vector>

namespace tempera {
namespace {

constexpr std::size_t kLargest = std::size_t{1} << 30U;  // bytes of one message; MPI counts in int

// Errors of MPI end all ranks with MPI's own message (MPI_ERRORS_ARE_FATAL), so no return value needs a look.
class MpiRanks final : public Ranks {
 public:
  MpiRanks(int rank, int size) : Ranks(rank, size) {}
  ~MpiRanks() override { MPI_Finalize(); }

  void exchange(std::span<const Message> sends, std::span<const Message> receives) override {
    requests_.clear();
    for (const Message& message : receives)
      each_part(message, [&](void* at, int count) {
        MPI_Irecv(at, count, MPI_BYTE, message.peer, 0, MPI_COMM_WORLD, &requests_.emplace_back());
      });
    for (const Message& message : sends)
      each_part(message, [&](void* at, int count) {
        MPI_Isend(at, count, MPI_BYTE, message.peer, 0, MPI_COMM_WORLD, &requests_.emplace_back());
      });
    MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
  }
  void all_sum(std::span<double> values) override {
    MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  }
  void barrier() override { MPI_Barrier(MPI_COMM_WORLD); }
  void abort(int exit_code) override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  template <class F>
  static void each_part(const Message& message, F&& f) {
    for (std::size_t at = 0; at < message.bytes.size(); at += kLargest)
      f(message.bytes.data() + at, static_cast<int>(std::min(kLargest, message.bytes.size() - at)));
  }

  std::vector<MPI_Request> requests_;
};

}  // namespace

bool has_mpi() {
  return true;
}

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string whole(text, static_cast<std::size_t>(length));
  return whole.substr(0, whole.find(','));
}

std::unique_ptr<Ranks> join_mpi() {
  int given = 0, rank = 0, size = 1;
  // Only the thread that trains talks to others.
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return std::make_unique<MpiRanks>(rank, size);
}

}  // namespace tempera

#else

namespace tempera {

bool has_mpi() {
  return false;
}

std::string mpi_version() {
  return "no MPI";
}

std::unique_ptr<Ranks> join_mpi() {
  fail("ranks", "this build knows no MPI; `./dev setup mpi` and build again");
}

}  // namespace tempera

#endif
