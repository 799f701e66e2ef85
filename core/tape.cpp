#include "core/tape.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace tempera {
namespace {

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  Index bad = 0;
  Index first_bad = -1;
};

bool all_finite(const Tensor& tensor) {
  if (!is_floating(tensor.dtype())) return true;
  return dispatch(tensor.dtype(), [&]<class T>(Type<T>) {
    // x - x is 0 unless x is infinite or NaN; blocks of independent sums let the compiler use full vectors.
    constexpr Index kBlock = 64;
    T spoiled[kBlock] = {};
    const T* x = tensor.data<T>();
    const Index whole = tensor.size() / kBlock * kBlock;
    for (Index i = 0; i < whole; i += kBlock)
      for (Index j = 0; j < kBlock; ++j) spoiled[j] += x[i + j] - x[i + j];
    for (Index i = whole; i < tensor.size(); ++i) spoiled[i - whole] += x[i] - x[i];
    return std::all_of(std::begin(spoiled), std::end(spoiled), [](T s) { return s == 0; });
  });
}

std::string describe(const Tensor& tensor) {
  Range range;
  for (Index i = 0; i < tensor.size(); ++i) {
    const double x = tensor.at(i);
    if (std::isfinite(x)) {
      range.low = std::min(range.low, x);
      range.high = std::max(range.high, x);
    } else if (range.bad++ == 0) {
      range.first_bad = i;
    }
  }
  std::string text = to_string(tensor);
  if (range.low <= range.high) text += fmt::format(" in [{:.6g}, {:.6g}]", range.low, range.high);
  if (range.bad > 0)
    text += fmt::format(", {} not finite, the first is {} at element {}", range.bad, tensor.at(range.first_bad),
                        range.first_bad);
  return text;
}

std::string_view shown(const char* path) {
  return *path ? path : "(no module)";
}

}  // namespace

NonFiniteError::NonFiniteError(std::string_view message, std::string_view op_name, std::string_view module_path,
                               std::int64_t at_step)
    : Error(op_name, message), op(op_name), path(module_path), step(at_step) {}

Tape& Var::tape() const {
  require(tape_ != nullptr, "Var", "this Var belongs to no tape; make it with Tape::constant, leaf or parameter");
  return *tape_;
}

Tape::Tape(int threads) : pool_(std::make_shared<Pool>()) {
  set_threads(threads);
}

Tape::~Tape() {
  reset();
}

void Tape::set_threads(int threads) {
  require(threads >= 1, "Tape", "{} threads came; at least 1 was wanted", threads);
  threads_ = threads;
}

// --- Vars ------------------------------------------------------------------------------------------------

Var Tape::constant(Tensor value) {
  require(value.defined(), "Tape::constant", "the tensor is undefined");
  return Var(std::move(value), this, -1, epoch_);
}

int Tape::append_leaf(const Tensor& value) {
  require(value.defined() && is_floating(value.dtype()), "Tape",
          "a gradient was asked for {}; only float32 and float64 have one", value);
  Node& node = nodes_.emplace_back();
  node.shape = value.shape();
  node.dtype = value.dtype();
  node.path = path_;
  node.keep = true;
  return static_cast<int>(nodes_.size()) - 1;
}

Var Tape::leaf(Tensor value) {
  if (!recording_) return constant(std::move(value));
  const int node = append_leaf(value);
  return Var(std::move(value), this, node, epoch_);
}

Var Tape::parameter(Tensor value, Tensor grad) {
  if (!recording_) return constant(std::move(value));
  require(grad.defined() && grad.shape() == value.shape() && grad.dtype() == value.dtype(), "Tape::parameter",
          "the gradient buffer is {}, but the parameter is {}", grad, value);
  const int node = append_leaf(value);
  nodes_.back().target = std::move(grad);
  return Var(std::move(value), this, node, epoch_);
}

// --- Recording -------------------------------------------------------------------------------------------

