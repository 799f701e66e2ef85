// Parameters that every head has a row of, for normalizers and biases of scores.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "layers/context.h"

namespace tempera {

inline constexpr std::size_t kMaxHeadParameters = 3;  // of one normalizer or bias

// What a kernel sees of them: this head's values, or where their gradients are added; null where a parameter is absent
// or its gradient unwanted.
template <class T>
using HeadValues = std::array<T*, kMaxHeadParameters>;

// A module whose parameters are of shape [H] or [H, R], or [1] where all heads share one. They are added in the
// constructor.
class HeadParameters : public Module {
 public:
  struct Entry {
    std::string name;
    Parameter parameter;
    double otherwise = 0;  // the value where the parameter is absent
  };

  void visit(ParameterVisitor& visitor) override {
    for (Entry& entry : entries_) visitor(entry.name, entry.parameter);
  }
  std::span<const Entry> entries() const { return entries_; }

  // The parameters as Vars of this step, undefined where absent.
  std::array<Var, kMaxHeadParameters> vars(Context& context) const {
    std::array<Var, kMaxHeadParameters> result;
    for (std::size_t i = 0; i < entries_.size(); ++i) result[i] = context[entries_[i].parameter];
    return result;
  }

 protected:
  // Throws Error when there are too many.
  void add(std::string_view name, const Parameter& parameter, double otherwise = 0) {
    require(entries_.size() < kMaxHeadParameters, name, "a fourth parameter per head came; at most {} are supported",
            kMaxHeadParameters);
    entries_.push_back({std::string(name), parameter, otherwise});
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace tempera
