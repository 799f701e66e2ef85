// Training steps of fixed models: speed, share of the machine's peak, memory; beside the same in PyTorch.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/bench/benchmarks.h"
#include "apps/bench/child.h"
#include "apps/bench/step_worker.h"
#include "apps/bench/timing.h"

namespace tempera::bench {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Settings {
  std::vector<std::string> rows;
  std::vector<int> threads;  // the last is the figure, the others tell how it scales
  bool peer = false, compile = true;
  int repeat = 5, shard = 0, length = 0;
  double seconds = 0.5;  // of a turn
};

// One way to train a row, in its own process, and what was measured.
struct Candidate {
  std::string name;
  int threads;
  bool own;
  std::unique_ptr<Child> child = {};
  double first_step = 0, memory = 0;  // milliseconds from the program's start; bytes
  double flops = 0, tokens = 0;
  std::vector<double> ms = {}, cpu_ms = {}, shares = {}, cpu_shares = {};
  double median_ms() const { return ms.empty() ? kNone : median(ms); }
};

std::vector<std::string> command(const Settings& s, const Candidate& c, const std::string& row) {
  const std::string threads = std::to_string(c.threads);
  if (c.own)
    return {"/proc/self/exe", "steps",
            "--worker",       row,
            "--threads",      threads,
            "--shard",        std::to_string(s.shard),
            "--length",       std::to_string(s.length)};
  return {"python3", TEMPERA_BENCH_DIR "/steps_peer.py", row, c.name, threads};
}

// False where the program ends before its first step.
bool start(const Settings& s, Candidate& c, const std::string& row) {
  std::string line;
  c.first_step = 1000 * seconds([&] {
                   c.child = std::make_unique<Child>(command(s, c, row), c.name == "compile");
                   line = c.child->read();
                 });
  if (line.empty()) return false;
  const auto said = nlohmann::json::parse(line);
  c.flops = said.value("flops", 0.);
  c.tokens = said.value("tokens", 0.);
  return true;
}

void take_turn(const Settings& s, Candidate& c) {
  c.child->write(fmt::format("run {}", s.seconds));
  const auto said = nlohmann::json::parse(c.child->read());
  const auto ms = said["ms"].get<std::vector<double>>();
  c.ms.insert(c.ms.end(), ms.begin(), ms.end());
  const double cpu = 1000 * said["cpu"].get<double>() / static_cast<double>(ms.size());
  c.cpu_ms.push_back(cpu);
  if (!c.own) return;
  const double peak = said["peak"].get<double>(), gflop = c.flops * 1e-9;
  for (const double step : ms) c.shares.push_back(gflop / (step / 1000) / (peak * c.threads));
  c.cpu_shares.push_back(gflop / (cpu / 1000) / peak);
}

// All candidates of a row, in turns.
std::vector<Candidate> measure(const Settings& s, const std::string& row) {
  std::vector<Candidate> all;
  for (const int threads : s.threads) all.push_back({"tempera", threads, true});
  if (s.peer)
    for (const char* mode : {"eager", "compile"})
      for (const int threads : s.threads)
        if (s.compile || std::string_view(mode) != "compile") all.push_back({mode, threads, false});
  std::erase_if(all, [&](Candidate& c) {
    if (start(s, c, row)) return false;
    require(!c.own, "bench steps", "row {} could not be trained", row);
    fmt::print(stderr, "{}: PyTorch, {}, {} thread(s): does not run here, left out\n", row, c.name, c.threads);
    return true;
  });
  Settings warm = s;
  warm.seconds = s.seconds / 4;
  for (Candidate& c : all) take_turn(warm, c);
  for (Candidate& c : all) c.ms.clear(), c.cpu_ms.clear(), c.shares.clear(), c.cpu_shares.clear();
  for (int i = 0; i < s.repeat; ++i)
    for (Candidate& c : all) take_turn(s, c);
  for (Candidate& c : all) c.memory = c.child->peak_memory();
  return all;
}

Settings settings_of(const Options& options, std::string& worker) {
  Settings s;
  CLI::App app("", "bench steps");
  bool eager = false;
  app.add_option("--rows", s.rows, "rows, all unless said")->delimiter(',');
  app.add_option("--repeat", s.repeat, "turns of each candidate")->check(CLI::PositiveNumber);
  app.add_option("--shard", s.shard, "samples of a shard, see train.shard")->check(CLI::NonNegativeNumber);
  app.add_option("--length", s.length, "of the sequences, in place of the row's")->check(CLI::NonNegativeNumber);
  app.add_flag("--peer", s.peer, "beside PyTorch");
  app.add_flag("--eager", eager, "PyTorch without torch.compile");
  app.add_option("--worker", worker, "serve this row; what the benchmark starts");
  std::vector<std::string> words(options.rest.rbegin(), options.rest.rend());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& e) {
    fail("bench steps", "{}", e.what());
  }
  require(!s.peer || s.length == 0, "bench steps", "PyTorch has the rows' own lengths; leave out --length or --peer");
  s.compile = !eager;
  s.seconds = options.seconds;
  const int most = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (options.threads_given) s.threads = {options.threads};
  else if (most == 1) s.threads = {1};
  else s.threads = {1, most};
  if (s.rows.empty())
    for (const StepRow& row : step_rows()) s.rows.emplace_back(row.name);
  for (const std::string& row : s.rows) step_row(row);
  return s;
}

}  // namespace

