// One value out of a YAML node, by our own rules: what is not plainly right is refused with the mend.
//
//   whole number   -?[0-9]+, no leading zero (`010` means 8 to some readers), no 0x, no 1_000, no 1e3
//   number         the same, or decimal, or with an exponent; finite
//   truth value    true, false; neither yes, on, nor True
//   text           in quotes, or plain where no YAML reader sees a number, truth value or null in it;
//                  on the command line, where the shell takes quotes off, any plain scalar
#pragma once

#include <cstdint>
#include <string>

#include "train/config/yaml_tree.h"

namespace tempera {

// Each sets `value` and returns nothing, or leaves it and returns what is wrong: "wanted a whole number, got `abc`".
std::string read_scalar(const YamlNode& node, bool& value);
std::string read_scalar(const YamlNode& node, int& value);
std::string read_scalar(const YamlNode& node, std::int64_t& value);
std::string read_scalar(const YamlNode& node, std::uint64_t& value);
std::string read_scalar(const YamlNode& node, double& value);
std::string read_scalar(const YamlNode& node, std::string& value);

// What stands there: "`abc`", "the text \"3\"", "a list", "a section", "null", "nothing".
std::string what_stands(const YamlNode& node);

// True when YAML (1.1 or 1.2) would take this plain text for a number, truth value or null.
bool means_something_else(std::string_view text);

// Cut to a length fit for a message, control characters escaped.
std::string shortened(std::string_view text);

}  // namespace tempera
