#include "layers/summary.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tempera {
namespace {

// True for the path itself and all below it; everything lies below the whole, whose path is empty.
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

// The rows as a tree: each with its parts, and what it is called beside them.
struct Part {
  const SummaryRow* row;
  std::string_view name;  // "blocks.0", "attention"
  std::vector<Part> parts = {};
};

// Takes the rows from `at` on that lie under `path`.
std::vector<Part> parts_under(std::string_view path, std::span<const SummaryRow> rows, std::size_t& at) {
  std::vector<Part> parts;
  while (at < rows.size() && lies_under(rows[at].path, path)) {
    const SummaryRow& row = rows[at++];
    Part part{&row, std::string_view(row.path).substr(path.empty() ? 0 : path.size() + 1)};
    part.parts = parts_under(row.path, rows, at);
    parts.push_back(std::move(part));
  }
  return parts;
}

std::string_view before_number(std::string_view name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  return end == name.npos || end + 1 == name.size() || name[end] != '.' ? std::string_view() : name.substr(0, end + 1);
}

// Alike in all that is shown, but for the number at the end of the name.
bool alike(const Part& a, const Part& b, bool numbered) {
  const bool named =
      numbered ? !before_number(a.name).empty() && before_number(a.name) == before_number(b.name) : a.name == b.name;
  return named && a.row->type == b.row->type && a.row->output == b.row->output &&
         a.row->parameters == b.row->parameters && a.row->flops == b.row->flops &&
         std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                    [](const Part& x, const Part& y) { return alike(x, y, false); });
}

using Cells = std::array<std::string, 5>;

class TableText {
 public:
  TableText(const Summary& summary, bool per_token)
      : share_(static_cast<double>(per_token ? summary.tokens : summary.samples)) {
    cells_.push_back({"part", "type", "output", "parameters", per_token ? "FLOPs/token" : "FLOPs/sample"});
    std::size_t at = 1;
    add(summary.total(), "(whole)", 0);
    add(parts_under("", summary.rows, at), 1);
  }

  std::string share(double flops) const { return grouped(std::llround(flops / share_)); }

  std::string text() const {
    std::array<std::size_t, 5> widths{};
    for (const Cells& row : cells_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string all;
    for (const Cells& row : cells_)
      all += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}  {:>{}}\n", row[0], widths[0], row[1], widths[1], row[2],
                         widths[2], row[3], widths[3], row[4], widths[4]);
    return all;
  }

 private:
  void add(const std::vector<Part>& parts, std::size_t depth) {
    for (std::size_t i = 0; i < parts.size();) {
      std::size_t end = i + 1;
      while (end < parts.size() && alike(parts[i], parts[end], true)) ++end;
      std::string name(parts[i].name);
      if (end > i + 1)
        name += fmt::format("-{}, each", parts[end - 1].name.substr(before_number(parts[i].name).size()));
      add(*parts[i].row, name, depth);
      add(parts[i].parts, depth + 1);
      i = end;
    }
  }
  void add(const SummaryRow& row, std::string_view name, std::size_t depth) {
    cells_.push_back({std::string(2 * depth, ' ') + std::string(name), row.type,
                      row.output.rank() == 0 ? "-" : to_string(row.output), grouped(row.parameters), share(row.flops)});
  }

  double share_;
  std::vector<Cells> cells_;
};

}  // namespace

Summary summarize(Module& module, const Parameters& parameters, const std::function<Var(Context&)>& pass,
                  const Tensor& inputs) {
  Parts parts;
  parts.rows.push_back({"", module.type(), {}, 0, 0});
  module.visit(parts);
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  Counter counter(parts.rows);
  tape.set_operation_probe(&counter);
  const Var y = pass(context);
  parts.rows.front().output = y.shape();

  Summary summary;
  summary.samples = inputs.dim(0);
  const bool sequences = inputs.rank() == 3 || inputs.dtype() == DType::int32;
  summary.tokens = summary.samples * (sequences ? inputs.dim(1) : 1);
  for (SummaryRow& row : parts.rows)
    if (row.path.empty() || row.parameters > 0 || row.flops > 0) summary.rows.push_back(std::move(row));
  return summary;
}

Summary summarize(Model& model, const Parameters& parameters, const ModelInput& input) {
  return summarize(
      model, parameters, [&](Context& context) { return model.features(context, input); }, input.inputs);
}

std::string Summary::text() const {
  const bool per_token = tokens > samples;
  const TableText table(*this, per_token);
  return table.text() +
         fmt::format("\n{} parameters, {} FLOPs {} forward (matrix products, two for each multiply-add)\n",
                     grouped(total().parameters), table.share(total().flops), per_token ? "a token" : "a sample");
}

}  // namespace tempera