Tape& Tape::tape_of(const Op& op, Inputs inputs) {
  require(inputs.size() > 0, op.name, "an operation needs at least one input to find its tape");
  Tape& tape = inputs[0].tape();
  for (int i = 0; i < inputs.size(); ++i) {
    require(&inputs[i].tape() == &tape, op.name, "inputs 0 and {} belong to different tapes", i);
    tape.check_current(inputs[i], op.name);
  }
  return tape;
}

void Tape::check_current(const Var& x, std::string_view who) const {
  require(x.epoch_ == epoch_, who, "a Var of shape {} was made before Tape::reset(); make it anew in each step",
          x.shape());
}

bool Tape::wants_record(Inputs inputs) const {
  if (!recording_) return false;
  for (int i = 0; i < inputs.size(); ++i)
    if (inputs[i].requires_grad()) return true;
  return false;
}

Var Tape::append(const Op& op, Inputs inputs, Tensor y, void* closure, Backward run, Destroy destroy) {
  const auto count = static_cast<std::size_t>(inputs.size());
  int* input_nodes = nullptr;
  try {
    input_nodes = static_cast<int*>(bump_.allocate(count * sizeof(int), alignof(int)));
    nodes_.emplace_back();
  } catch (...) {
    destroy(closure);  // no node holds it yet
    throw;
  }
  for (int i = 0; i < inputs.size(); ++i) input_nodes[i] = inputs[i].node_;
  Node& node = nodes_.back();
  node.op = &op;
  node.path = path_;
  node.inputs = input_nodes;
  node.count = inputs.size();
  node.closure = closure;
  node.backward = run;
  node.destroy = destroy;
  node.shape = y.shape();
  node.dtype = y.dtype();
  return Var(std::move(y), this, static_cast<int>(nodes_.size()) - 1, epoch_);
}

void Tape::destroy_closure(Node& node) {
  if (!node.closure) return;
  node.destroy(node.closure);
  node.closure = nullptr;
}

void Tape::reset() {
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) destroy_closure(*node);
  nodes_.clear();
  contributions_.clear();
  bump_.rewind({});
  path_ = "";
  ++epoch_;
}

// --- Backward --------------------------------------------------------------------------------------------

void Tape::backward(const Var& y) {
  require(y.size() == 1, "Tape::backward",
          "a loss of one element was wanted, but the shape is {}; reduce it, or give dy", y.shape());
  Tensor one = empty(y.shape(), y.dtype());
  one.fill(1);
  backward(y, one);
}

void Tape::backward(const Var& y, const Tensor& dy) {
  seed(y, dy);
  play(0, y.node_);
  clear_unreached();
}

void Tape::backward_since(Mark mark, const Var& y, const Tensor& dy) {
  if (!y.requires_grad()) return;
  seed(y, dy);
  play(mark.node, y.node_);
}

void Tape::forget_since(Mark mark) {
  while (static_cast<int>(nodes_.size()) > mark.node) {
    destroy_closure(nodes_.back());
    nodes_.pop_back();
  }
  bump_.rewind(mark.memory);
}

void Tape::seed(const Var& y, const Tensor& dy) {
  check_current(y, "Tape::backward");
  require(y.requires_grad(), "Tape::backward", "no leaf or parameter reaches this Var, so it has no gradient");
  require(dy.shape() == y.shape() && dy.dtype() == y.dtype(), "Tape::backward", "dy is {}, but y is {}", dy, y.value());
  const Node& node = nodes_[static_cast<std::size_t>(y.node_)];
  require(!node.played, "Tape::backward", "'{}' was played already; its records are gone. Record the step again",
          node.op ? node.op->name : "leaf");
  give(y.node_, dy);
}

