// B3: one model on 1, 2, 3, 4 ranks of 1 and 2 threads: always the same weights; also where a rank was killed or all
// were asked to stop, and another number of them went on.
#include <cstdio>
#include <fstream>

#include "tests/lanes/trial.h"

namespace tempera::lanes {
namespace {

namespace fs = std::filesystem;

struct Recipe {
  std::string_view name, config;
};

constexpr Recipe kRecipes[] = {
    {"encoder", R"(
model: {type: encoder, d_model: 16, n_layers: 2, patch: 2, dropout: 0.1, max_length: 16}
attention: {type: softmax, heads: 2}
train: {steps: 24, batch: 32, shard: 4}
average: {decay: 0.9}
evaluate: {every: 8, samples: 64}
checkpoint: {every: 6}
)"},
    {"lengths", R"(
data: {type: sequences, longest: 40}
model: {type: encoder_decoder, d_model: 16, n_layers: 1, n_decoder_layers: 1}
attention: {type: softmax, heads: 2}
train: {steps: 12, batch: 20, shard: 4}
evaluate: {every: 6, samples: 30}
checkpoint: {every: 6}
)"},
    {"one-shard", R"(
model: {type: mlp, hidden: [64]}
train: {steps: 30, batch: 16, shard: 16}
)"},
};

class Trials {
 public:
  explicit Trials(const Tools& tools) : tools_(tools) {}

  int right = 0, done = 0;

  void matrix(const Recipe& recipe, bool all) {
    alone(recipe);
    const auto same = [&](int ranks, int threads) {
      const std::string name = std::string(recipe.name) + "-r" + std::to_string(ranks) + "t" + std::to_string(threads);
      const int code = start(ranks, threads, name, {})->wait(120).value_or(-1);
      judge(name, code == 0 && goal(name), "exit code " + std::to_string(code));
    };
    if (!all) return same(2, 1), same(4, 2);
    for (const int ranks : {1, 2, 3, 4})
      for (const int threads : {1, 2}) same(ranks, threads);
  }

  // Ends a run of `before` ranks half way, by a signal to one of them, and goes on with `after`.
  void cut(int signal, int before, int after) {
    const std::string name = "cut" + std::to_string(done);
    alone(kRecipes[0]);
    const fs::path run = folder_.path / name;
    const auto first = start(before, 1, name, {});
    bool reached = wait_until([&] { return fs::exists(run / "checkpoints/step-000006/COMPLETE"); }, 60);
    const std::vector<pid_t> ranks = first->children();
    reached = reached && !ranks.empty();
    if (reached) ::kill(ranks.back(), signal);
    const int code = first->wait(60).value_or(-1);
    const bool cut = reached && code == (signal == SIGKILL ? 137 : 130) && hash_of(run).empty();
    const int after_code = start(after, 1, name, {"--resume"})->wait(120).value_or(-1);
    judge("signal " + std::to_string(signal) + " to one of " + std::to_string(before) + ", then " +
              std::to_string(after) + " go on",
          cut && after_code == 0 && goal(name),
          "exit codes " + std::to_string(code) + " and " + std::to_string(after_code));
  }

  // What befalls all is told once, and the exit code says what it was.
  void refused() {
    const int code = start(2, 1, "refused", {"data.file=nowhere.csv"})->wait(60).value_or(-1);
    const std::string text = said();
    const std::size_t told = text.find("rank 0 of 2");
    judge("data that are not there", code == 3 && told != text.npos && text.find("rank 1 of 2") == text.npos,
          "exit code " + std::to_string(code));
  }

 private:
  // What one process makes of the recipe, which all trials are held against until the next.
  void alone(const Recipe& recipe) {
    {
      std::ofstream out(folder_.path / "ranks.yaml");
      if (recipe.config.find("data:") == recipe.config.npos)
        out << "data: {type: digits, file: " << tools_.digits().string() << "}\n";
      out << recipe.config;
    }
    const std::string name = std::string(recipe.name) + "-alone";
    if (hash_of(folder_.path / name).empty()) start(1, 1, name, {})->wait(120);
    expected_ = hash_of(folder_.path / name);
  }
  std::unique_ptr<Process> start(int ranks, int threads, const std::string& name,
                                 const std::vector<std::string>& more) {
    fs::remove(folder_.path / "said");
    std::vector<std::string> words{(folder_.path / "ranks.yaml").string(), "folder=" + folder_.path.string(),
                                   "name=" + name, "--threads", std::to_string(threads)};
    words.insert(words.end(), more.begin(), more.end());
    if (ranks == 1) return std::make_unique<Process>(tools_.train(), words, folder_.path / "said");
    std::vector<std::string> mpi{"-n", std::to_string(ranks),    "--oversubscribe", "--bind-to", "none",
                                 "-x", "OMP_WAIT_POLICY=passive"};  // more threads than cores must not spin
    if (::geteuid() == 0) mpi.emplace_back("--allow-run-as-root");
    mpi.push_back(tools_.train().string());
    mpi.insert(mpi.end(), words.begin(), words.end());
    return std::make_unique<Process>(TEMPERA_MPIEXEC, mpi, folder_.path / "said");
  }
  std::string said() const {
    std::ifstream in(folder_.path / "said");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool goal(const std::string& name) const { return !expected_.empty() && hash_of(folder_.path / name) == expected_; }
  void judge(const std::string& what, bool ok, const std::string& otherwise) {
    ++done;
    right += ok;
    std::printf("%-50s %s\n", what.c_str(), ok ? "ok" : ("FAILED: " + otherwise + "\n" + said()).c_str());
  }

  const Tools& tools_;
  Folder folder_;
  std::string expected_;
};

}  // namespace

void ranks_lane(const Tools& tools, int count, Figures& figures) {
  if (std::string_view(TEMPERA_MPIEXEC).empty()) {
    std::printf("this build knows no MPI; ./dev setup mpi and build again\n");
    return;
  }
  // A few trials for the tests, all of them for the lane.
  const bool all = count > 1;
  Trials trials(tools);
  for (const Recipe& recipe : kRecipes)
    if (all || &recipe == kRecipes) trials.matrix(recipe, all);
  trials.refused();
  trials.cut(SIGKILL, 2, 3);
  trials.cut(SIGTERM, 2, 1);
  if (all) {
    trials.cut(SIGKILL, 4, 1);
    trials.cut(SIGKILL, 3, 2);
    trials.cut(SIGUSR1, 4, 2);
    trials.cut(SIGINT, 3, 4);
  }
  figures.all("B3", trials.right, trials.done);
}

}  // namespace tempera::lanes
