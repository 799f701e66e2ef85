// A numeric option of a command line, with its default in the help.
#pragma once

#include <CLI/CLI.hpp>

namespace tempera {

// "--tokens NUMBER=200   tokens to write"; `value` holds the default.
template <class T>
CLI::Option* number_option(CLI::App& app, const char* name, T& value, const char* doc, const CLI::Validator& check) {
  // The validator's description would stand in the help, in its own words.
  return app.add_option(name, value, doc)
      ->capture_default_str()
      ->check(CLI::Validator(check).description(""))
      ->type_name("NUMBER");
}

}  // namespace tempera
