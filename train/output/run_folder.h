// The folder of a run, and what lies where in it:
//
//   config.yaml     the effective configuration          metrics.jsonl   measurements (metrics_log.h)
//   run.json        who ran what, when and on what       log.txt         messages (log.h)
//   report.html     the report (report.h)                artifacts/      attention maps, matrices, samples of text
//   results.json    what it ended with (train/results.h)
//   events.out.tfevents.*      the same measurements for TensorBoard (event_file.h)
//   checkpoints/    step-000500/ ..., best (checkpoint_folder.h)
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/checkpoint_folder.h"

namespace tempera {

// run.json. Times are UTC, "2026-01-31T12:00:00Z"; empty texts are what is not known (yet).
struct RunIdentity {
  std::string name;
  std::int64_t seed = 0;
  std::string code_version, config_hash, machine;
  int threads = 1, ranks = 1;  // threads of each rank
  std::string started, finished;
  std::string weights_sha256;                             // of the final weights
  std::vector<std::pair<std::string, double>> baselines;  // losses to compare with, {"5-gram", 1.93}
};

// Weights of attention for one input, for pictures.
struct AttentionMaps {
  std::vector<std::string> tokens;                      // N labels of the rows, which are queries
  std::vector<std::vector<std::vector<float>>> layers;  // [layer][head] -> N x M, row-major
  std::vector<std::string> keys = {};                   // M labels of the columns; empty: those of the rows
};

// A table of numbers with labels: accuracies per task, counts of a confusion matrix (rows: truth, columns: answer).
struct LabelledMatrix {
  std::vector<std::string> rows, columns;
  std::vector<double> values;  // rows x columns, row-major; nan is an empty cell
};

enum class RunStart {
  fresh,      // refuses a folder that holds a finished run or a complete checkpoint
  overwrite,  // removes what an earlier run left, and nothing else
  resume,     // keeps everything
  follow,     // another rank makes and writes it; nothing is written here
};

class RunFolder {
 public:
  // Makes the folder where there is none, unless it is followed.
  RunFolder(std::filesystem::path path, RunStart start);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  std::filesystem::path report() const { return path_ / "report.html"; }
  CheckpointFolder checkpoints() const { return CheckpointFolder(path_ / "checkpoints"); }

  void write_config(std::string_view yaml) const;
  void write_identity(const RunIdentity& identity) const;

  // Under artifacts/, named after title and step; written anew, they replace the old. Throw Error when sizes disagree.
  void write_attention(std::string_view title, std::int64_t step, const AttentionMaps& maps) const;
  void write_matrix(std::string_view title, std::int64_t step, const LabelledMatrix& matrix) const;
  void write_confusion(std::string_view title, std::int64_t step, const LabelledMatrix& matrix) const;
  void write_text(std::string_view title, std::int64_t step, std::string_view prompt, std::string_view text) const;

 private:
  std::filesystem::path path_;
  bool writes_;
};

// Throws Error when there is no run.json or it is none.
RunIdentity read_identity(const std::filesystem::path& folder);

std::string utc_now();              // "2026-01-31T12:00:00Z"
std::string machine_description();  // "AMD EPYC 7B13, 2 threads, Linux 6.1.0"

}  // namespace tempera
