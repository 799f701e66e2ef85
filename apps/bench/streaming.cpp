// Streaming attention beside PyTorch's, as a share of the peak that was measured around it.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/bench/benchmarks.h"
#include "apps/bench/child.h"
#include "apps/bench/timing.h"
#include "attention/normalizers/softmax.h"
#include "attention/score_attention.h"
#include "core/random.h"

namespace tempera::bench {
namespace {

constexpr int kTurns = 5;
constexpr Index kDense = 1024;  // tokens; the dense form of more would fill the memory
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Case {
  Index batch, heads, tokens, width;
  bool causal;
  // Of the forward pass' two products over the pairs that see each other; the backward pass has five.
  double gflop() const {
    const auto n = static_cast<double>(tokens);
    const double pairs = causal ? n * (n + 1) / 2 : n * n;
    return 4e-9 * static_cast<double>(batch * heads * width) * pairs;
  }
};

class Own {
 public:
  Own(const Case& c, AttentionKernel kernel) : case_(c) {
    qkv_ = Tensor::empty({c.batch, c.tokens, 3 * c.heads * c.width}, DType::float32);
    dy_ = Tensor::empty({c.batch, c.tokens, c.heads * c.width}, DType::float32);
    Rng(1, "qkv").fill_normal(qkv_, 0, 1);
    Rng(1, "dy").fill_normal(dy_, 0, 1);
    how_.normalizer = &softmax_;
    how_.visibility.causal = c.causal;
    how_.kernel = kernel;
    how_.scale = 1 / std::sqrt(static_cast<double>(c.width));
  }
  void forward() {
    const Tape::Pause pause(tape_);
    attend(tape_.constant(qkv_));
    tape_.reset();
  }
  void both() {
    tape_.backward(attend(tape_.leaf(qkv_)), dy_);
    tape_.reset();
  }

 private:
  Var attend(const Var& x) { return packed_score_attention(std::span(&x, 1), case_.heads, case_.heads, how_); }

  Case case_;
  Tape tape_;
  Softmax softmax_;
  ScoreAttention how_;
  Tensor qkv_, dy_;
};

}  // namespace

Table streaming(const Options& options) {
  bool peer = false;
  std::vector<Index> lengths{4, 16, 64, 256, 1024, 4096}, widths{32, 64};
  CLI::App app("", "bench streaming");
  app.add_flag("--peer", peer, "beside PyTorch");
  app.add_option("--tokens", lengths, "lengths of the sequences")->delimiter(',')->check(CLI::PositiveNumber);
  app.add_option("--widths", widths, "of a head")->delimiter(',')->check(CLI::PositiveNumber);
  try {
    app.parse(std::vector<std::string>(options.rest.rbegin(), options.rest.rend()));
  } catch (const CLI::ParseError& e) {
    fail("bench streaming", "{}", e.what());
  }
  std::vector<Table::Column> columns{{"tokens"},
                                     {"head width"},
                                     {"causal"},
                                     {"forward ms", "{:.2f}"},
                                     {"% of peak", "{:.0f}"},
                                     {"with backward ms", "{:.2f}"},
                                     {"% of peak, both", "{:.0f}"},
                                     {"dense forward", "{:.2f}"},
                                     {"dense both", "{:.2f}"}};
  if (peer)
    for (const char* name : {"PyTorch forward ms", "PyTorch both ms", "times faster", "times faster, both"})
      columns.push_back({name, "{:.2f}"});
  Table table(
      "streaming attention of packed projections, float32, one thread, processor time, medians;\n"
      "dense: how much longer the form takes that keeps scores and weights",
      columns);
  for (const Index width : widths)
    for (const Index tokens : lengths)
      for (const bool causal : {true, false}) {
        const Case c{std::max<Index>(1, 1024 / tokens), 4, tokens, width, causal};
        Own own(c, AttentionKernel::streaming);
        std::optional<Own> dense;
        if (tokens <= kDense) dense.emplace(c, AttentionKernel::reference);
        std::optional<Child> rival;
        if (peer) {
          rival.emplace(std::vector<std::string>{
              "python3", TEMPERA_BENCH_DIR "/streaming_peer.py", std::to_string(c.batch), std::to_string(c.heads),
              std::to_string(c.tokens), std::to_string(c.width), causal ? "causal" : "full"});
          require(!rival->read().empty(), "bench streaming", "PyTorch does not run here; pip install torch==2.13.0");
        }
        std::vector<double> forward, both, shares, shares_both, theirs, theirs_both, dense_forward, dense_both;
        for (int turn = 0; turn < kTurns; ++turn) {
          const double before = peak_gflops<float>();
          forward.push_back(per_call(options.seconds / 4, [&] { own.forward(); }));
          both.push_back(per_call(options.seconds / 4, [&] { own.both(); }));
          if (dense) {
            dense_forward.push_back(per_call(options.seconds / 4, [&] { dense->forward(); }));
            dense_both.push_back(per_call(options.seconds / 4, [&] { dense->both(); }));
          }
          const double peak = (before + peak_gflops<float>()) / 2;
          shares.push_back(100 * c.gflop() / forward.back() / peak);
          shares_both.push_back(100 * 3.5 * c.gflop() / both.back() / peak);
          if (!rival) continue;
          rival->write(fmt::format("run {}", options.seconds / 4));
          const auto said = nlohmann::json::parse(rival->read());
          theirs.push_back(said["forward"].get<double>());
          theirs_both.push_back(said["both"].get<double>());
        }
        std::vector<Cell> cells{std::int64_t{tokens},   std::int64_t{width}, std::string(causal ? "yes" : "no"),
                                1000 * median(forward), median(shares),      1000 * median(both),
                                median(shares_both)};
        cells.push_back(dense ? median(dense_forward) / median(forward) : kNone);
        cells.push_back(dense ? median(dense_both) / median(both) : kNone);
        if (rival)
          cells.insert(cells.end(), {1000 * median(theirs), 1000 * median(theirs_both),
                                     median(theirs) / median(forward), median(theirs_both) / median(both)});
        table.add(std::move(cells));
      }
  return table;
}

}  // namespace tempera::bench
