// Training steps of fixed models: speed, share of the machine's peak, memory; beside the same in PyTorch.
#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>

#include "apps/bench/benchmarks.h"
#include "apps/bench/contenders.h"
#include "apps/bench/step_worker.h"
#include "apps/bench/timing.h"

namespace tempera::bench {
namespace {

struct Settings {
  std::vector<std::string> rows;
  Turns turns;
  int shard = 0, length = 0, batch = 0, steps = 0;
  bool exponent = false, matrix_units = false;
  std::string worker;
};

std::vector<std::string> command(const Settings& s, const Contender& c, const std::string& row, int length) {
  const std::string threads = std::to_string(c.threads);
  if (c.own()) {
    std::vector<std::string> words{"/proc/self/exe", "steps",
                                   "--worker",       row,
                                   "--threads",      threads,
                                   "--shard",        std::to_string(s.shard),
                                   "--length",       std::to_string(length)};
    if (s.matrix_units) words.push_back("--matrix-units");
    return words;
  }
  return {"python3", TEMPERA_BENCH_DIR "/steps_peer.py", row, c.name, threads};
}

// Shares of the peak of as many cores as there are threads, by the time that passes and by processor time.
struct Shares {
  double wall, cpu;
};
Shares shares_of(const Contender& c) {
  const double gflop = 1e-9 * c.ready["flops"].get<double>();
  std::vector<double> wall, cpu;
  for (const nlohmann::json& turn : c.turns) {
    const double peak = turn["peak"].get<double>();
    for (const nlohmann::json& ms : turn["ms"]) wall.push_back(gflop / (ms.get<double>() / 1000) / (peak * c.threads));
    cpu.push_back(gflop / (turn["cpu"].get<double>() / static_cast<double>(turn["ms"].size())) / peak);
  }
  return {median(std::move(wall)), median(std::move(cpu))};
}

Settings settings_of(const Options& options) {
  Settings s;
  CLI::App app("", "bench steps");
  bool eager = false;
  app.add_option("--rows", s.rows, "rows, all unless said")->delimiter(',');
  app.add_option("--repeat", s.turns.repeat, "turns of each candidate")->check(CLI::PositiveNumber);
  app.add_option("--shard", s.shard, "samples of a shard, see train.shard")->check(CLI::NonNegativeNumber);
  app.add_flag("--matrix-units", s.matrix_units, "see train.matrix_units");
  app.add_option("--length", s.length, "of the sequences, in place of the row's")->check(CLI::NonNegativeNumber);
  app.add_option("--batch", s.batch, "in place of the row's, with --steps")->check(CLI::NonNegativeNumber);
  app.add_option("--steps", s.steps, "take so many steps of --worker and end")->check(CLI::NonNegativeNumber);
  app.add_flag("--exponent", s.exponent, "peak memory of long and linear from 2048 to 32768 tokens");
  app.add_flag("--peer", s.turns.peer, "beside PyTorch");
  app.add_flag("--eager", eager, "PyTorch without torch.compile");
  app.add_option("--worker", s.worker, "serve this row; what the benchmark starts");
  std::vector<std::string> words(options.rest.rbegin(), options.rest.rend());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& e) {
    fail("bench steps", "{}", e.what());
  }
  require(!s.turns.peer || s.length == 0, "bench steps",
          "PyTorch has the rows' own lengths; leave out --length or --peer");
  s.turns.compile = !eager;
  s.turns.seconds = options.seconds;
  s.turns.threads = thread_counts(options.threads_given, options.threads);
  if (s.rows.empty())
    for (const StepRow& row : step_rows()) s.rows.emplace_back(row.name);
  for (const std::string& row : s.rows) step_row(row);
  return s;
}

[[noreturn]] void serve_worker(const Settings& s) {
  StepRow row = step_row(s.worker);
  if (s.length > 0) row.length = s.length;
  if (s.batch > 0) row.batch = s.batch;
  if (s.steps > 0) only_steps(row, {s.turns.threads.front(), s.shard, s.matrix_units}, s.steps);
  else serve_steps(row, {s.turns.threads.back(), s.shard, s.matrix_units});
  std::exit(0);
}

// Largest resident memory after one step, and by which power of the length it grew.
Table memory_exponents(const Settings& s) {
  Table table("peak memory of a training step over the length",
              {{"row"}, {"tokens"}, {"MB", "{:.0f}"}, {"exponent", "{:.2f}"}});
  for (const char* row : {"long", "linear"}) {
    double before = std::numeric_limits<double>::quiet_NaN();
    for (int length = 2048; length <= 32768; length *= 2) {
      Contender c{"tempera", s.turns.threads.back()};
      require(start(c, command(s, c, row, length)), "bench steps", "row {} of {} tokens does not run", row, length);
      const double memory = c.child->peak_memory();
      table.add({std::string(row), std::int64_t{length}, memory * 1e-6, std::log2(memory / before)});
      before = memory;
    }
  }
  return table;
}

Table step_table(const Settings& s) {
  std::vector<Table::Column> columns{{"row"},
                                     {"ms", "{:.2f}"},
                                     {"tokens/s", "{:.0f}"},
                                     {"GFLOP/s", "{:.0f}"},
                                     {"% of peak", "{:.0f}"},
                                     {"% by CPU time", "{:.0f}"},
                                     {"MB", "{:.0f}"},
                                     {"speedup", "{:.2f}"},
                                     {"first step ms", "{:.0f}"},
                                     {"allocations", "{:.2f}"},
                                     {"% gradient sum", "{:.1f}"}};
  if (s.turns.peer)
    for (const char* name : {"PyTorch ms", "PyTorch MB"}) columns.push_back({name, "{:.1f}"});
  if (s.turns.peer)
    columns.insert(columns.end(),
                   {{"its best"}, {"times faster", "{:.2f}"}, {"at the peak", "{:.1f}"}, {"memory", "{:.2f}"}});
  Table table(
      fmt::format("one training step, {} thread(s), medians of {} turns", s.turns.threads.back(), s.turns.repeat),
      columns);
  double logs = 0;
  for (const std::string& row : s.rows) {
    const std::vector<Contender> all =
        take_turns(s.turns, row, [&](const Contender& c) { return command(s, c, row, s.length); });
    const Contender& own = all[s.turns.threads.size() - 1];
    const double ms = own.median_ms();
    const Shares shares = shares_of(own);
    std::vector<double> shares_of_sum;
    for (const nlohmann::json& turn : own.turns) shares_of_sum.push_back(turn["sum"].get<double>());
    std::vector<Cell> cells{row,
                            ms,
                            own.ready["tokens"].get<double>() / ms * 1000,
                            own.ready["flops"].get<double>() / ms * 1e-6,
                            100 * shares.wall,
                            100 * shares.cpu,
                            own.memory * 1e-6,
                            all[0].median_ms() / ms,
                            own.ready_ms,
                            own.turns.back()["allocations"].get<double>(),
                            100 * median(shares_of_sum)};
    if (s.turns.peer) {
      const Contender& best = best_peer(all);
      const double ratio = best.median_ms() / ms;
      logs += std::log(ratio);
      cells.insert(cells.end(), {best.median_ms(), best.memory * 1e-6, fmt::format("{} {}", best.name, best.threads),
                                 ratio, ratio / shares.cpu, own.memory / best.memory});
    }
    table.add(std::move(cells));
  }
  if (s.turns.peer) fmt::print(stderr, "geometric mean {:.2f}\n", std::exp(logs / static_cast<double>(s.rows.size())));
  return table;
}

}  // namespace

Table steps(const Options& options) {
  const Settings s = settings_of(options);
  if (!s.worker.empty()) serve_worker(s);
  return s.exponent ? memory_exponents(s) : step_table(s);
}

}  // namespace tempera::bench
