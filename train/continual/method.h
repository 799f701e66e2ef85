// How a learner of a stream of tasks keeps what it knew: the interface of the methods.
//
// Every method trains on the cross-entropy of the stream, perhaps with a mask (train/continual/scenario.h). It may add
// rows from memory to a step, losses of rows, and a gradient; and it may look at the parameters when a task ends.
#pragma once

#include <array>

#include "core/fields.h"
#include "data/task_stream.h"
#include "train/learner.h"

namespace tempera {

class ContinualLearner;

// Rows of a step that are treated alike: those of the stream, or one draw from memory. Their loss is
//
//   cross_entropy mean_i CE(z_i, y_i)  +  match mean_ij (z_ij - reference_ij)^2  +  distil mean_i KD(z_i, soft_i)
//
// with the means over the rows i (and the outputs j) of this part alone; see losses/masked_cross_entropy.h and
// losses/distillation.h.
struct RowPart {
  Index rows = 0;
  double cross_entropy = 0;
  Tensor hidden = {};  // int32 [K] or [rows, K]; undefined: no class is hidden
  double match = 0;
  Tensor reference = {};  // [rows, K]
  double distil = 0, temperature = 1;
  Tensor soft = {}, soft_hidden = {};  // [rows, K]; int32 [K] or undefined
};

// What a step is made of. The first part is the stream's.
struct StepPlan {
  static constexpr std::size_t kMost = 3;
  std::array<RowPart, kMost> parts;
  std::size_t count = 0;

  std::int64_t step = 0;
  Index task = 0;                   // from 0
  const Batch* stream = nullptr;    // its samples
  std::vector<std::int64_t> drawn;  // samples of TaskStream::train, those of the second part, then of the third
  Tensor logits;                    // [rows of the stream, K]: what the model said before the update

  RowPart& add() {
    require(count < kMost, "StepPlan", "one part too many; {} fit", kMost);
    return parts[count++] = RowPart();
  }
  std::span<const RowPart> all() const { return std::span(parts).first(count); }
};

// What a method works with; all of it outlives the method.
struct MethodPlace {
  const TaskStream& stream;
  const ContinualLearner& learner;
  Parameters& parameters;
  std::uint64_t seed;
};

class ContinualMethod {
 public:
  virtual ~ContinualMethod() = default;
  // Rows that a step gets beside those of the stream, at most; whether it looks at StepPlan::logits in end_step().
  virtual std::int64_t more_rows() const { return 0; }
  virtual bool keeps_logits() const { return false; }
  // The plan has the stream's part, with cross_entropy 1.
  virtual void begin_step(StepPlan& /*plan*/) {}
  virtual void add_gradient(Tensor& /*gradient*/) {}
  virtual void end_step(const StepPlan& /*plan*/) {}
  virtual void end_task(Index /*task*/) {}
  virtual Learner::State state() { return {}; }  // see Learner::state
};

struct MethodOptions : Options {
  virtual std::unique_ptr<ContinualMethod> make(const MethodPlace& place) const = 0;
  // All tasks at the same time, in place of one after another.
  virtual bool together() const { return false; }
};

// All methods, for configurations.
std::span<const Kind> method_kinds();

}  // namespace tempera
