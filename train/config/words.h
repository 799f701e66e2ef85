// Fields in words and as YAML: what the reader, the writer, the schema and the reference page say alike.
#pragma once

#include <span>
#include <string>

#include "core/fields.h"

namespace tempera {

// "whole number", "list of numbers", "text or null".
std::string type_words(const FieldValue& value);

// "must be above 0", "must be one of `relu`, `gelu`"; empty when anything goes.
std::string rule_words(const Rule& rule);

// "; did you mean `gelu`?" is part of it. Empty when the rule holds.
std::string rule_broken(const Rule& rule, double value);
std::string rule_broken(const Rule& rule, const std::string& value);

// The value as YAML on one line, which reads back to the very same. Throws Error for a number that is not finite and
// for a text that is not UTF-8.
std::string yaml_text(const FieldValue& value);

// A text as YAML: plain where every reader takes it for a text, else in double quotes.
std::string quoted_if_needed(std::string_view text);

// "a, b, c", each in backquotes if `quote`.
std::string joined(std::span<const std::string_view> names, bool quote = false);
std::vector<std::string_view> kind_names(const Choice& choice);
// "train" and "lr" make "train.lr"; "" and "lr" make "lr".
std::string dotted(std::string_view section, std::string_view key);

}  // namespace tempera
