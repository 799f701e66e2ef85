// Wrong gradients of the kinds that people write, made out of right ones: the gradient check must reject each.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "core/tape.h"

namespace tempera {

enum class Mutation { sign, scaled, dropped_term, transposed, no_accumulation, zeroed, shifted, stale };
inline constexpr std::array kMutations{
    std::pair{Mutation::sign, std::string_view("sign flipped")},
    std::pair{Mutation::scaled, std::string_view("times 1 + 1e-6")},
    std::pair{Mutation::dropped_term, std::string_view("largest entry dropped")},
    std::pair{Mutation::transposed, std::string_view("last two axes swapped")},
    std::pair{Mutation::no_accumulation, std::string_view("overwrites instead of adding")},
    std::pair{Mutation::zeroed, std::string_view("all zero")},
    std::pair{Mutation::shifted, std::string_view("off by one along the last axis")},
    std::pair{Mutation::stale, std::string_view("one entry of the buffer left as it was")},
};

// Mutates every contribution to input `input` of `op`, and only that. `changed` tells whether any gradient
// differs from the right one at all: a mutation that changes nothing is no mutant.
class Mutant : public GradientProbe {
 public:
  Mutant(std::string_view op, int input, Mutation kind) : op_(op), input_(input), kind_(kind) {}

  void contribution(const Op& op, int input, Tensor& gradient) override {
    here_ = op.name == op_ && input == input_;
    if (!here_ || gradient.size() == 0) return;
    const Tensor right = gradient.clone();
    mutate(gradient);
    for (Index i = 0; i < right.size(); ++i) changed = changed || right.at(i) != gradient.at(i);
    // Losing what was there before is a change as soon as somebody else contributes.
    changed = changed || kind_ == Mutation::no_accumulation;
  }
  bool overwrites() const override { return here_ && kind_ == Mutation::no_accumulation; }

  bool changed = false;

 private:
  void mutate(Tensor& g) const {
    auto x = g.vec<double>();
    const Index n = g.size(), cols = g.matrix_cols(), rows = g.matrix_rows();
    switch (kind_) {
      case Mutation::sign: x = -x; break;
      case Mutation::scaled: x *= 1 + 1e-6; break;
      case Mutation::dropped_term: {
        Index largest = 0;
        x.abs().maxCoeff(&largest);
        x[largest] = 0;
        break;
      }
      case Mutation::transposed: {
        const Vector<double> right = x;
        for (Index i = 0; i < n; ++i) x[i % rows * cols + i / rows] = right[i];
        break;
      }
      case Mutation::zeroed: x.setZero(); break;
      case Mutation::shifted: {
        const Vector<double> right = x;
        for (Index i = 0; i < n; ++i) x[i] = right[i / cols * cols + (i + 1) % cols];
        break;
      }
      case Mutation::stale: x[n - 1] = x[n - 1] + 0.37; break;
      case Mutation::no_accumulation: break;
    }
  }

  std::string_view op_;
  int input_;
  Mutation kind_;
  bool here_ = false;
};

}  // namespace tempera
