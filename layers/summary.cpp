#include "layers/summary.h"

#include <algorithm>
#include <array>

namespace tempera {
namespace {

// True for the path itself and all below it; everything lies below the model, whose path is empty.
bool lies_under(std::string_view path, std::string_view part) {
  return part.empty() || path == part || (path.starts_with(part) && path[part.size()] == '.');
}

class Parts : public ParameterVisitor {
 public:
  std::vector<SummaryRow> rows;

 private:
  void parameter(const std::string& name, Parameter& parameter) override {
    for (SummaryRow& row : rows)
      if (lies_under(name, row.path)) row.parameters += parameter.shape.size();
  }
  void enter(const std::string& name, Module& part) override { rows.push_back({name, part.type(), {}, 0, 0}); }
};

class Counter : public OperationProbe {
 public:
  explicit Counter(std::vector<SummaryRow>& rows) : rows_(rows) {}

  void computed(const Op& op, std::string_view path, Inputs inputs, const Tensor& y) override {
    const double flops = op.flops ? op.flops(inputs, y) : 0;
    for (SummaryRow& row : rows_) {
      if (!lies_under(path, row.path)) continue;
      row.output = y.shape();
      row.flops += flops;
    }
  }

 private:
  std::vector<SummaryRow>& rows_;
};

std::string line(const std::array<std::string, 5>& cells, const std::array<std::size_t, 5>& widths) {
  return fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}  {:>{}}\n", cells[0], widths[0], cells[1], widths[1], cells[2],
                     widths[2], cells[3], widths[3], cells[4], widths[4]);
}

}  // namespace

Summary summarize(Model& model, const Parameters& parameters, const ModelInput& input) {
  Parts parts;
  parts.rows.push_back({"", model.type(), {}, 0, 0});
  model.visit(parts);
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  Counter counter(parts.rows);
  tape.set_operation_probe(&counter);
  const Var y = model.features(context, input);
  parts.rows.front().output = y.shape();

  Summary summary;
  summary.samples = input.inputs.dim(0);
  const bool sequences = input.inputs.rank() == 3 || input.inputs.dtype() == DType::int32;
  summary.tokens = summary.samples * (sequences ? input.inputs.dim(1) : 1);
  for (SummaryRow& row : parts.rows)
    if (row.path.empty() || row.parameters > 0 || row.flops > 0) summary.rows.push_back(std::move(row));
  return summary;
}

std::string Summary::text() const {
  const bool per_token = tokens > samples;
  const auto share = [&](double flops) {
    return grouped(static_cast<Index>(flops / static_cast<double>(per_token ? tokens : samples) + 0.5));
  };
  std::vector<std::array<std::string, 5>> cells{
      {"part", "type", "output", "parameters", per_token ? "FLOPs/token" : "FLOPs/sample"}};
  for (const SummaryRow& row : rows)
    cells.push_back({row.path.empty() ? "(model)" : row.path, row.type, to_string(row.output), grouped(row.parameters),
                     share(row.flops)});
  std::array<std::size_t, 5> widths{};
  for (const auto& row : cells)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string all;
  for (const auto& row : cells) all += line(row, widths);
  all += fmt::format("\n{} parameters, {} FLOPs {} forward (matrix products, two for each multiply-add)\n",
                     grouped(total().parameters), share(total().flops), per_token ? "a token" : "a sample");
  return all;
}

}  // namespace tempera
