// The tape: operations on Vars are recorded while they run, and played backward to give gradients.
//
//   Tape tape;
//   Var w = tape.parameter(weights, weights_grad);     // dL/dw lands in weights_grad
//   Var x = tape.constant(batch);
//   Var loss = mean(square(linear(x, w)));
//   tape.backward(loss);
//   tape.reset();                                      // forgets the step, keeps its memory
//
// There is no global tape: an operation finds its tape through its inputs, so tapes on several threads do
// not meet. One tape belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/bump.h"
#include "core/op.h"
#include "core/tensor.h"

namespace tempera {

class Tape;

// A value and, if it asks for a gradient, its place on a tape. Copies are cheap. A value lives as long as a
// Var or a recorded operation that needs it for the backward pass.
class Var {
 public:
  Var() = default;  // belongs to no tape; only good for being assigned to

  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  int rank() const { return value_.rank(); }
  Index dim(int axis) const { return value_.dim(axis); }
  Index size() const { return value_.size(); }
  DType dtype() const { return value_.dtype(); }
  bool requires_grad() const { return node_ >= 0; }
  bool defined() const { return tape_ != nullptr; }
  Tape& tape() const;  // Error when default-constructed

 private:
  friend class Tape;
  Var(Tensor value, Tape* tape, int node, std::uint32_t epoch)
      : value_(std::move(value)), tape_(tape), node_(node), epoch_(epoch) {}

  Tensor value_;
  Tape* tape_ = nullptr;
  int node_ = -1;
  std::uint32_t epoch_ = 0;
};

// The inputs of a recorded operation: {x, w} or a span of Vars.
class Inputs {
 public:
  using List = std::initializer_list<std::reference_wrapper<const Var>>;
  Inputs(List list) : list_(list), count_(static_cast<int>(list.size())) {}
  Inputs(std::span<const Var> span) : span_(span.data()), count_(static_cast<int>(span.size())) {}

  int size() const { return count_; }
  const Var& operator[](int i) const { return span_ ? span_[i] : list_.begin()[i].get(); }

 private:
  List list_;
  const Var* span_ = nullptr;
  int count_ = 0;
};

// Where a backward function writes: `grad = value` if !add, `grad += value` if add. Contents of a fresh grad
// (add == false) are undefined, so every element must be written.
struct Into {
  Tensor grad;
  bool add = false;
};

// What a backward function sees: the gradients of its inputs, in the order of Tape::record.
class Gradients {
 public:
  bool wanted(int input) const;
  // The gradient of `input` to write or to add to. Ask once per input and call; only if wanted(input).
  Into into(int input);
  // The same; `spent`, whose values this operation needs no longer, becomes the gradient where it lies if nobody else
  // holds it and it has the input's shape. Its values are the gradient's then.
  Into into(int input, Tensor& spent);
  // Gives a finished contribution of the input's shape. It may share a buffer (dy itself, or a view of it).
  void add(int input, Tensor contribution);
  // Scratch from the tape's pool, undefined contents.
  Tensor empty(const Shape& shape, DType dtype);
  Tape& tape() { return tape_; }

 private:
  friend class Tape;
  Gradients(Tape& tape, int node) : tape_(tape), node_(node) {}
  Tape& tape_;
  int node_;
  std::size_t base_ = 0;  // of this operation's contributions, while a probe or the watch looks on
};

// Sees, and may change, every contribution to a gradient. For tests and diagnosis: this is how the proof is
// made that the gradient check can fail.
class GradientProbe {
 public:
  virtual ~GradientProbe() = default;
  virtual void contribution(const Op& op, int input, Tensor& gradient) = 0;
  // True: contributions replace what is there already instead of being added.
  virtual bool overwrites() const { return false; }
};

// Sees every operation when it has been computed, recorded or not, and when it has been played backward. For counting
// and timing.
class OperationProbe {
 public:
  virtual ~OperationProbe() = default;
  virtual void computed(const Op& op, std::string_view path, Inputs inputs, const Tensor& y) = 0;
  virtual void played(const Op&, std::string_view /*path*/, const Tensor& /*dy*/) {}
};

// A non-finite value was met while Tape::watch was on.
class NonFiniteError : public Error {
 public:
  NonFiniteError(std::string_view message, std::string_view op, std::string_view path, std::int64_t step);
  std::string op, path;
  std::int64_t step;
};

class Tape {
 public:
  explicit Tape(int threads = 1);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // --- Vars --------------------------------------------------------------------------------------------
  Var constant(Tensor value);  // no gradient: data, frozen parameters
  Var leaf(Tensor value);      // gradient kept on the tape, see grad()
  // Gradient written to `grad` (same shape and dtype): after backward() it holds the gradient, zeros where
  // none arrived. Several backward() calls before the next reset() add up.
  Var parameter(Tensor value, Tensor grad);

