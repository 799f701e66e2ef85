// The message for a key that no field has: what it was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/fields.h"

namespace tempera {

struct UnknownKey {
  std::string key;
  std::string section;                  // dotted; empty at the top
  std::vector<std::string_view> known;  // the keys of the section
  const Choice* choice = nullptr;       // the choice the section belongs to, if any
  bool on_command_line = false;         // there a path is to be typed in full
};

// Names, in this order: the one other place that has this very key; the nearest key of the section; the other kinds of
// the choice that have it.
std::string unknown_key_message(const UnknownKey& unknown, Options& root);

// The names of the fields of a struct, in order of declaration.
std::vector<std::string> field_names(Options& options);
// The dotted paths of all fields and sections below, `prefix` in front.
std::vector<std::string> field_paths(Options& options, std::string_view prefix = {});

}  // namespace tempera
