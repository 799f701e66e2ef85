#include "apps/bench/contenders.h"

#include <algorithm>
#include <ctime>
#include <iostream>
#include <limits>
#include <thread>

#include "apps/bench/timing.h"
#include "core/error.h"

namespace tempera::bench {
namespace {

constexpr std::string_view kWho = "bench";

void take_turn(Contender& c, double budget) {
  c.child->write(fmt::format("run {}", budget));
  const std::string line = c.child->read();
  require(!line.empty(), kWho, "{} on {} thread(s) ended in the middle of a turn", c.name, c.threads);
  c.turns.push_back(nlohmann::json::parse(line));
}

}  // namespace

double Contender::median_ms() const {
  std::vector<double> all;
  for (const nlohmann::json& turn : turns)
    for (const nlohmann::json& ms : turn["ms"]) all.push_back(ms.get<double>());
  return all.empty() ? std::numeric_limits<double>::quiet_NaN() : median(std::move(all));
}

double Contender::median_cpu_ms() const {
  std::vector<double> all;
  for (const nlohmann::json& turn : turns)
    all.push_back(1000 * turn["cpu"].get<double>() / static_cast<double>(turn["ms"].size()));
  return all.empty() ? std::numeric_limits<double>::quiet_NaN() : median(std::move(all));
}

bool start(Contender& c, const std::vector<std::string>& command) {
  std::string line;
  c.ready_ms = 1000 * seconds([&] {
                 c.child = std::make_unique<Child>(command, c.name == "compile");
                 line = c.child->read();
               });
  if (line.empty()) return false;
  c.ready = nlohmann::json::parse(line);
  return true;
}

std::vector<int> thread_counts(bool given, int threads) {
  const int most = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (given) return {threads};
  return most == 1 ? std::vector<int>{1} : std::vector<int>{1, most};
}

std::vector<Contender> take_turns(const Turns& turns, const std::string& what, const Command& command) {
  std::vector<Contender> all;
  for (const int threads : turns.threads) all.push_back({"tempera", threads});
  if (turns.peer)
    for (const char* mode : {"eager", "compile"})
      for (const int threads : turns.threads)
        if (turns.compile || std::string_view(mode) != "compile") all.push_back({mode, threads});
  std::erase_if(all, [&](Contender& c) {
    if (start(c, command(c))) return false;
    require(!c.own(), kWho, "{} does not run", what);
    fmt::print(stderr, "{}: PyTorch, {}, {} thread(s): does not run here, left out\n", what, c.name, c.threads);
    return true;
  });
  for (Contender& c : all) take_turn(c, turns.seconds / 4);
  for (Contender& c : all) c.turns.clear();
  for (int i = 0; i < turns.repeat; ++i)
    for (Contender& c : all) take_turn(c, turns.seconds);
  for (Contender& c : all) c.memory = c.child->peak_memory();
  if (turns.peer)
    for (const Contender& c : all)
      fmt::print(stderr, "{:<14}{:<8} {} thread(s) {:10.2f} ms {:10.2f} ms of processors {:8.0f} MB\n", what, c.name,
                 c.threads, c.median_ms(), c.median_cpu_ms(), c.memory * 1e-6);
  return all;
}

const Contender& best_peer(std::span<const Contender> all) {
  const Contender* best = nullptr;
  for (const Contender& c : all)
    if (!c.own() && (!best || c.median_ms() < best->median_ms())) best = &c;
  require(best != nullptr, kWho, "PyTorch does not run here; pip install torch==2.13.0");
  return *best;
}

double process_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void serve(const nlohmann::json& ready, int least, const std::function<void()>& round,
           const std::function<void(const std::function<void()>&, nlohmann::json&)>& around) {
  const auto tell = [](const nlohmann::json& line) { std::cout << line.dump() << std::endl; };
  tell(ready);
  std::string word;
  double budget = 0;
  while (std::cin >> word >> budget) {
    nlohmann::json said;
    const auto turn = [&] {
      std::vector<double> ms;
      const double cpu = process_seconds();
      for (double spent = 0; spent < budget || std::ssize(ms) < least; spent += ms.back() / 1000)
        ms.push_back(1000 * seconds(round));
      said["cpu"] = process_seconds() - cpu;
      said["ms"] = std::move(ms);
    };
    if (around) around(turn, said);
    else turn();
    tell(said);
  }
}

}  // namespace tempera::bench
