#include "data/csv.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <set>

#include "data/contents.h"
#include "data/text/utf8.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "csv";

// Walks through the text and counts lines.
class Scanner {
 public:
  Scanner(std::string_view text, std::string_view name, char separator, bool quotes)
      : text_(text), name_(name), separator_(separator), quotes_(quotes) {}

  // Where the row that was read last begins, counted from 1.
  std::size_t row_line() const { return row_line_; }

  // False at the end of the text.
  bool next_row(std::vector<std::string>& row) {
    skip_empty_lines();
    if (at_ == text_.size()) return false;
    row.clear();
    row_line_ = line_;
    do row.push_back(field());
    while (take(separator_));
    if (!at_end_of_line())
      fail(kWho, "{}:{}: text follows the quoted field '{}'; a separator was wanted", name_, line_, row.back());
    take_line_break();
    return true;
  }

 private:
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool at_end_of_line() const {
    return at_ == text_.size() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n");
  }
  void take_line_break() {
    take('\r');
    if (take('\n')) ++line_;
  }
  void skip_empty_lines() {
    while (at_ < text_.size() && at_end_of_line()) take_line_break();
  }

  std::string field() {
    if (quotes_ && take('"')) return quoted();
    const std::size_t first = at_;
    while (!at_end_of_line() && text_[at_] != separator_) ++at_;
    return std::string(text_.substr(first, at_ - first));
  }
  std::string quoted() {
    const std::size_t first_line = line_;
    std::string value;
    while (true) {
      require(at_ < text_.size(), kWho, "{}:{}: the quoted field that begins here never ends", name_, first_line);
      const char c = text_[at_++];
      if (c == '"' && !take('"')) return value;
      if (c == '\n') ++line_;
      value.push_back(c);
    }
  }

  std::string_view text_, name_;
  char separator_;
  bool quotes_;
  std::size_t at_ = 0, line_ = 1, row_line_ = 1;
};

}  // namespace

CsvTable parse_csv(std::string_view text, std::string_view name, char separator, bool header, bool quotes) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // the byte order mark of spreadsheets
  if (const auto at = invalid_utf8(text))
    fail(kWho, "{}:{}: {:#04x} is not UTF-8; convert the file", name,
         1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*at), '\n'),
         static_cast<unsigned char>(text[*at]));
  CsvTable table;
  Scanner scanner(text, name, separator, quotes);
  std::vector<std::string> row;
  if (header) {
    require(scanner.next_row(table.header), kWho, "{}: the file is empty; a header was wanted", name);
    for (auto column = table.header.begin(); column != table.header.end(); ++column)
      require(std::find(table.header.begin(), column, *column) == column, kWho,
              "{}: the header has the column '{}' twice", name, *column);
  }
  std::size_t columns = table.header.size();
  while (scanner.next_row(row)) {
    const std::size_t line = scanner.row_line();
    if (columns == 0) columns = row.size();
    require(row.size() == columns, kWho, "{}:{}: the row has {} fields; {} were wanted", name, line, row.size(),
            columns);
    table.rows.push_back(row);
    table.lines.push_back(line);
  }
  return table;
}

void CsvFileOptions::describe_file(Fields& f) {
  f("path", path, "the file, packed with gzip or not");
  f("separator", separator, "between fields; auto: tab for .tsv and .tab, else comma",
    one_of({"auto", "comma", "tab", "semicolon"}));
  f("header", header, "the first row names the columns; otherwise they are named 1, 2, ...");
  f("quotes", quotes, "a field may stand in double quotes; false: a quote is text like any other");
}

CsvTable CsvFileOptions::read(const std::string& file) const {
  require(!is_missing(file), kWho, "'{}' is not there; bring the table, or name another (relative to '{}')", file,
          std::filesystem::current_path().string());
  std::string_view name = file;
  if (name.ends_with(".gz")) name.remove_suffix(3);
  const bool tabs = separator == "tab" || (separator == "auto" && (name.ends_with(".tsv") || name.ends_with(".tab")));
  return read_csv(file, tabs ? '\t' : separator == "semicolon" ? ';' : ',', header, quotes);
}

std::vector<std::string> column_names(const CsvTable& table, std::string_view file) {
  require(!table.rows.empty(), kWho, "{}: the file has no rows", file);
  std::vector<std::string> names = table.header;
  for (std::size_t c = names.size(); c < table.rows[0].size(); ++c) names.push_back(fmt::format("{}", c + 1));
  return names;
}

std::size_t find_column(const std::vector<std::string>& names, std::string_view wanted, std::string_view file) {
  const auto found = std::find(names.begin(), names.end(), wanted);
  require(found != names.end(), kWho, "{}: there is no column '{}'; columns: {}", file, wanted, fmt::join(names, ", "));
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<std::string> distinct_values(const CsvTable& table, std::size_t column) {
  std::set<std::string> distinct;
  for (const auto& row : table.rows) distinct.insert(row[column]);
  return {distinct.begin(), distinct.end()};
}

CsvTable read_csv(const std::filesystem::path& file, char separator, bool header, bool quotes) {
  return parse_csv(read_contents(file, kWho), file.string(), separator, header, quotes);
}

}  // namespace tempera
