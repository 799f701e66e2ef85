#include "layers/module.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cxxabi.h>
#include <set>
#include <typeinfo>

#include "core/error.h"

namespace tempera {
namespace {

constexpr Index kLine = 16;  // elements; 64 bytes of float32

class Collector : public ParameterVisitor {
 public:
  std::vector<Parameters::Entry> entries;
  Index size = 0;

 private:
  void parameter(const std::string& name, Parameter& parameter) override {
    require(names_.insert(name).second, "Parameters", "the model has two parameters named '{}'", name);
    entries.push_back({name, &parameter, size, parameter.shape.size()});
    size += (parameter.shape.size() + kLine - 1) / kLine * kLine;
  }
  std::set<std::string> names_;
};

void initialise(Parameter& parameter, const Rng& rng) {
  switch (parameter.init.kind) {
    case Init::Kind::constant: parameter.value.fill(parameter.init.a); break;
    case Init::Kind::normal: rng.fill_normal(parameter.value, 0, parameter.init.a); break;
    case Init::Kind::uniform: rng.fill_uniform(parameter.value, -parameter.init.a, parameter.init.a); break;
  }
}

}  // namespace

Init Init::xavier(Index fan_in, Index fan_out) {
  return uniform(std::sqrt(6.0 / static_cast<double>(fan_in + fan_out)));
}

Init Init::fan_in(Index fan_in) {
  return uniform(1 / std::sqrt(static_cast<double>(fan_in)));
}

void ParameterVisitor::operator()(std::string_view name, Parameter& own) {
  if (own.exists()) parameter(prefix_ + std::string(name), own);
}

void ParameterVisitor::operator()(std::string_view name, Module& part) {
  const std::size_t length = prefix_.size();
  const std::string path = prefix_ + std::string(name);
  enter(path, part);
  prefix_ = path + ".";
  part.visit(*this);
  prefix_.resize(length);
  leave(path, part);
}

void ParameterVisitor::enter(const std::string&, Module&) {}
void ParameterVisitor::leave(const std::string&, Module&) {}

std::string Module::type() const {
  const std::unique_ptr<char, void (*)(void*)> whole(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, nullptr), std::free);
  const std::string_view name = whole ? whole.get() : typeid(*this).name();
  return std::string(name.substr(name.rfind(':') + 1));
}

Index count_parameters(Module& model) {
  struct Counter : ParameterVisitor {
    Index total = 0;
    void parameter(const std::string&, Parameter& parameter) override { total += parameter.shape.size(); }
  } counter;
  model.visit(counter);
  return counter.total;
}

std::vector<std::string_view> part_losses(Module& model) {
  struct Names : ParameterVisitor {
    std::vector<std::string_view> found;
    void add(const Module& part) {
      for (const std::string_view name : part.loss_names())
        if (std::find(found.begin(), found.end(), name) == found.end()) found.push_back(name);
    }
    void parameter(const std::string&, Parameter&) override {}
    void enter(const std::string&, Module& part) override { add(part); }
  } names;
  names.add(model);
  model.visit(names);
  return names.found;
}

Parameters::Parameters(Module& model, DType dtype, const Rng& rng) {
  Collector collector;
  model.visit(collector);
  entries_ = std::move(collector.entries);
  flat_ = Tensor::zeros({collector.size}, dtype);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Parameter& parameter = *entries_[i].parameter;
    parameter.index = static_cast<int>(i);
    parameter.value = view(flat_, entries_[i]);
    initialise(parameter, rng.sub("init/" + entries_[i].name));
  }
}

Tensor Parameters::view(const Tensor& flat, const Entry& entry) const {
  return flat.view(entry.offset, entry.parameter->shape);
}

Index Parameters::count() const {
  Index total = 0;
  for (const Entry& entry : entries_) total += entry.size;
  return total;
}

const Parameters::Entry& Parameters::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.name == name) return entry;
  fail("Parameters", "the model has no parameter '{}'", name);
}

}  // namespace tempera