  // --- Recording ---------------------------------------------------------------------------------------
  // Returns the Var of `y`. If an input asks for a gradient, `backward(const Tensor& dy, Gradients& dx)` is
  // kept and called at most once, when dy = dL/dy is complete; what it captures lives until then.
  template <class F>
  static Var record(const Op& op, Inputs inputs, Tensor y, F backward);
  // The same, recorded even if no input asks: for functions that close over Vars (see recompute).
  template <class F>
  Var record_always(const Op& op, Inputs inputs, Tensor y, F backward);

  // An uninitialised tensor from this tape's pool.
  Tensor empty(const Shape& shape, DType dtype) { return Tensor::empty(shape, dtype, pool_); }
  Tensor zeros(const Shape& shape, DType dtype) { return Tensor::zeros(shape, dtype, pool_); }

  // While a Pause lives nothing is recorded: values only.
  class Pause {
   public:
    explicit Pause(Tape& tape) : tape_(tape), before_(std::exchange(tape.recording_, false)) {}
    ~Pause() { tape_.recording_ = before_; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Tape& tape_;
    bool before_;
  };
  bool recording() const { return recording_; }

  // --- Gradients ---------------------------------------------------------------------------------------
  // y must have one element, or dy its shape. Throws Error when y was recorded without gradient, before the
  // last reset(), or was played before.
  void backward(const Var& y);
  void backward(const Var& y, const Tensor& dy);
  // dL/dx of a leaf, parameter or retained Var; zeros where no gradient arrived.
  Tensor grad(const Var& x);
  // Keeps the gradient of an intermediate Var for grad().
  void retain_grad(const Var& x);

  // Forgets all records; memory stays in the pool. Vars made before are refused afterwards.
  void reset();

  // --- Recomputation (see core/recompute.h) ------------------------------------------------------------
  // Plays only what was recorded since `mark` and forgets it; gradients of older Vars accumulate as usual.
  struct Mark {
    int node;
    Bump::Mark memory;
  };
  Mark mark() const { return {static_cast<int>(nodes_.size()), bump_.mark()}; }
  void backward_since(Mark mark, const Var& y, const Tensor& dy);
  void forget_since(Mark mark);

  // --- Names and diagnosis -----------------------------------------------------------------------------
  // Names the part of the model that records: Scope a(tape, "blocks.0"), b(tape, "attention"); A backward function
  // runs under the path it was recorded under, so what it computes anew finds its random streams again.
  class Scope {
   public:
    Scope(Tape& tape, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Tape& tape_;
    const char* before_;
  };
  const char* path() const { return path_; }

  // With the watch on, the first non-finite value or gradient throws NonFiniteError with operation, path,
  // step and the ranges of the inputs. `step` only serves that message.
  void watch(bool on) { watch_ = on; }
  void set_step(std::int64_t step) { step_ = step; }
  void set_probe(GradientProbe* probe) { probe_ = probe; }  // null: none
  void set_operation_probe(OperationProbe* probe) { operation_probe_ = probe; }

