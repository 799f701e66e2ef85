// Parameters as an optimizer sees them, and the rules that single some of them out by name.
#pragma once

#include <string>
#include <vector>

#include "core/fields.h"
#include "layers/module.h"

namespace tempera {

// A parameter: a piece of the flat buffers.
struct Segment {
  Index offset = 0, size = 0;
  bool decay = true;           // weight decay applies
  double lr_factor = 1;        // of the learning rate
  Index rows = 1, cols = 1;    // a matrix as stored; a vector is 1 x size
  bool hidden_matrix = false;  // rank 2 and no table: what Muon orthogonalises
};

// Patterns are matched against whole names ("blocks.0.attention.query.weight"): * stands for any run of characters,
// ? for one.
struct ParameterRules : Options {
  // No weight decay, besides those that ask for none themselves (biases, norms, embeddings).
  std::vector<std::string> no_decay = {};
  // "pattern=factor"; factors of several matching patterns multiply. Factor 0 freezes.
  std::vector<std::string> lr_factors = {};
  // Matrices that are tables or read-outs, whose rows mean something each by itself: Muon leaves them to AdamW.
  std::vector<std::string> tables = {"*embedding*", "*position*", "head.*", "*.head.*"};

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
};

bool matches_pattern(std::string_view pattern, std::string_view name);

// One segment per trainable parameter, in the order of the model. Throws Error where problems() has any, and where a
// pattern of no_decay or lr_factors matches no parameter.
std::vector<Segment> segments_of(const Parameters& parameters, const ParameterRules& rules = {});

}  // namespace tempera