Table steps(const Options& options) {
  std::string worker;
  const Settings s = settings_of(options, worker);
  if (!worker.empty()) {
    StepRow row = step_row(worker);
    if (s.length > 0) row.length = s.length;
    serve_steps(row, s.threads.back(), s.shard);
    std::exit(0);
  }
  std::vector<Table::Column> columns{{"row"},
                                     {"ms", "{:.2f}"},
                                     {"tokens/s", "{:.0f}"},
                                     {"GFLOP/s", "{:.0f}"},
                                     {"% of peak", "{:.0f}"},
                                     {"% by CPU time", "{:.0f}"},
                                     {"MB", "{:.0f}"},
                                     {"speedup", "{:.2f}"},
                                     {"first step ms", "{:.0f}"}};
  if (s.peer)
    for (const char* name : {"PyTorch ms", "PyTorch MB"}) columns.push_back({name, "{:.1f}"});
  if (s.peer)
    columns.insert(columns.end(),
                   {{"its best"}, {"times faster", "{:.2f}"}, {"at the peak", "{:.1f}"}, {"memory", "{:.2f}"}});
  Table table(fmt::format("one training step, {} thread(s), medians of {} turns", s.threads.back(), s.repeat), columns);
  double logs = 0;
  for (const std::string& row : s.rows) {
    const std::vector<Candidate> all = measure(s, row);
    const Candidate& own = all[s.threads.size() - 1];
    const double ms = own.median_ms();
    std::vector<Cell> cells{row,
                            ms,
                            own.tokens / ms * 1000,
                            own.flops / ms * 1e-6,
                            100 * median(own.shares),
                            100 * median(own.cpu_shares),
                            own.memory * 1e-6,
                            all[0].median_ms() / ms,
                            own.first_step};
    if (s.peer) {
      const auto best = std::min_element(all.begin() + std::ssize(s.threads), all.end(),
                                         [](auto& a, auto& b) { return a.median_ms() < b.median_ms(); });
      require(best != all.end(), "bench steps", "PyTorch does not run here; pip install torch==2.13.0");
      logs += std::log(best->median_ms() / ms);
      cells.insert(cells.end(), {best->median_ms(), best->memory * 1e-6,
                                 fmt::format("{} {}", best->name, best->threads), best->median_ms() / ms,
                                 best->median_ms() / ms / median(own.cpu_shares), own.memory / best->memory});
      for (const Candidate& c : all)
        fmt::print(stderr, "{:<12}{:<8} {} thread(s) {:10.2f} ms {:10.2f} ms of processors {:8.0f} MB\n", row, c.name,
                   c.threads, c.median_ms(), median(c.cpu_ms), c.memory * 1e-6);
    }
    table.add(std::move(cells));
  }
  if (s.peer) fmt::print(stderr, "geometric mean {:.2f}\n", std::exp(logs / static_cast<double>(s.rows.size())));
  return table;
}

}  // namespace tempera::bench
