// Tables in text: values between commas or tabs (RFC 4180).
//
// A field may stand in double quotes; inside them separators and line breaks are text and "" is a quote. Rows end with
// a line feed, also after a carriage return; a last row without one counts. Empty lines are skipped.
#pragma once

#include <filesystem>

#include "data/source.h"

namespace tempera {

struct CsvTable {
  std::vector<std::string> header;             // empty when the file has none
  std::vector<std::vector<std::string>> rows;  // equally long
  std::vector<std::size_t> lines;              // where each row begins, counted from 1
};

// Throws Error with file and line for rows of different length, a quote that never ends or is followed by text, text
// that is not UTF-8, a header with one name twice.
// Without `quotes` a quote is text like any other.
CsvTable read_csv(const std::filesystem::path& file, char separator, bool header, bool quotes = true);
CsvTable parse_csv(std::string_view text, std::string_view name, char separator, bool header, bool quotes = true);

// What options say of the file of a table. The separator is comma, tab, semicolon, or auto: tab for .tsv and .tab, else
// comma.
struct CsvFileOptions : DataOptions {
  std::string path;
  std::string separator = "auto";
  bool header = true;
  bool quotes = true;

 protected:
  void describe_file(Fields& fields);
  CsvTable read() const { return read(path); }
  CsvTable read(const std::string& file) const;  // another of the same form
};

// The header, or "1", "2", ... without one. `file` stands in errors: the table has no rows; there is no such column.
std::vector<std::string> column_names(const CsvTable& table, std::string_view file);
std::size_t find_column(const std::vector<std::string>& names, std::string_view wanted, std::string_view file);

// The distinct values of a column, sorted.
std::vector<std::string> distinct_values(const CsvTable& table, std::size_t column);

// Columns are named by the header, or "1", "2", ... without one. What is predicted: a category (classification: classes
// are its distinct values, sorted), one or more numbers (regression), or one or more columns of 0 and 1 (multi_label;
// -1: not known). All other columns are inputs: numbers, or, for those in `categories`, one feature for each distinct
// value, sorted, 1 where it holds. Rows are cut into parts by seed; numbers of the inputs are standardised with mean
// and deviation of the training part.
//
// An empty field and NA, NaN, null (in any case) are missing: refused with file and line, or their rows are left out.
// An infinite number is refused.
struct CsvDataOptions : CsvFileOptions {
  std::string target;
  std::vector<std::string> targets;
  std::string task = "classification";
  std::vector<std::string> categories;
  std::vector<std::string> ignore;
  std::string missing = "refuse";
  bool standardise = true;
  SplitOptions split;

  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
