#include "train/optimizer/segments.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "parameter rules";

struct Factor {
  std::string_view pattern;
  double factor = 1;
};

// False where the text is not "pattern=factor" with a factor of at least 0.
bool parse(std::string_view text, Factor& result) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  const std::string_view number = text.substr(equals + 1);
  result.pattern = text.substr(0, equals);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), result.factor);
  return error == std::errc() && end == number.data() + number.size() && std::isfinite(result.factor) &&
         result.factor >= 0;
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return matches_pattern(p, name); });
}

void require_a_match(std::string_view pattern, const Parameters& parameters) {
  for (const Parameters::Entry& entry : parameters.entries())
    if (matches_pattern(pattern, entry.name)) return;
  const std::string example = parameters.entries().empty() ? "" : parameters.entries().front().name;
  fail(kWho, "no parameter matches '{}'; names are matched whole and look like '{}'", pattern, example);
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {  // let the last star take one character more
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

void ParameterRules::describe(Fields& f) {
  f("no_decay", no_decay, "name patterns of parameters without weight decay");
  f("lr_factors", lr_factors, "\"pattern=factor\": factors of the learning rate by name");
  f("tables", tables, "name patterns of matrices that muon leaves to adamw");
}

std::vector<Problem> ParameterRules::problems() const {
  std::vector<Problem> all;
  Factor ignored;
  for (const std::string& text : lr_factors)
    if (!parse(text, ignored))
      all.push_back(
          {"lr_factors", fmt::format("'{}' came; pattern=factor with a factor of at least 0 was wanted, as in "
                                     "'head.*=0.1'",
                                     text)});
  return all;
}

std::vector<Segment> segments_of(const Parameters& parameters, const ParameterRules& rules) {
  for (const Problem& problem : rules.problems()) fail(kWho, "{}: {}", problem.key, problem.message);
  std::vector<Factor> factors;
  for (const std::string& text : rules.lr_factors) parse(text, factors.emplace_back());
  for (const std::string& pattern : rules.no_decay) require_a_match(pattern, parameters);
  for (const Factor& factor : factors) require_a_match(factor.pattern, parameters);
  std::vector<Segment> segments;
  for (const Parameters::Entry& entry : parameters.entries()) {
    const Parameter& parameter = *entry.parameter;
    if (!parameter.trainable) continue;
    Segment segment;
    segment.offset = entry.offset;
    segment.size = entry.size;
    segment.decay = parameter.decay && !any_matches(rules.no_decay, entry.name);
    for (const Factor& factor : factors)
      if (matches_pattern(factor.pattern, entry.name)) segment.lr_factor *= factor.factor;
    const bool matrix = parameter.shape.rank() == 2;
    segment.rows = matrix ? parameter.shape[0] : 1;
    segment.cols = matrix ? parameter.shape[1] : entry.size;
    segment.hidden_matrix = matrix && !any_matches(rules.tables, entry.name);
    segments.push_back(segment);
  }
  return segments;
}

}  // namespace tempera
