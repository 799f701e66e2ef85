#include "train/output/report_text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "train/output/html.h"

namespace tempera {

using Json = nlohmann::ordered_json;

Json short_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.6g}", value));
}

Json short_numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) {
    if (value == std::floor(value) && std::abs(value) < 1e15) list.push_back(static_cast<std::int64_t>(value));
    else list.push_back(short_number(value));
  }
  return list;
}

std::string words(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return html(text);
}

std::string swatch(std::size_t group) {
  return fmt::format("<span class=\"swatch\" data-group=\"{}\" style=\"background:var(--c{})\"></span>", group,
                     group % 8);
}

}  // namespace tempera
