// Proof of the gradients of a whole model with its loss, by finite differences (core/gradcheck.h), per parameter.
//
//   L = sum of the losses of a few samples, as training computes it: dropout draws the same masks in every pass
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/gradcheck.h"
#include "train/learner.h"

namespace tempera {

struct ModelGradcheckOptions {
  double tolerance = 1e-6;  // of the relative error, see core/gradcheck.h
  Index entries = 8;        // checked of each parameter; 0: all
  double noise = 0.1;       // parameters that start at a constant are moved by up to so much: a bias of 0 hides errors
  std::uint64_t seed = 1;   // of the entries, the noise and the dropout
  int threads = 1;          // parameters checked at once; changes no bit
};

struct ParameterCheck {
  std::string name;
  Shape shape;
  Index checked = 0;     // entries
  int kinks = 0;         // of them: entries at a corner of the loss, where its one-sided derivatives differ
  GradcheckEntry worst;  // outside of kinks; `where` is the entry alone, "[3, 17]"
  bool ok = false;
};

struct ModelGradcheck {
  bool ok = false;
  double loss = 0, tolerance = 0;
  std::vector<ParameterCheck> parameters;  // in the model's order, without frozen ones

  // A table, a line for each parameter, and what it says in words.
  std::string text() const;
};

// `parameters` are those of the learner's module, float64; they are moved by the noise. `progress` is called after each
// parameter, with how many are done, one call at a time. Throws Error for float32.
ModelGradcheck gradcheck_model(const Learner& learner, Parameters& parameters, const Batch& batch,
                               const ModelGradcheckOptions& options,
                               const std::function<void(std::size_t done)>& progress = {});

// The first `length` tokens of each sample, where samples are sequences: what is left is quicker to check.
Batch first_tokens(const Batch& batch, Index length);

}  // namespace tempera
