// Kernels against their rooflines, measured in the same run, and against the best library at hand, in turns with it.
#include "apps/bench/kernels.h"

#include <CLI/CLI.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/bench/softmax_picture.h"
#include "apps/bench/timing.h"
#include "core/lanes.h"
#include "data/files.h"

namespace tempera::bench {
namespace {

using L = Lanes<float>;
constexpr Index W = lane_width<float>;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Calls f(i) for pairs of vectors.
template <class F>
TEMPERA_INLINE void pairs(Index n, F f) {
  for (Index i = 0; i < n; i += 2 * W) f(i), f(i + W);
}
void copy(const float* from, float* to, Index n) {
  pairs(n, [&](Index i) { L::load(from + i).store(to + i); });
}
void scale(float* x, Index n) {
  pairs(n, [&](Index i) { (L::load(x + i) * L(1.0001)).store(x + i); });
}
void fill(float* x, Index n) {
  pairs(n, [&](Index i) { L(1).store(x + i); });
}
void read(const float* x, Index n) {
  L sums[4] = {0, 0, 0, 0};
  for (Index i = 0; i < n; i += 4 * W)
    for (Index k = 0; k < 4; ++k) sums[k] += L::load(x + i + k * W);
  volatile float sink = lane_sum(sums[0] + sums[1] + (sums[2] + sums[3]));
  (void)sink;
}

// Seconds of an exponential of 4096 that lie in the first-level cache.
double exp_seconds(double budget) {
  constexpr Index kCount = 4096;
  alignas(64) static float x[kCount], y[kCount];
  for (Index i = 0; i < kCount; ++i) x[i] = static_cast<float>(-i) / kCount;
  return per_call(budget,
                  [&] {
                    for (Index i = 0; i < kCount; i += W) exp(L::load(x + i)).store(y + i);
                  }) /
         kCount;
}

Table main_table(const KernelSettings& settings) {
  std::vector<Table::Column> columns{{"kernel"},
                                     {"size"},
                                     {"ms", "{:.3f}"},
                                     {"ns/element", "{:.2f}"},
                                     {"GB/s", "{:.1f}"},
                                     {"GFLOP/s", "{:.1f}"},
                                     {"limit"},
                                     {"limit ms", "{:.3f}"},
                                     {"share %", "{:.0f}"}};
  if (settings.peer) {
    columns.push_back({"PyTorch ms", "{:.3f}"});
    columns.push_back({"times faster", "{:.2f}"});
  }
  Table table("kernels, float32, one thread, processor time, medians", columns);
  std::optional<TorchKernels> torch;
  if (settings.peer) torch.emplace();
  for (const auto& make : kernel_cases()) {
    const KernelCase c = make();
    if (!settings.only.empty() && c.name.find(settings.only) == std::string::npos) continue;
    LimitProbe probe(c, settings.seconds / 8);
    std::vector<double> own, limits, shares, theirs;
    Limits limit;
    for (int turn = 0; turn < settings.turns; ++turn) {
      const double before = (limit = probe.measure()).seconds(c);
      own.push_back(per_call(settings.seconds, c.run));
      limits.push_back((before + probe.measure().seconds(c)) / 2);
      shares.push_back(100 * limits.back() / own.back());
      if (torch && !c.peer.empty()) theirs.push_back(torch->seconds(c.peer, settings.seconds));
    }
    const double seconds = median(own);
    std::vector<Cell> cells{c.name,
                            c.size,
                            1e3 * seconds,
                            1e9 * seconds / c.elements,
                            1e-9 * (c.reads + c.writes) / seconds,
                            c.flop > 0 ? 1e-9 * c.flop / seconds : kNone,
                            std::string(limit.binding(c)),
                            1e3 * median(limits),
                            median(shares)};
    if (torch) {
      const double peer = theirs.empty() ? kNone : median(theirs);
      cells.insert(cells.end(), {1e3 * peer, peer / seconds});
    }
    table.add(std::move(cells));
  }
  return table;
}

}  // namespace

// What is read and written in equal measure is copied; the rest is only read, or only written.
double Limits::memory_seconds(const KernelCase& c) const {
  const double both = std::min(c.reads, c.writes);
  return 1e-9 * (2 * both / copy_gbs + (c.reads - both) / read_gbs + (c.writes - both) / fill_gbs);
}

double Limits::arithmetic_seconds(const KernelCase& c) const {
  return 1e-9 * c.flop / gflops + c.exponentials * exp_seconds;
}

const char* Limits::binding(const KernelCase& c) const {
  if (memory_seconds(c) > arithmetic_seconds(c)) return "memory";
  return 1e-9 * c.flop / gflops > c.exponentials * exp_seconds ? "FMA" : "exp";
}

LimitProbe::LimitProbe(const KernelCase& c, double budget) : in_place_(c.in_place), budget_(budget) {
  const Index count = (static_cast<Index>(c.resident / 4) + 4 * W - 1) / (4 * W) * (4 * W);
  buffer_ = Tensor::full({count}, DType::float32, 1);
}

Limits LimitProbe::measure() {
  const Index n = buffer_.size();
  float* x = buffer_.data<float>();
  const auto gbs = [&](Index bytes_per_element, auto loop) {
    return 1e-9 * static_cast<double>(n * bytes_per_element) / per_call(budget_, loop);
  };
  Limits limits{.gflops = peak_gflops<float>(), .exp_seconds = bench::exp_seconds(budget_)};
  limits.read_gbs = gbs(4, [&] { read(x, n); });
  limits.fill_gbs = gbs(4, [&] { fill(x, n); });
  if (in_place_) limits.copy_gbs = gbs(8, [&] { scale(x, n); });
  else limits.copy_gbs = gbs(4, [&] { copy(x, x + n / 2, n / 2); });
  return limits;
}

TorchKernels::TorchKernels() : child_({"python3", TEMPERA_BENCH_DIR "/kernels_peer.py"}) {
  require(!child_.read().empty(), "bench kernels", "PyTorch does not run here; pip install torch==2.13.0");
}

double TorchKernels::seconds(const std::string& kernel, double budget) {
  child_.write(fmt::format("{} {}", budget, kernel));
  const std::string said = child_.read();
  require(!said.empty(), "bench kernels", "PyTorch ended at '{}'", kernel);
  return nlohmann::json::parse(said).get<double>();
}

Table kernels(const Options& options) {
  KernelSettings settings;
  std::string set = "main", picture;
  CLI::App app("", "bench kernels");
  app.add_option("--set", set)->check(CLI::IsMember({"main", "softmax", "topk"}));
  app.add_option("--only", settings.only, "kernels whose name contains this");
  app.add_option("--picture", picture, "with --set softmax: draw it to this SVG file");
  app.add_flag("--peer", settings.peer, "beside PyTorch, and XNNPACK where it is installed");
  try {
    app.parse(std::vector<std::string>(options.rest.rbegin(), options.rest.rend()));
  } catch (const CLI::ParseError& e) {
    fail("bench kernels", "{}", e.what());
  }
  settings.seconds = options.seconds / 10;
  if (set == "softmax") {
    const Table table = softmax_table(settings);
    const std::string drawn = picture.empty() ? "" : softmax_picture(table);
    if (!picture.empty()) replace_file(picture, std::as_bytes(std::span(drawn)));
    return table;
  }
  if (set == "topk") return top_k_table(settings);
  return main_table(settings);
}

}  // namespace tempera::bench
