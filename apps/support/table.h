// A table for people and for programs: aligned text on a terminal, the same rows as JSON in a file.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

namespace tempera {

using Cell = std::variant<std::string, std::int64_t, double>;

class Table {
 public:
  struct Column {
    std::string name;               // also the key in JSON
    std::string format = "{:.6g}";  // of floating-point cells; JSON gets all digits
  };

  Table(std::string title, std::vector<Column> columns) : title_(std::move(title)), columns_(std::move(columns)) {}

  // Throws Error unless there is one cell per column.
  void add(std::vector<Cell> row);

  // Title, headings, rows; text to the left, numbers to the right.
  std::string text() const;
  // The same as a table of Markdown, for documents; a number that is not finite becomes a dash.
  std::string markdown() const;
  // {"title": ..., "rows": [{column: cell, ...}, ...]}; a number that is not finite becomes null.
  nlohmann::ordered_json json() const;

 private:
  // Headings and rows as they are shown.
  std::vector<std::vector<std::string>> cells() const;

  std::string title_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// Prints the table, as text or as Markdown, and writes it to `json_file` unless that is empty. Throws Error if the file
// cannot be written.
void show(const Table& table, const std::string& json_file, bool markdown = false);

}  // namespace tempera
