// What a model is made of: its parts with shapes, parameters and cost.
#pragma once

#include <string>
#include <vector>

#include "core/grouped.h"
#include "layers/model.h"

namespace tempera {

struct SummaryRow {
  std::string path;  // "blocks.0.attention"; empty: the model
  std::string type;  // its class
  Shape output;      // of the last operation under that path
  Index parameters = 0;
  double flops = 0;  // of a forward pass over `input`
};

// FLOPs are those of matrix products, convolutions and recurrences, two for each multiply-add, whether masked or not
// (see Op::flops); the head is no part of the model. A training step takes about three times as many.
struct Summary {
  std::vector<SummaryRow> rows;  // parents before their parts; parts without parameters and cost are left out
  Index samples = 0, tokens = 0;
  const SummaryRow& total() const { return rows.front(); }
  double flops_per_sample() const { return total().flops / static_cast<double>(samples); }
  double flops_per_token() const { return total().flops / static_cast<double>(tokens); }
  // An aligned table with FLOPs per token, or per sample where a sample has one token, and the totals below.
  std::string text() const;
};

// Runs `model`, whose parameters are `parameters`, once over `input` in evaluation. Tokens are those of
// ModelInput::inputs: B N for sequences, B for the rest.
Summary summarize(Model& model, const Parameters& parameters, const ModelInput& input);

}  // namespace tempera
