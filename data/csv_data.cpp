#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "data/csv.h"
#include "data/split.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "csv";

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
    require(!table_.rows.empty(), kWho, "{}: the file has no rows", o_.path);
    names_ = table_.header;
    for (std::size_t c = names_.size(); c < table_.rows[0].size(); ++c) names_.push_back(fmt::format("{}", c + 1));
    for (const auto* wanted : {&o_.categories, &o_.ignore})
      for (const std::string& name : *wanted) index_of(name);
    target_ = index_of(o_.target);
    require(!contains(o_.ignore, o_.target), kWho, "{}: the target '{}' is ignored", o_.path, o_.target);
    for (std::size_t c = 0; c < names_.size(); ++c)
      if (c != target_ && !contains(o_.ignore, names_[c])) inputs_.push_back(c);
    require(!inputs_.empty(), kWho, "{}: no column is left for the inputs", o_.path);
    check_missing();
  }

  std::size_t rows() const { return table_.rows.size(); }
  std::size_t target() const { return target_; }
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
  // The distinct values, sorted.
  std::vector<std::string> values(std::size_t c) const {
    std::set<std::string> distinct;
    for (const auto& row : table_.rows) distinct.insert(row[c]);
    return {distinct.begin(), distinct.end()};
  }

 private:
  std::size_t index_of(const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    require(found != names_.end(), kWho, "{}: there is no column '{}'; columns: {}", o_.path, name,
            fmt::format("{}", fmt::join(names_, ", ")));
    return static_cast<std::size_t>(found - names_.begin());
  }
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
  std::vector<std::size_t> inputs_;
  std::size_t target_ = 0;
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
    for (const std::string& value : columns.values(c)) {
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

char separator_of(const CsvDataOptions& o) {
  if (o.separator == "tab") return '\t';
  if (o.separator == "semicolon") return ';';
  if (o.separator == "comma") return ',';
  const std::string path = o.path.ends_with(".gz") ? o.path.substr(0, o.path.size() - 3) : o.path;
  return path.ends_with(".tsv") || path.ends_with(".tab") ? '\t' : ',';
}

}  // namespace

void CsvDataOptions::describe(Fields& f) {
  f("path", path, "the file, packed with gzip or not");
  f("separator", separator, "between fields; auto: tab for .tsv and .tab, else comma",
    one_of({"auto", "comma", "tab", "semicolon"}));
  f("header", header, "the first row names the columns; otherwise they are named 1, 2, ...");
  f("target", target, "the column to predict");
  f("task", task, "the target is a category or a number", one_of({"classification", "regression"}));
  f("categories", categories, "input columns whose values are names");
  f("ignore", ignore, "columns to leave out");
  f("missing", missing, "rows with empty fields, NA, NaN or null: refuse the file, or drop them",
    one_of({"refuse", "drop"}));
  f("standardise", standardise, "shift and scale numbers to mean 0 and deviation 1 over the training part");
  f("split", split, "how rows are cut into training, validation and test");
}

std::unique_ptr<DataSource> CsvDataOptions::make() const {
  const Columns columns(read_csv(path, separator_of(*this), header), *this);
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
  const bool classes = task == "classification";
  Tensor targets = Tensor::empty({rows}, classes ? DType::int32 : DType::float32);
  description.target_type = targets.dtype();
  if (classes) {
    description.class_names = columns.values(columns.target());
    description.classes = static_cast<Index>(description.class_names.size());
  }
  const auto& names = description.class_names;
  for (std::size_t row = 0; row < columns.rows(); ++row) {
    double value = 0;
    if (!classes) value = columns.number(row, columns.target());
    else
      value = static_cast<double>(std::lower_bound(names.begin(), names.end(), columns.field(row, columns.target())) -
                                  names.begin());
    targets.set(static_cast<Index>(row), value);
  }
  return std::make_unique<DataSource>(
      make_source(classes ? Task::classification : Task::regression,
                  std::make_shared<TensorDataset>(inputs, targets, std::move(description)), split));
}

}  // namespace tempera
