// What a model is made of: its parts with shapes, parameters and cost.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/grouped.h"
#include "layers/model.h"

namespace tempera {

struct SummaryRow {
  std::string path;  // "blocks.0.attention"; empty: the whole
  std::string type;  // its class
  Shape output;      // of the last operation under that path; none: a part that others compute with
  Index parameters = 0;
  double flops = 0;  // of a forward pass over `input`
};

// FLOPs are those of matrix products, convolutions and recurrences, two for each multiply-add, whether masked or not
// (see Op::flops). A training step takes about three times as many.
struct Summary {
  std::vector<SummaryRow> rows;  // parents before their parts; parts without parameters and cost are left out
  Index samples = 0, tokens = 0;
  const SummaryRow& total() const { return rows.front(); }
  double flops_per_sample() const { return total().flops / static_cast<double>(samples); }
  double flops_per_token() const { return total().flops / static_cast<double>(tokens); }
  // An aligned table with FLOPs per token, or per sample where a sample has one token, and the totals below. Parts are
  // indented below the whole they belong to; neighbours that differ in nothing but their number share their lines.
  std::string text() const;
};

// Runs `pass`, a forward pass of `module` over a batch of `inputs`, once in evaluation. Tokens are those of the inputs:
// B N for sequences, B for the rest.
Summary summarize(Module& module, const Parameters& parameters, const std::function<Var(Context&)>& pass,
                  const Tensor& inputs);

// A model without its head.
Summary summarize(Model& model, const Parameters& parameters, const ModelInput& input);

}  // namespace tempera