void Tape::play(int first, int last) {
  for (int i = last; i >= first; --i) {
    const auto at = static_cast<std::size_t>(i);
    if (!nodes_[at].backward || nodes_[at].played || !nodes_[at].grad.defined()) continue;
    nodes_[at].played = true;
    const Tensor dy = nodes_[at].keep ? nodes_[at].grad : std::exchange(nodes_[at].grad, Tensor());
    Gradients gradients(*this, i);
    const char* before = std::exchange(path_, nodes_[at].path);
    if (probe_ || watch_) play_watched(i, dy, gradients);
    else nodes_[at].backward(nodes_[at].closure, dy, gradients);
    if (operation_probe_) operation_probe_->played(*nodes_[at].op, path_, dy);
    path_ = before;
    destroy_closure(nodes_[at]);
  }
}

// Contributions are held back until the operation is done, looked at, and only then given on. The stack grows
// and nodes_ may move when the operation recomputes a part of the tape, so both are reached by index.
void Tape::play_watched(int index, const Tensor& dy, Gradients& gradients) {
  const auto at = static_cast<std::size_t>(index);
  const std::size_t base = gradients.base_ = contributions_.size();
  contributions_.resize(base + static_cast<std::size_t>(nodes_[at].count));
  nodes_[at].backward(nodes_[at].closure, dy, gradients);
  if (watch_) watch_gradients(nodes_[at], dy, std::span(contributions_).subspan(base));
  for (int k = 0; k < nodes_[at].count; ++k) {
    Tensor contribution = std::move(contributions_[base + static_cast<std::size_t>(k)]);
    if (!contribution.defined()) continue;
    if (probe_) {
      contribution = contribution.clone(pool_);
      probe_->contribution(*nodes_[at].op, k, contribution);
      if (probe_->overwrites()) nodes_[static_cast<std::size_t>(nodes_[at].inputs[k])].grad = Tensor();
    }
    give(nodes_[at].inputs[k], std::move(contribution));
  }
  contributions_.resize(base);
}

void Tape::clear_unreached() {
  for (Node& node : nodes_)
    if (node.target.defined() && !node.grad.defined()) node.target.fill(0);
}

Into Tape::into(int index) {
  Node& node = nodes_[static_cast<std::size_t>(index)];
  if (!node.grad.defined()) {
    node.grad = node.target.defined() ? node.target : empty(node.shape, node.dtype);
    return {node.grad, false};
  }
  if (std::exchange(node.lent, false) && node.grad.references() > 1) node.grad = node.grad.clone(pool_);
  return {node.grad, true};
}

void Tape::give(int index, Tensor contribution) {
  Node& node = nodes_[static_cast<std::size_t>(index)];
  if (!node.grad.defined() && !node.target.defined()) {
    node.grad = std::move(contribution);
    node.lent = true;
    return;
  }
  Into to = into(index);
  if (!to.add) return to.grad.copy_from(contribution);
  dispatch(to.grad.dtype(), [&]<class T>(Type<T>) { to.grad.vec<T>() += contribution.vec<T>(); });
}

Tensor Tape::grad(const Var& x) {
  check_current(x, "Tape::grad");
  require(x.requires_grad() && nodes_[static_cast<std::size_t>(x.node_)].keep, "Tape::grad",
          "only leaves, parameters and Vars given to retain_grad() keep a gradient");
  const Node& node = nodes_[static_cast<std::size_t>(x.node_)];
  return node.grad.defined() ? node.grad : zeros(node.shape, node.dtype);
}

void Tape::retain_grad(const Var& x) {
  check_current(x, "Tape::retain_grad");
  require(x.requires_grad(), "Tape::retain_grad", "this Var asks for no gradient");
  nodes_[static_cast<std::size_t>(x.node_)].keep = true;
}

bool Gradients::wanted(int input) const {
  return tape_.nodes_[static_cast<std::size_t>(node_)].inputs[input] >= 0;
}

