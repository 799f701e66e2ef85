// Softmax rows by every algorithm, in and out of cache, and the fused softmax with its k largest.
#include <Eigen/Core>
#include <dlfcn.h>
#include <limits>
#include <optional>

#include "apps/bench/kernels.h"
#include "apps/bench/timing.h"
#include "core/kernels/softmax_rows.h"
#include "core/kernels/top_k.h"
#include "core/random.h"

namespace tempera::bench {
namespace {

using tempera::kernels::Ranked;
using tempera::kernels::SoftmaxAlgorithm;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Spread so that no probability is denormal, on which some candidates spend ten times as long.
Tensor scores(Index n, DType dtype) {
  Tensor x = Tensor::empty({n}, dtype);
  Rng(1, "scores").fill_uniform(x, -10, 10);
  return x;
}

template <class T>
void eigen_softmax(const T* from, T* to, Index n) {
  const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> x(from, n);
  Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> y(to, n);
  y = (x - x.maxCoeff()).exp();
  y *= 1 / y.sum();
}

// Candidates take turns; the medians of their processor seconds.
std::vector<double> in_turns(const KernelSettings& settings, const std::vector<std::function<double()>>& candidates) {
  std::vector<std::vector<double>> all(candidates.size());
  for (int turn = 0; turn < settings.turns; ++turn)
    for (std::size_t c = 0; c < candidates.size(); ++c) all[c].push_back(candidates[c]());
  std::vector<double> medians;
  for (auto& values : all) medians.push_back(median(std::move(values)));
  return medians;
}

template <class T>
void add_softmax_row(Table& table, const KernelSettings& settings, std::optional<TorchKernels>& torch, Index n) {
  const DType dtype = dtype_of<T>();
  const Tensor from = scores(n, dtype);
  Tensor to = Tensor::full({n}, dtype, 1);
  const T* x = from.data<T>();
  T* y = to.data<T>();
  const auto timed = [&](auto f) { return [&settings, f] { return per_call(settings.seconds, f); }; };
  std::vector<std::function<double()>> candidates;
  const auto algorithms = tempera::kernels::softmax_algorithms();
  for (const auto& info : algorithms)
    candidates.push_back(timed([=] { tempera::kernels::softmax_row(info.algorithm, x, y, n); }));
  candidates.push_back(timed([=] { std::copy_n(x, n, y); }));
  candidates.push_back(timed([=] { eigen_softmax(x, y, n); }));
  if (torch)
    candidates.push_back(
        [&] { return torch->seconds(fmt::format("softmax_row {} {}", n, to_string(dtype)), settings.seconds); });
  std::function<void()> xnnpack;
  if constexpr (std::is_same_v<T, float>) xnnpack = settings.peer ? xnnpack_softmax(x, y, n) : nullptr;
  if (xnnpack) candidates.push_back(timed(xnnpack));
  const std::vector<double> seconds = in_turns(settings, candidates);

  const auto at = [&](SoftmaxAlgorithm a) {
    for (std::size_t i = 0; i < algorithms.size(); ++i)
      if (algorithms[i].algorithm == a) return seconds[i];
    return kNone;
  };
  const auto elements = static_cast<double>(n);
  const std::size_t best = static_cast<std::size_t>(
      std::min_element(seconds.begin(), seconds.begin() + std::ssize(algorithms)) - seconds.begin());
  const SoftmaxAlgorithm chosen = tempera::kernels::softmax_algorithm_for(n, sizeof(T));
  const double reload = at(SoftmaxAlgorithm::three_pass_reload), recompute = at(SoftmaxAlgorithm::three_pass_recompute);
  std::vector<Cell> cells{std::string(to_string(dtype)), std::int64_t{n}};
  for (std::size_t i = 0; i < algorithms.size(); ++i) cells.push_back(1e9 * seconds[i] / elements);
  cells.insert(cells.end(),
               {std::string(algorithms[best].name), 1 / (seconds[best] / at(chosen)),
                recompute / at(SoftmaxAlgorithm::online), std::min(reload, recompute) / at(SoftmaxAlgorithm::two_pass),
                // Moved at the least: the row is read and its result written.
                100 * seconds[algorithms.size()] / at(chosen), 1e9 * seconds[algorithms.size() + 1] / elements});
  if (settings.peer) {
    cells.push_back(1e9 * seconds[algorithms.size() + 2] / elements);
    cells.push_back(xnnpack ? 1e9 * seconds.back() / elements : kNone);
  }
  table.add(std::move(cells));
}

template <class T>
using XnnSetup = int(void* op, std::size_t batch, const T* x, T* y, void* threads);

}  // namespace

std::function<void()> xnnpack_softmax(const float* x, float* y, Index n) {
  static void* const library = dlopen("libXNNPACK.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {};
  const auto find = [&]<class F>(F*, const char* name) { return reinterpret_cast<F*>(dlsym(library, name)); };
  using Initialize = int(const void*);
  using Create = int(std::size_t, std::size_t, std::size_t, std::uint32_t, void**);
  using Run = int(void*, void*);
  using Delete = int(void*);
  auto* const initialize = find(static_cast<Initialize*>(nullptr), "xnn_initialize");
  auto* const create = find(static_cast<Create*>(nullptr), "xnn_create_softmax_nc_f32");
  auto* const setup = find(static_cast<XnnSetup<float>*>(nullptr), "xnn_setup_softmax_nc_f32");
  auto* const run = find(static_cast<Run*>(nullptr), "xnn_run_operator");
  auto* const remove = find(static_cast<Delete*>(nullptr), "xnn_delete_operator");
  if (!initialize || !create || !setup || !run || !remove || initialize(nullptr) != 0) return {};
  void* made = nullptr;
  const auto length = static_cast<std::size_t>(n);
  if (create(length, length, length, 0, &made) != 0) return {};
  const std::shared_ptr<void> op(made, remove);
  if (setup(made, 1, x, y, nullptr) != 0) return {};
  return [op, run] { run(op.get(), nullptr); };
}

Table softmax_table(const KernelSettings& settings) {
  std::vector<Table::Column> columns{{"type"}, {"length"}};
  for (const auto& info : tempera::kernels::softmax_algorithms()) columns.push_back({std::string(info.name), "{:.3f}"});
  columns.insert(columns.end(), {{"fastest"},
                                 {"auto, of it", "{:.2f}"},
                                 {"online gain", "{:.2f}"},
                                 {"two_pass gain", "{:.2f}"},
                                 {"auto, % of a copy", "{:.0f}"},
                                 {"Eigen", "{:.3f}"}});
  if (settings.peer) columns.insert(columns.end(), {{"PyTorch", "{:.3f}"}, {"XNNPACK", "{:.3f}"}});
  Table table(
      "softmax of one row, ns per element, one thread, processor time, medians; gains: of online over "
      "three_pass_recompute, of two_pass over the better of the three-pass forms",
      columns);
  std::optional<TorchKernels> torch;
  if (settings.peer) torch.emplace();
  for (Index n = 64; n <= 4'194'304; n *= 4) add_softmax_row<float>(table, settings, torch, n);
  for (Index n = 1024; n <= 4'194'304; n *= 16) add_softmax_row<double>(table, settings, torch, n);
  return table;
}

Table top_k_table(const KernelSettings& settings) {
  std::vector<Table::Column> columns{{"length"},
                                     {"k"},
                                     {"fused", "{:.3f}"},
                                     {"without probabilities", "{:.3f}"},
                                     {"reload, then list", "{:.3f}"},
                                     {"recompute, then list", "{:.3f}"},
                                     {"over reload", "{:.2f}"},
                                     {"over recompute", "{:.2f}"}};
  if (settings.peer) columns.insert(columns.end(), {{"PyTorch", "{:.3f}"}, {"over PyTorch", "{:.2f}"}});
  Table table("softmax and its k largest, ns per element, float32, one thread, processor time, medians", columns);
  std::optional<TorchKernels> torch;
  if (settings.peer) torch.emplace();
  for (const auto [n, k] :
       {std::array<Index, 2>{4096, 5}, {65536, 1}, {65536, 5}, {65536, 10}, {65536, 30}, {1 << 20, 5}, {1 << 24, 5}}) {
    Tensor row = Tensor::empty({n}, DType::float32), result = Tensor::full({n}, DType::float32, 1);
    Rng(1, "row").fill_uniform(row, -4, 4);
    const float* x = row.data<float>();
    float* y = result.data<float>();
    std::vector<Ranked> list(static_cast<std::size_t>(k));
    const std::span<Ranked> best(list);
    const auto timed = [&](auto f) { return [&settings, f] { return per_call(settings.seconds, f); }; };
    const auto separate = [=, length = n](SoftmaxAlgorithm algorithm) {
      return [=] {
        tempera::kernels::softmax_row(algorithm, x, y, length);
        tempera::kernels::top_k(y, length, best);
      };
    };
    std::vector<std::function<double()>> candidates{
        timed([=, length = n] { tempera::kernels::softmax_top_k(x, length, best); }),
        timed([=, length = n] { tempera::kernels::top_k(x, length, best); }),
        timed(separate(SoftmaxAlgorithm::three_pass_reload)), timed(separate(SoftmaxAlgorithm::three_pass_recompute))};
    const std::string peer = fmt::format("softmax_top 1 {} {}", n, k);
    if (torch) candidates.push_back([&] { return torch->seconds(peer, settings.seconds); });
    const std::vector<double> seconds = in_turns(settings, candidates);
    std::vector<Cell> cells{std::int64_t{n}, std::int64_t{k}};
    for (std::size_t i = 0; i < 4; ++i) cells.push_back(1e9 * seconds[i] / static_cast<double>(n));
    cells.insert(cells.end(), {seconds[2] / seconds[0], seconds[3] / seconds[0]});
    if (torch) cells.insert(cells.end(), {1e9 * seconds[4] / static_cast<double>(n), seconds[4] / seconds[0]});
    table.add(std::move(cells));
  }
  return table;
}

}  // namespace tempera::bench