  int threads() const { return threads_; }  // for loops inside an operation
  void set_threads(int threads);
  bool matrix_units() const { return matrix_units_; }  // whether products may use them: kernels/split_gemm.h
  void set_matrix_units(bool on) { matrix_units_ = on; }
  int size() const { return static_cast<int>(nodes_.size()); }
  std::size_t live_bytes() const { return pool_->live_bytes(); }
  std::size_t peak_bytes() const { return pool_->peak_bytes(); }
  std::size_t reserved_bytes() const { return pool_->reserved_bytes(); }
  void reset_peak() { pool_->reset_peak(); }
  const std::shared_ptr<Pool>& pool() const { return pool_; }

  // One default-constructed W that lives with the tape: plans and tables that an operation wants to keep.
  template <class W>
  W& workspace();

 private:
  friend class Gradients;
  using Backward = void (*)(void* closure, const Tensor& dy, Gradients& dx);
  using Destroy = void (*)(void* closure);

  struct Node {
    const Op* op = nullptr;  // null: a leaf
    const char* path = "";
    const int* inputs = nullptr;  // node of each input, -1 where no gradient is wanted
    int count = 0;
    void* closure = nullptr;
    Backward backward = nullptr;
    Destroy destroy = nullptr;
    Shape shape;
    DType dtype = DType::float32;
    Tensor grad;        // defined once a contribution arrived
    Tensor target;      // a parameter's own gradient buffer
    bool lent = false;  // grad came by add(): its buffer may be another gradient's too
    bool keep = false;
    bool played = false;
  };

  static Tape& tape_of(const Op& op, Inputs inputs);
  bool wants_record(Inputs inputs) const;
  Var append(const Op& op, Inputs inputs, Tensor y, void* closure, Backward run, Destroy destroy);
  int append_leaf(const Tensor& value);
  void check_current(const Var& x, std::string_view who) const;
  void seed(const Var& y, const Tensor& dy);
  void play(int first, int last);
  void play_watched(int index, const Tensor& dy, Gradients& gradients);
  void clear_unreached();
  Into into(int node);
  void give(int node, Tensor contribution);
  void destroy_closure(Node& node);
  void watch_value(const Op& op, Inputs inputs, const Tensor& y) const;
  void watch_gradients(const Node& node, const Tensor& dy, std::span<const Tensor> contributions) const;
  void* find_workspace(const void* key) const;

  template <class W>
  static constexpr char workspace_key = 0;

  std::shared_ptr<Pool> pool_;
  Bump bump_;
  std::vector<Node> nodes_;
  std::vector<Tensor> contributions_;  // a stack: of the nodes being played, while a probe or the watch looks on
  std::vector<std::pair<const void*, std::shared_ptr<void>>> workspaces_;
  const char* path_ = "";
  GradientProbe* probe_ = nullptr;
  OperationProbe* operation_probe_ = nullptr;
  std::int64_t step_ = 0;
  std::uint32_t epoch_ = 1;
  int threads_ = 1;
  bool recording_ = true;
  bool watch_ = false;
  bool matrix_units_ = false;
};

template <class F>
Var Tape::record_always(const Op& op, Inputs inputs, Tensor y, F backward) {
  void* closure = new (bump_.allocate(sizeof(F), alignof(F))) F(std::move(backward));
  return append(
      op, inputs, std::move(y), closure,
      [](void* self, const Tensor& dy, Gradients& dx) { (*static_cast<F*>(self))(dy, dx); },
      [](void* self) { static_cast<F*>(self)->~F(); });
}

template <class F>
Var Tape::record(const Op& op, Inputs inputs, Tensor y, F backward) {
  Tape& tape = tape_of(op, inputs);
  // The probe first: a value that it spoils is found where it was spoilt.
  if (tape.operation_probe_) tape.operation_probe_->computed(op, tape.path_, inputs, y);
  if (tape.watch_) tape.watch_value(op, inputs, y);
  if (tape.wants_record(inputs)) return tape.record_always(op, inputs, std::move(y), std::move(backward));
  return Var(std::move(y), &tape, -1, tape.epoch_);
}

template <class W>
W& Tape::workspace() {
  const void* key = &workspace_key<W>;
  if (void* found = find_workspace(key)) return *static_cast<W*>(found);
  workspaces_.emplace_back(key, std::make_shared<W>());
  return *static_cast<W*>(workspaces_.back().second.get());
}

}  // namespace tempera
