// C5: SIGINT and SIGTERM in every phase of a run: saved where there is something to save, and exit code 130 within 2 s.
#include <cstdio>
#include <fstream>
#include <functional>

#include "tests/lanes/trial.h"

namespace tempera::lanes {
namespace {

namespace fs = std::filesystem;

struct Phase {
  std::string_view name, config;
  std::function<bool(const Process&, const fs::path& run, const fs::path& said)> reached;
};

bool has_lines(const fs::path& file) {
  std::error_code none;
  return fs::file_size(file, none) > 0 && !none;
}

const Phase kPhases[] = {
    {"start", "model: {type: mlp}\n",
     [](const Process& process, const fs::path&, const fs::path&) { return process.catches(SIGTERM); }},
    // Byte pairs are learned for seconds, before anything is said.
    {"data", "data: {type: text, path: TEXT, tokenizer: {type: byte-pairs, vocab_size: 20000}}\n",
     [](const Process& process, const fs::path&, const fs::path&) {
       if (!process.catches(SIGTERM)) return false;
       sleep_for(0.2);
       return true;
     }},
    {"step", "model: {type: mlp}\ntrain: {steps: 1000000}\n",
     [](const Process&, const fs::path& run, const fs::path&) {
       return fs::exists(run / "checkpoints/step-000500/COMPLETE");
     }},
    // The first step is recorded, and then comes an evaluation of some seconds.
    {"evaluation",
     "data: {type: parity, valid: 1000000}\nmodel: {type: encoder, d_model: 8, n_layers: 1}\n"
     "train: {steps: 500}\nevaluate: {every: 1, samples: 0}\n",
     [](const Process&, const fs::path& run, const fs::path&) {
       if (!has_lines(run / "metrics.jsonl")) return false;
       sleep_for(0.1);
       return true;
     }},
    {"save", "model: {type: mlp, hidden: [2500, 2500]}\ntrain: {steps: 500, batch: 1}\ncheckpoint: {every: 1}\n",
     [](const Process&, const fs::path& run, const fs::path&) {
       return fs::exists(run / "checkpoints/.step-000001.new");
     }},
};

void write_text(const fs::path& file) {
  std::ofstream out(file);
  unsigned word = 1;
  for (int i = 0; i < 200000; ++i) {
    word = word * 1664525 + 1013904223;
    for (unsigned letters = word >> 8; letters > 0; letters /= 26) out << static_cast<char>('a' + letters % 26);
    out << (i % 12 == 11 ? '\n' : ' ');
  }
}

bool trial(const Tools& tools, const Phase& phase, int signal) {
  const Folder folder;
  const fs::path text = folder.path / "words.txt", config = folder.path / "phase.yaml", said = folder.path / "said";
  std::string yaml(phase.config);
  if (const auto at = yaml.find("TEXT"); at != std::string::npos) {
    write_text(text);
    yaml.replace(at, 4, text.string());
  }
  if (yaml.find("data:") == std::string::npos) yaml += "data: {type: digits, file: " + tools.digits().string() + "}\n";
  std::ofstream(config) << yaml;
  Process process(tools.train(), {config.string(), "folder=" + folder.path.string(), "name=run"}, said);
  const fs::path run = folder.path / "run";
  if (!wait_until([&] { return phase.reached(process, run, said); }, 20)) {
    std::printf("%s: the phase was not reached\n", std::string(phase.name).c_str());
    return false;
  }
  process.signal(signal);
  const double asked = now();
  const std::optional<int> code = process.wait(10);
  const double took = now() - asked;
  const bool saves = phase.name != "start" && phase.name != "data";
  bool saved = false;
  if (saves)
    for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
      saved |= fs::exists(entry.path() / "COMPLETE");
  const bool ok = code == 130 && took <= 2 && saved == saves;
  std::printf("%-10s %-7s exit %3d after %.2f s%s%s\n", std::string(phase.name).c_str(),
              signal == SIGINT ? "SIGINT" : "SIGTERM", code.value_or(-1), took, saved ? ", saved" : "",
              ok ? "" : "  FAILED");
  return ok;
}

}  // namespace

void signal_lane(const Tools& tools, int count, Figures& figures) {
  int right = 0, done = 0;
  for (int round = 0; round < count; ++round)
    for (const Phase& phase : kPhases)
      for (const int signal : {SIGINT, SIGTERM}) {
        right += trial(tools, phase, signal);
        ++done;
      }
  figures.all("C5", right, done);
}

}  // namespace tempera::lanes
