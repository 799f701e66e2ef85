#include "apps/support/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>

#include "core/error.h"

namespace tempera {
namespace {

std::string shown(const Cell& cell, const std::string& format) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  return fmt::format(fmt::runtime(format), std::get<double>(cell));
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  require(row.size() == columns_.size(), "Table", "a row of {} cells came for {} columns", row.size(), columns_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::vector<std::string>> Table::cells() const {
  std::vector<std::vector<std::string>> all(rows_.size() + 1);
  for (const Column& column : columns_) all[0].push_back(column.name);
  for (std::size_t r = 0; r < rows_.size(); ++r)
    for (std::size_t c = 0; c < columns_.size(); ++c) all[r + 1].push_back(shown(rows_[r][c], columns_[c].format));
  return all;
}

std::string Table::markdown() const {
  std::string text = title_ + "\n\n";
  const auto shown_rows = cells();
  for (std::size_t r = 0; r < shown_rows.size(); ++r) {
    text += "|";
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto* number = r > 0 ? std::get_if<double>(&rows_[r - 1][c]) : nullptr;
      text += fmt::format(" {} |", number && !std::isfinite(*number) ? "–" : shown_rows[r][c]);
    }
    text += "\n";
    if (r > 0) continue;
    text += "|";
    for (std::size_t c = 0; c < columns_.size(); ++c) text += "---|";
    text += "\n";
  }
  return text;
}

std::string Table::text() const {
  const auto shown_rows = cells();
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : shown_rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());

  std::string text = title_ + "\n";
  for (const auto& row : shown_rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool left = !rows_.empty() && std::holds_alternative<std::string>(rows_[0][c]);
      line += left ? fmt::format("  {:<{}}", row[c], widths[c]) : fmt::format("  {:>{}}", row[c], widths[c]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

nlohmann::ordered_json Table::json() const {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& row : rows_) {
    nlohmann::ordered_json object;
    for (std::size_t c = 0; c < columns_.size(); ++c)
      std::visit([&](const auto& value) { object[columns_[c].name] = value; }, row[c]);
    rows.push_back(std::move(object));
  }
  return {{"title", title_}, {"rows", std::move(rows)}};
}

void show(const Table& table, const std::string& json_file, bool markdown) {
  std::fputs((markdown ? table.markdown() : table.text()).c_str(), stdout);
  if (json_file.empty()) return;
  std::ofstream out(json_file);
  out << table.json().dump(2) << "\n";
  out.close();
  require(out.good(), "--json", "'{}' cannot be written", json_file);
}

}  // namespace tempera
