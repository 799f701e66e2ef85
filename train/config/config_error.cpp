#include "train/config/config_error.h"

#include <algorithm>

namespace tempera {
namespace {

constexpr std::size_t kShown = 50;  // beyond that nobody reads

// The text after the first problem's place, which Error puts in front.
std::string message_of_all(const std::vector<ConfigProblem>& problems) {
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, problems.size()); ++i) {
    if (i > 0) text += fmt::format("\n{}: ", problems[i].where());
    text += problems[i].message;
    if (!problems[i].excerpt.empty()) text += '\n' + problems[i].excerpt;
  }
  if (problems.size() > kShown) text += fmt::format("\n... and {} more", problems.size() - kShown);
  if (problems.size() > 1) text += fmt::format("\n{} problems", problems.size());
  return text;
}

}  // namespace

std::string ConfigProblem::where() const {
  return line == 0 ? source : fmt::format("{}:{}:{}", source, line, column);
}

ConfigError::ConfigError(std::vector<ConfigProblem> problems)
    : Error(problems.at(0).where(), message_of_all(problems)), problems_(std::move(problems)) {}

}  // namespace tempera
