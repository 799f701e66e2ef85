// The fixed models whose training steps are measured.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "layers/model.h"
#include "losses/head.h"
#include "train/trainer.h"

namespace tempera::bench {

// A transformer before its norms (pre-norm, GELU, hidden width 4 d_model, learned positions, biases), with a linear
// head and cross-entropy, trained by AdamW without clipping. steps_peer.py has the same table.
struct StepRow {
  std::string_view name;
  bool decoder;  // causal, a target for each token; else an encoder with one target for a sample
  Index layers, width, heads;
  Index vocabulary;  // of the tokens; 0: images of 28 x 28 in patches of 4 x 4
  Index classes;     // of the targets
  Index batch, length;
  std::string_view attention = "softmax";
  std::string_view pooling = "mean";
  std::string_view dtype = "float32";
};

std::span<const StepRow> step_rows();
// Throws Error where there is no such row.
const StepRow& step_row(std::string_view name);

std::unique_ptr<Model> step_model(const StepRow& row);
std::unique_ptr<Head> step_head(const StepRow& row, const Model& model);

// How a row is trained; see train.threads, train.shard, train.matrix_units.
struct StepSettings {
  int threads = 1, shard = 0;
  bool matrix_units = false;
};

// A learner and its trainer over drawn data.
class StepModel {
 public:
  explicit StepModel(const StepRow& row, const StepSettings& settings = {});
  ~StepModel();
  Trainer& trainer() { return *trainer_; }
  // Takes a step and counts its floating-point operations: three times those of the forward pass' products, head
  // included. Of a causal softmax only the pairs of query and key count that see each other.
  double step_flops();

 private:
  const StepRow& row_;
  std::shared_ptr<const Dataset> data_;
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace tempera::bench
