// A validator for the part of JSON Schema (draft-07) that our schemas use. A keyword it does not know is an error, so
// no part of a schema goes unchecked.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tempera {

// Empty when `value` is valid, else the first reason why not.
std::string schema_violation(const nlohmann::ordered_json& root, const nlohmann::ordered_json& value);

}  // namespace tempera
