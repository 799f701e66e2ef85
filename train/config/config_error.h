// What is wrong with a configuration: every mistake, each at its place, thrown at once.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"

namespace tempera {

struct ConfigProblem {
  std::string source;        // "configs/mqar.yaml", or "command line"
  int line = 0, column = 0;  // from 1, the column in characters; 0 where no line is to blame
  std::string message;       // "unknown key `drpout` in model; did you mean `dropout`? known keys: ..."
  std::string excerpt = {};  // the line of the file and a caret below the place; may be empty

  std::string where() const;  // "configs/mqar.yaml:14:12"
};

// what() is what a compiler would print: for each problem `file:line:column: message`, the line, and a caret.
class ConfigError : public Error {
 public:
  explicit ConfigError(std::vector<ConfigProblem> problems);
  const std::vector<ConfigProblem>& problems() const { return problems_; }

 private:
  std::vector<ConfigProblem> problems_;
};

}  // namespace tempera
