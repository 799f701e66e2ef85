// Ranks that are threads of one process: what is true of them is true of processes, and a test can look at all.
#pragma once

#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "train/distributed/ranks.h"

namespace tempera {

// What they share.
class ThreadTeam {
 public:
  struct Broken {};  // another one has thrown

  explicit ThreadTeam(int size) : slots_(static_cast<std::size_t>(size)) {}

  void barrier() {
    std::unique_lock lock(mutex_);
    const auto round = round_;
    if (++arrived_ == slots_.size()) {
      arrived_ = 0;
      ++round_;
      changed_.notify_all();
    }
    wait(lock, [&] { return round_ != round; });
  }
  void all_sum(int rank, std::span<double> values) {
    slots_[static_cast<std::size_t>(rank)] = values;
    barrier();
    std::vector<double> sums(values.size(), 0);
    for (const std::span<double> slot : slots_)
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += slot[i];
    barrier();
    std::copy(sums.begin(), sums.end(), values.begin());
  }
  void send(int from, const Ranks::Message& message) {
    const std::lock_guard lock(mutex_);
    mail_[{from, message.peer}].emplace_back(message.bytes.begin(), message.bytes.end());
    changed_.notify_all();
  }
  // Throws std::length_error where another size comes than was expected.
  void receive(int to, const Ranks::Message& message) {
    std::unique_lock lock(mutex_);
    auto& box = mail_[{message.peer, to}];
    wait(lock, [&] { return !box.empty(); });
    if (box.front().size() != message.bytes.size()) throw std::length_error("a message of another size came");
    std::copy(box.front().begin(), box.front().end(), message.bytes.begin());
    box.pop_front();
  }
  void break_up() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    changed_.notify_all();
  }
  bool mail_is_left() const {
    for (const auto& [who, box] : mail_)
      if (!box.empty()) return true;
    return false;
  }

 private:
  template <class F>
  void wait(std::unique_lock<std::mutex>& lock, F&& holds) {
    changed_.wait(lock, [&] { return broken_ || holds(); });
    if (!holds()) throw Broken();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::span<double>> slots_;
  std::map<std::pair<int, int>, std::deque<std::vector<std::byte>>> mail_;
  std::size_t arrived_ = 0, round_ = 0;
  bool broken_ = false;
};

class ThreadRanks final : public Ranks {
 public:
  ThreadRanks(ThreadTeam& team, int rank, int size) : Ranks(rank, size), team_(team) {}
  void exchange(std::span<const Message> sends, std::span<const Message> receives) override {
    for (const Message& message : sends) team_.send(rank(), message);
    for (const Message& message : receives) team_.receive(rank(), message);
  }
  void all_sum(std::span<double> values) override { team_.all_sum(rank(), values); }
  void barrier() override { team_.barrier(); }
  void abort(int) override { throw ThreadTeam::Broken(); }

 private:
  ThreadTeam& team_;
};

// f(ranks) on so many threads. An exception of one ends all and is thrown on.
template <class F>
void on_thread_ranks(int size, F&& f) {
  ThreadTeam team(size);
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      ThreadRanks ranks(team, rank, size);
      try {
        f(ranks);
      } catch (const ThreadTeam::Broken&) {
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
        team.break_up();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  if (team.mail_is_left()) throw std::logic_error("a message was sent that nobody wanted");
}

}  // namespace tempera
