// Text that fixed models write with their cache, a token at a time: tokens per second, beside the same in PyTorch.
#include <CLI/CLI.hpp>
#include <cmath>

#include "apps/bench/benchmarks.h"
#include "apps/bench/contenders.h"
#include "apps/bench/step_rows.h"
#include "train/generation.h"
#include "train/model_learner.h"

namespace tempera::bench {
namespace {

constexpr Index kPrompt = 32;  // tokens read before the first is written; decoding_peer.py has the same

struct Settings {
  std::vector<std::string> rows{"char", "small"};
  std::vector<int> batches{1, 8};
  Turns turns;
  std::string worker;
};

std::vector<std::string> command(const Contender& c, const std::string& row, int batch) {
  const std::string threads = std::to_string(c.threads), texts = std::to_string(batch);
  if (c.own())
    return {"/proc/self/exe", "decoding", "--worker", row, "--batch", texts, "--threads", threads, "--seconds", "1"};
  return {"python3", TEMPERA_BENCH_DIR "/decoding_peer.py", row, c.name, threads, texts};
}

// Writes `batch` texts from one prompt until the row's length is full, always the likeliest token.
void serve_decoding(const StepRow& row, int batch, int threads) {
  std::unique_ptr<Model> model = step_model(row);
  auto head = step_head(row, *model);
  ModelLearner learner(std::move(model), std::move(head));
  const Parameters parameters(learner.module(), DType::float32, Rng(1, "bench"));
  const LanguageModel language{learner.model(), learner.head(), parameters, row.length, threads};
  std::vector<std::int32_t> prompt;
  for (Index i = 0; i < kPrompt; ++i) prompt.push_back(static_cast<std::int32_t>(7 * i % row.vocabulary));
  GenerationOptions likeliest;
  likeliest.temperature = 0;
  likeliest.count = batch;
  likeliest.tokens = row.length - kPrompt;
  serve({{"tokens", batch * likeliest.tokens}}, 1, [&] { sample_tokens(language, prompt, likeliest); });
}

Settings settings_of(const Options& options) {
  Settings s;
  CLI::App app("", "bench decoding");
  bool eager = false;
  app.add_option("--rows", s.rows, "rows of `bench steps` that decode")->delimiter(',');
  app.add_option("--batch", s.batches, "texts written side by side")->delimiter(',')->check(CLI::PositiveNumber);
  app.add_option("--repeat", s.turns.repeat, "turns of each contender")->check(CLI::PositiveNumber);
  app.add_flag("--peer", s.turns.peer, "beside PyTorch");
  app.add_flag("--eager", eager, "PyTorch without torch.compile");
  app.add_option("--worker", s.worker, "serve this row; what the benchmark starts");
  std::vector<std::string> words(options.rest.rbegin(), options.rest.rend());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& e) {
    fail("bench decoding", "{}", e.what());
  }
  s.turns.compile = !eager;
  s.turns.seconds = options.seconds;
  s.turns.threads = thread_counts(options.threads_given, options.threads);
  for (const std::string& name : s.rows) {
    const StepRow& row = step_row(name);
    require(row.decoder && row.length > kPrompt && row.attention == "softmax" && row.dtype == "float32",
            "bench decoding", "row '{}' does not decode here; known: tiny, char, small, long, vocabulary", name);
  }
  return s;
}

}  // namespace

Table decoding(const Options& options) {
  const Settings s = settings_of(options);
  if (!s.worker.empty()) {
    serve_decoding(step_row(s.worker), s.batches.front(), s.turns.threads.back());
    std::exit(0);
  }
  std::vector<Table::Column> columns{{"row"},
                                     {"batch"},
                                     {"threads"},
                                     {"tokens/s", "{:.0f}"},
                                     {"us per step", "{:.1f}"},
                                     {"us of processors", "{:.1f}"},
                                     {"MB", "{:.0f}"}};
  if (s.turns.peer)
    columns.insert(columns.end(), {{"PyTorch tokens/s", "{:.0f}"}, {"its best"}, {"times faster", "{:.2f}"}});
  Table table(fmt::format("decoding with the cache, medians of {} turns", s.turns.repeat), columns);
  for (const std::string& row : s.rows)
    for (const int batch : s.batches) {
      const std::vector<Contender> all = take_turns(s.turns, fmt::format("{} x {}", row, batch),
                                                    [&](const Contender& c) { return command(c, row, batch); });
      // On a busy machine two threads may be slower than one.
      const auto own = std::min_element(all.begin(), all.begin() + std::ssize(s.turns.threads),
                                        [](auto& a, auto& b) { return a.median_ms() < b.median_ms(); });
      const double tokens = own->ready["tokens"].get<double>(), steps = tokens / batch, ms = own->median_ms();
      std::vector<Cell> cells{row,
                              std::int64_t{batch},
                              std::int64_t{own->threads},
                              tokens / ms * 1000,
                              1000 * ms / steps,
                              1000 * own->median_cpu_ms() / steps,
                              own->memory * 1e-6};
      if (s.turns.peer) {
        const Contender& best = best_peer(all);
        cells.insert(cells.end(), {tokens / best.median_ms() * 1000, fmt::format("{} {}", best.name, best.threads),
                                   best.median_ms() / ms});
      }
      table.add(std::move(cells));
    }
  return table;
}

}  // namespace tempera::bench
