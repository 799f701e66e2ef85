// Modules and their parameters.
//
// A module is a struct with parameters and parts; visit() tells them by name, and the names, joined with dots, are the
// checkpoint's names ("blocks.0.attention.query.weight"). A module holds no gradients and no tape: its forward function
// takes a Context, which knows the tape, so one model serves many tapes on many threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"

namespace tempera {

// How a parameter starts. Draws come from the stream "init/<name>", so a new parameter changes no other.
struct Init {
  enum class Kind { constant, normal, uniform } kind = Kind::constant;
  double a = 0;  // the constant, the standard deviation, or the bound of [-a, a)

  static Init zeros() { return {Kind::constant, 0}; }
  static Init ones() { return {Kind::constant, 1}; }
  static Init constant(double value) { return {Kind::constant, value}; }
  static Init normal(double deviation) { return {Kind::normal, deviation}; }
  static Init uniform(double bound) { return {Kind::uniform, bound}; }
  // Uniform with bound sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).
  static Init xavier(Index fan_in, Index fan_out);
  // Uniform with bound 1 / sqrt(fan_in): what torch.nn.Linear starts with.
  static Init fan_in(Index fan_in);
};

struct Parameter {
  Parameter() = default;  // absent: a bias that was not asked for
  Parameter(const Shape& shape_, Init init_, bool decay_ = true)
      : shape(shape_), init(init_), decay(decay_), exists_(true) {}

  bool exists() const { return exists_; }

  Shape shape;
  Init init;
  bool decay = true;      // weight decay applies; not to biases, norms and embeddings
  bool trainable = true;  // false: no gradient, no update
  // Set when Parameters collects the model: a view into its flat buffer, and the place in its list.
  Tensor value;
  int index = -1;

 private:
  bool exists_ = false;
};

class Module;

// Sees every parameter of a model once, in a fixed order.
class ParameterVisitor {
 public:
  virtual ~ParameterVisitor() = default;

  void operator()(std::string_view name, Parameter& parameter);
  void operator()(std::string_view name, Module& part);
  template <class M>
  void operator()(std::string_view name, std::unique_ptr<M>& part) {
    if (part) (*this)(name, static_cast<Module&>(*part));
  }
  // Parts are numbered: "blocks.0", "blocks.1", ...
  template <class M>
  void operator()(std::string_view name, std::vector<M>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) (*this)(std::string(name) + "." + std::to_string(i), parts[i]);
  }

 protected:
  virtual void parameter(const std::string& name, Parameter& parameter) = 0;
  // Before and after the parameters and parts of a part.
  virtual void enter(const std::string& name, Module& part);
  virtual void leave(const std::string& name, Module& part);

 private:
  std::string prefix_;
};

class Module {
 public:
  virtual ~Module() = default;
  // Own parameters and parts, by name, in the order of the forward pass. Absent parameters are skipped.
  virtual void visit(ParameterVisitor& visitor) = 0;
  // What summaries call it: the name of the class.
  virtual std::string type() const;
  // Names of the losses that it adds to that of the head while it trains (Context::add_loss).
  virtual std::vector<std::string_view> loss_names() const { return {}; }
};

// Elements of all parameters, without making them.
Index count_parameters(Module& model);

// The losses that the parts of a model add to that of its head, each name once, in the order of the visit.
std::vector<std::string_view> part_losses(Module& model);

// The parameters of a model in one flat buffer, each starting on a cache line. The optimizer runs over the buffer;
// gradients are flat buffers of the same layout.
class Parameters {
 public:
  struct Entry {
    std::string name;
    Parameter* parameter = nullptr;
    Index offset = 0;  // in elements of the flat buffer
    Index size = 0;
  };

  // Collects the model's parameters and initialises them. The model must outlive this. Throws Error where a name
  // comes twice. A parameter that several modules share is visited by one of them only.
  Parameters(Module& model, DType dtype, const Rng& rng);
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  const std::vector<Entry>& entries() const { return entries_; }
  const Entry& find(std::string_view name) const;  // Error with the nearest name
  DType dtype() const { return flat_.dtype(); }
  Index flat_size() const { return flat_.size(); }  // with padding
  Index count() const;                              // without
  Tensor& flat() { return flat_; }
  const Tensor& flat() const { return flat_; }
  // The part of a flat buffer that belongs to an entry, in its shape.
  Tensor view(const Tensor& flat, const Entry& entry) const;
  // A zeroed buffer of the same layout.
  Tensor make_flat() const { return Tensor::zeros({flat_size()}, dtype()); }

 private:
  std::vector<Entry> entries_;
  Tensor flat_;
};

}  // namespace tempera
