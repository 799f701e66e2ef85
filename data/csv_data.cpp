#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/csv.h"
#include "data/split.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "csv";
constexpr std::size_t kMostEntries = std::size_t{1} << 27;  // of a column of categories: values times rows

bool is_missing(std::string_view field) {
  std::string lower(field);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower.empty() || lower == "na" || lower == "nan" || lower == "null";
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A table with the roles of its columns.
class Columns {
 public:
  Columns(CsvTable table, const CsvDataOptions& options) : table_(std::move(table)), o_(options) {
    names_ = column_names(table_, o_.path);
    for (const auto* wanted : {&o_.categories, &o_.ignore})
      for (const std::string& name : *wanted) index_of(name);
    const std::vector<std::string> targets = o_.targets.empty() ? std::vector{o_.target} : o_.targets;
    for (const std::string& name : targets) {
      targets_.push_back(index_of(name));
      require(!contains(o_.ignore, name), kWho, "{}: the target '{}' is ignored", o_.path, name);
    }
    for (std::size_t c = 0; c < names_.size(); ++c)
      if (!contains(targets, names_[c]) && !contains(o_.ignore, names_[c])) inputs_.push_back(c);
    require(!inputs_.empty(), kWho, "{}: no column is left for the inputs", o_.path);
    check_missing();
  }

  std::size_t rows() const { return table_.rows.size(); }
  const std::vector<std::size_t>& targets() const { return targets_; }
  const std::vector<std::size_t>& inputs() const { return inputs_; }
  const std::string& name(std::size_t c) const { return names_[c]; }
  bool is_category(std::size_t c) const { return contains(o_.categories, names_[c]); }
  const std::string& field(std::size_t row, std::size_t c) const { return table_.rows[row][c]; }

  double number(std::size_t row, std::size_t c) const {
    std::string_view text = field(row, c);
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require(error == std::errc() && end == text.data() + text.size() && std::isfinite(value), kWho,
            "{}:{}: column '{}' is '{}'; a finite number was wanted, or name the column in categories", o_.path,
            table_.lines[row], names_[c], field(row, c));
    return value;
  }
  // 0, 1, or -1 where it is not known.
  double label(std::size_t row, std::size_t c) const {
    const double value = number(row, c);
    require(value == 0 || value == 1 || value == -1, kWho,
            "{}:{}: column '{}' is {}; a label is 0, 1, or -1 where it is not known", o_.path, table_.lines[row],
            names_[c], value);
    return value;
  }
  std::vector<std::string> values(std::size_t c) const { return distinct_values(table_, c); }

 private:
  std::size_t index_of(const std::string& name) const { return find_column(names_, name, o_.path); }
  void check_missing() {
    std::size_t to = 0;
    for (std::size_t row = 0; row < table_.rows.size(); ++row) {
      bool whole = true;
      for (std::size_t c = 0; c < names_.size(); ++c) {
        if (contains(o_.ignore, names_[c]) || !is_missing(table_.rows[row][c])) continue;
        whole = false;
        require(o_.missing == "drop", kWho,
                "{}:{}: column '{}' is '{}'; fill it in, ignore the column, or set missing to drop", o_.path,
                table_.lines[row], names_[c], table_.rows[row][c]);
      }
      if (!whole) continue;
      if (to != row) {
        table_.rows[to] = std::move(table_.rows[row]);
        table_.lines[to] = table_.lines[row];
      }
      ++to;
    }
    table_.rows.resize(to);
    table_.lines.resize(to);
    require(to > 0, kWho, "{}: every row has a missing value", o_.path);
  }

  CsvTable table_;
  const CsvDataOptions& o_;
  std::vector<std::string> names_;
  std::vector<std::size_t> inputs_, targets_;
};

// One entry of the inputs: its value in every row.
struct Feature {
  std::string name;
  bool number;
  std::vector<double> values;
};

std::vector<Feature> read_features(const Columns& columns) {
  std::vector<Feature> features;
  for (const std::size_t c : columns.inputs()) {
    if (!columns.is_category(c)) {
      Feature feature{columns.name(c), true, {}};
      for (std::size_t row = 0; row < columns.rows(); ++row) feature.values.push_back(columns.number(row, c));
      features.push_back(std::move(feature));
      continue;
    }
    const std::vector<std::string> values = columns.values(c);
    // A column of names, say: a number for each pair of rows.
    require(values.size() * columns.rows() <= kMostEntries, kWho,
            "column '{}' has {} different values in {} rows; ignore it, or put the values into groups", columns.name(c),
            values.size(), columns.rows());
    for (const std::string& value : values) {
      Feature feature{columns.name(c) + "=" + value, false, {}};
      for (std::size_t row = 0; row < columns.rows(); ++row) feature.values.push_back(columns.field(row, c) == value);
      features.push_back(std::move(feature));
    }
  }
  return features;
}

void standardise_over(Feature& feature, const std::vector<std::int32_t>& rows) {
  double mean = 0, variance = 0;
  for (const std::int32_t row : rows) mean += feature.values[static_cast<std::size_t>(row)];
  mean /= static_cast<double>(rows.size());
  for (const std::int32_t row : rows) variance += std::pow(feature.values[static_cast<std::size_t>(row)] - mean, 2);
  const double deviation = std::sqrt(variance / static_cast<double>(rows.size()));
  for (double& x : feature.values) x = (x - mean) / (deviation > 0 ? deviation : 1);
}

// Targets and what describes them: one class, or a number for each target column.
Tensor read_targets(const Columns& columns, std::string_view task, Description& description) {
  const auto rows = static_cast<Index>(columns.rows()), width = std::ssize(columns.targets());
  if (task == "classification") {
    const std::size_t column = columns.targets()[0];
    const std::vector<std::string>& names = description.class_names = columns.values(column);
    description.classes = std::ssize(names);
    Tensor targets = Tensor::empty({rows}, DType::int32);
    for (Index row = 0; row < rows; ++row) {
      const std::string& name = columns.field(static_cast<std::size_t>(row), column);
      targets.set(row, static_cast<double>(std::lower_bound(names.begin(), names.end(), name) - names.begin()));
    }
    return targets;
  }
  description.target_type = DType::float32;
  description.targets = {width};
  for (const std::size_t column : columns.targets()) description.target_names.push_back(columns.name(column));
  Tensor targets = Tensor::empty({rows, width}, DType::float32);
  for (Index row = 0; row < rows; ++row)
    for (Index j = 0; j < width; ++j) {
      const std::size_t r = static_cast<std::size_t>(row), c = columns.targets()[static_cast<std::size_t>(j)];
      if (task == "regression") targets.set(row * width + j, columns.number(r, c));
      else if (const double value = columns.label(r, c); value < 0) targets.set(row * width + j, std::nan(""));
      else targets.set(row * width + j, value);
    }
  return targets;
}

Task task_named(std::string_view name) {
  if (name == "classification") return Task::classification;
  return name == "regression" ? Task::regression : Task::multi_label;
}

}  // namespace

