// The texts a configuration is made of, and places in them.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "train/config/config_error.h"

namespace tempera {

// Where something was written: the number of its source, line and column in bytes from 0; -1 for the source as a whole.
struct Place {
  int source = 0;
  int line = -1;
  int column = -1;
  auto operator<=>(const Place&) const = default;
};

struct Source {
  std::string name;           // file name as the user gave it
  std::string text;           // YAML
  std::string argument = {};  // "model.depth=3" when the text is the value of an override, else empty
  bool on_command_line() const { return !argument.empty(); }
};

// Problems found so far, in any order.
class Problems {
 public:
  static constexpr std::size_t kKept = 1000;  // the rest is only counted

  int add_source(Source source);
  const Source& source(int number) const { return sources_[static_cast<std::size_t>(number)]; }
  void add(Place place, std::string message);
  std::size_t count() const { return count_; }
  // Sorted by place; the same said twice of one place is said once.
  std::vector<ConfigProblem> sorted() const;

 private:
  struct Found {
    Place place;
    std::string message;
    auto operator<=>(const Found&) const = default;
  };
  std::vector<Source> sources_;
  std::vector<Found> found_;
  std::size_t count_ = 0;
};

// The first line without its end.
std::string_view first_line(std::string_view text);

}  // namespace tempera
