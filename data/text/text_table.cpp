#include "data/text/text_table.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "data/csv.h"
#include "data/sequences.h"
#include "data/split.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "text table";

// The file of a row, and its line.
struct Place {
  const std::string* file;
  std::size_t line;
};

// The texts of the columns that are read as text.
struct Texts {
  CsvTable table;
  std::vector<std::size_t> columns = {};  // text, then second or target where they are texts
  std::vector<Place> places = {};         // of the rows

  std::string joined(const std::vector<std::int32_t>& rows) const {
    std::string all;
    for (const std::int32_t row : rows)
      for (const std::size_t c : columns) (all += table.rows[static_cast<std::size_t>(row)][c]) += '\n';
    return all;
  }
};

std::vector<std::int32_t> all_rows(const Texts& texts) {
  std::vector<std::int32_t> rows(texts.table.rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int32_t>(i);
  return rows;
}

class Encoder {
 public:
  Encoder(const Texts& texts, const Tokenizer& tokenizer, const TextTableOptions& options)
      : texts_(texts), tokenizer_(tokenizer), o_(options) {}

  std::vector<std::int32_t> operator()(std::size_t row, std::size_t column) const {
    std::vector<std::int32_t> tokens = tokenizer_.encode(texts_.table.rows[row][column]);
    const auto most = static_cast<std::size_t>(o_.length);
    require(tokens.size() <= most || o_.longer == "cut", kWho,
            "{}:{}: a text has {} tokens, more than length {}; raise it, or set longer to cut",
            *texts_.places[row].file, texts_.places[row].line, tokens.size(), most);
    tokens.resize(std::min(tokens.size(), most));
    return tokens;
  }

 private:
  const Texts& texts_;
  const Tokenizer& tokenizer_;
  const TextTableOptions& o_;
};

}  // namespace

void TextTableOptions::describe(Fields& f) {
  describe_file(f);
  f("text", text, "the column of the text that is read");
  f("second", second, "the column of the other text of a pair; empty: texts are no pairs");
  f("target", target, "the column of the class, or of the text that is to be written");
  f("task", task, "whether the target is a class or a text", one_of({"classification", "sequence_to_sequence"}));
  f("tokenizer", tokenizer, "how text becomes numbers");
  f("length", length, "tokens of a text, at most", at_least(1));
  f("valid_path", valid_path, "a file of its own for validation; empty: rows of path");
  f("test_path", test_path, "a file of its own for the test; empty: rows of path");
  f("longer", longer, "texts of more tokens: refuse the file, or cut them", one_of({"refuse", "cut"}));
  f("split", split, "how rows are cut into training, validation and test");
}

std::vector<Problem> TextTableOptions::problems() const {
  if (task == "sequence_to_sequence" && !second.empty())
    return {{"second", "what is written is the target; leave second empty, or choose task: classification"}};
  return {};
}

std::unique_ptr<DataSource> TextTableOptions::make() const {
  Texts texts{read()};
  const std::vector<std::string> names = column_names(texts.table, path);
  const std::size_t answer = find_column(names, target, path);
  const bool written = task == "sequence_to_sequence";
  texts.columns.push_back(find_column(names, text, path));
  if (!second.empty()) texts.columns.push_back(find_column(names, second, path));
  if (written) texts.columns.push_back(answer);

  Split parts = tempera::split(std::ssize(texts.table.rows), valid_path.empty() ? split.valid : 0,
                               test_path.empty() ? split.test : 0, split.seed);
  for (const std::size_t line : texts.table.lines) texts.places.push_back({&path, line});
  const auto add_file = [&](const std::string& file, std::vector<std::int32_t>& part) {
    if (file.empty()) return;
    CsvTable more = read(file);
    const std::vector<std::string> its = column_names(more, file);
    require(its == names, kWho, "{} has the columns {}, but {} has {}", file, fmt::join(its, ", "), path,
            fmt::join(names, ", "));
    for (std::size_t i = 0; i < more.rows.size(); ++i) {
      part.push_back(static_cast<std::int32_t>(texts.table.rows.size()));
      texts.table.rows.push_back(std::move(more.rows[i]));
      texts.places.push_back({&file, more.lines[i]});
    }
  };
  add_file(valid_path, parts.valid);
  add_file(test_path, parts.test);
  const auto rows = texts.table.rows.size();
  const auto tokens = tokenizer.make(tokenizer.learns() ? texts.joined(parts.train) : "",
                                     tokenizer.collects() ? texts.joined(all_rows(texts)) : "", kWho);
  const auto vocabulary = static_cast<std::int32_t>(tokens->vocab_size());

  Description d{.inputs = {length}, .input_type = DType::int32, .vocabulary = vocabulary, .lengths = true};
  if (!second.empty()) d.second_inputs = {length};
  if (written) {
    d.second_inputs = d.targets = {length + 1};
    d.vocabulary = d.classes = vocabulary + 2;
  } else {
    d.class_names = distinct_values(texts.table, answer);
    d.classes = std::ssize(d.class_names);
  }
  const Encoder encode(texts, *tokens, *this);
  std::vector<TokenSample> samples(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    TokenSample& sample = samples[row];
    sample.inputs = encode(row, texts.columns[0]);
    if (texts.columns.size() > 1) sample.second = encode(row, texts.columns[1]);
    if (written) continue;
    const auto place = std::lower_bound(d.class_names.begin(), d.class_names.end(), texts.table.rows[row][answer]);
    sample.target = static_cast<std::int32_t>(place - d.class_names.begin());
  }
  const auto whole = std::make_shared<TokenSamples>(std::move(samples), std::move(d), vocabulary, vocabulary + 1);
  auto source = std::make_unique<DataSource>();
  source->task = written ? Task::sequence_to_sequence : Task::classification;
  source->train = subset(whole, std::move(parts.train));
  source->valid = subset(whole, std::move(parts.valid));
  source->test = subset(whole, std::move(parts.test));
  source->tokenizer = tokens;
  if (written) {
    source->begin = vocabulary;
    source->end = vocabulary + 1;
  }
  return source;
}

}  // namespace tempera