void CsvDataOptions::describe(Fields& f) {
  describe_file(f);
  f("target", target, "the column to predict");
  f("targets", targets, "several columns to predict together, in place of `target`; regression and multi_label");
  f("task", task, "the target is a category, a number, or, for each target, 0 or 1 (-1: not known)",
    one_of({"classification", "regression", "multi_label"}));
  f("categories", categories, "input columns whose values are names");
  f("ignore", ignore, "columns to leave out");
  f("missing", missing, "rows with empty fields, NA, NaN or null: refuse the file, or drop them",
    one_of({"refuse", "drop"}));
  f("standardise", standardise, "shift and scale numbers to mean 0 and deviation 1 over the training part");
  f("split", split, "how rows are cut into training, validation and test");
}

std::vector<Problem> CsvDataOptions::problems() const {
  if (target.empty() == targets.empty()) return {{"target", "either target or targets must be set, not both"}};
  if (task == "classification" && !targets.empty())
    return {{"targets", "classification predicts one column; name it in target, or choose task: multi_label"}};
  return {};
}

std::unique_ptr<DataSource> CsvDataOptions::make() const {
  const Columns columns(read(), *this);
  const auto rows = static_cast<Index>(columns.rows());
  std::vector<Feature> features = read_features(columns);
  if (standardise) {
    const Split parts = tempera::split(rows, split.valid, split.test, split.seed);
    for (Feature& feature : features)
      if (feature.number) standardise_over(feature, parts.train);
  }
  const auto width = static_cast<Index>(features.size());
  Description description{.inputs = {width}};
  Tensor inputs = Tensor::empty({rows, width}, DType::float32);
  for (Index j = 0; j < width; ++j) {
    const Feature& feature = features[static_cast<std::size_t>(j)];
    description.feature_names.push_back(feature.name);
    for (Index i = 0; i < rows; ++i) inputs.set(i * width + j, feature.values[static_cast<std::size_t>(i)]);
  }
  Tensor predicted = read_targets(columns, task, description);
  return std::make_unique<DataSource>(make_source(
      task_named(task),
      std::make_shared<TensorDataset>(std::move(inputs), std::move(predicted), std::move(description)), split));
}

}  // namespace tempera
