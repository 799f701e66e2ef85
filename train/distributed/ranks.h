// Several processes that train one model together, on one machine or on many; each is a rank, 0 to size() - 1.
//
// All ranks run the same program and call the same of these functions in the same order. What the functions give is
// exact or only moves bytes, so no result depends on who came first.
#pragma once

#include <cstddef>
#include <span>

namespace tempera {

class Ranks {
 public:
  Ranks(int rank, int size) : rank_(rank), size_(size) {}
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool leads() const { return rank_ == 0; }  // the one that writes files and speaks

  struct Message {
    int peer;
    std::span<std::byte> bytes;
  };
  // Sends and receives all of these, and returns when they are there. Messages between two ranks pair up in the order
  // in which they are listed.
  virtual void exchange(std::span<const Message> sends, std::span<const Message> receives) = 0;
  // values[i] becomes the sum over the ranks. Exact, hence the same whatever their number, where at most one rank has
  // something other than zero there.
  virtual void all_sum(std::span<double> values) = 0;
  virtual void barrier() = 0;
  // Ends all ranks, with this exit code.
  virtual void abort(int exit_code) = 0;

  bool any(bool mine);        // whether it holds on one of them
  double told(double value);  // that of rank 0
  bool same(double value);    // whether all have the value of rank 0

 private:
  int rank_, size_;
};

// A process on its own.
class SingleRank final : public Ranks {
 public:
  SingleRank() : Ranks(0, 1) {}
  void exchange(std::span<const Message> sends, std::span<const Message> receives) override;
  void all_sum(std::span<double>) override {}
  void barrier() override {}
  void abort(int exit_code) override;
};
Ranks& single_rank();

}  // namespace tempera
