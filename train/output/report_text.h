// Small parts that every section of a report is made of.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tempera {

// Numbers with the digits that a screen shows; what is not finite is null.
nlohmann::ordered_json short_number(double value);
nlohmann::ordered_json short_numbers(const std::vector<double>& values);

// A metric's name as words, as HTML.
std::string words(std::string text);

// The colour of a group.
std::string swatch(std::size_t group);

}  // namespace tempera