Into Gradients::into(int input, Tensor& spent) {
  Tape::Node& node =
      tape_.nodes_[static_cast<std::size_t>(tape_.nodes_[static_cast<std::size_t>(node_)].inputs[input])];
  const bool free = !tape_.probe_ && !tape_.watch_ && !node.grad.defined() && !node.target.defined() &&
                    spent.references() == 1 && spent.shape() == node.shape && spent.dtype() == node.dtype;
  if (free) node.grad = std::move(spent);
  return free ? Into{node.grad, false} : into(input);
}

Into Gradients::into(int input) {
  const Tape::Node& node = tape_.nodes_[static_cast<std::size_t>(node_)];
  require(wanted(input), node.op->name, "input {} wants no gradient; ask wanted() first", input);
  if (!tape_.probe_ && !tape_.watch_) return tape_.into(node.inputs[input]);
  const Tape::Node& target = tape_.nodes_[static_cast<std::size_t>(node.inputs[input])];
  Tensor& slot = tape_.contributions_[base_ + static_cast<std::size_t>(input)];
  slot = tape_.empty(target.shape, target.dtype);
  return {slot, false};
}

void Gradients::add(int input, Tensor contribution) {
  const Tape::Node& node = tape_.nodes_[static_cast<std::size_t>(node_)];
  if (!wanted(input)) return;
  const Tape::Node& target = tape_.nodes_[static_cast<std::size_t>(node.inputs[input])];
  require(contribution.shape() == target.shape && contribution.dtype() == target.dtype, node.op->name,
          "the gradient of input {} is {}, but the input is {} {}", input, contribution, target.dtype, target.shape);
  if (!tape_.probe_ && !tape_.watch_) return tape_.give(node.inputs[input], std::move(contribution));
  tape_.contributions_[base_ + static_cast<std::size_t>(input)] = std::move(contribution);
}

Tensor Gradients::empty(const Shape& shape, DType dtype) {
  return tape_.empty(shape, dtype);
}

// --- Names and diagnosis ---------------------------------------------------------------------------------

Tape::Scope::Scope(Tape& tape, std::string_view name) : tape_(tape), before_(tape.path_) {
  const std::string_view outer = tape.path_;
  const std::size_t dot = outer.empty() ? 0 : 1;
  auto* path = static_cast<char*>(tape.bump_.allocate(outer.size() + dot + name.size() + 1, 1));
  std::memcpy(path, outer.data(), outer.size());
  if (dot) path[outer.size()] = '.';
  std::memcpy(path + outer.size() + dot, name.data(), name.size());
  path[outer.size() + dot + name.size()] = '\0';
  tape.path_ = path;
}

Tape::Scope::~Scope() {
  tape_.path_ = before_;
}

void Tape::watch_value(const Op& op, Inputs inputs, const Tensor& y) const {
  if (all_finite(y)) return;
  std::string ranges;
  for (int i = 0; i < inputs.size(); ++i) ranges += fmt::format("\n  input {}: {}", i, describe(inputs[i].value()));
  throw NonFiniteError(fmt::format("a non-finite value in module {} after {} steps\n  output: {}{}", shown(path_),
                                   step_, describe(y), ranges),
                       op.name, path_, step_);
}

void Tape::watch_gradients(const Node& node, const Tensor& dy, std::span<const Tensor> contributions) const {
  for (int i = 0; i < node.count; ++i) {
    const Tensor& contribution = contributions[static_cast<std::size_t>(i)];
    if (!contribution.defined() || all_finite(contribution)) continue;
    throw NonFiniteError(
        fmt::format(
            "a non-finite gradient of input {} in module {} after {} steps\n  gradient: {}\n  incoming gradient: {}", i,
            shown(node.path), step_, describe(contribution), describe(dy)),
        node.op->name, node.path, step_);
  }
}

void* Tape::find_workspace(const void* key) const {
  for (const auto& [known, workspace] : workspaces_)
    if (known == key) return workspace.get();
  return nullptr;
}

}  // namespace tempera
