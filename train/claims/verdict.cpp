#include "train/claims/verdict.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace tempera {
namespace {

MeanInterval interval_of(std::span<const Observed> observed) {
  std::vector<double> values;
  for (const Observed& o : observed)
    if (std::isfinite(o.value)) values.push_back(o.value);
  return mean_interval(values);
}

std::ptrdiff_t missing(std::span<const Observed> observed) {
  return std::ranges::count_if(observed, [](const Observed& o) { return !std::isfinite(o.value); });
}

std::ptrdiff_t censored(std::span<const Observed> observed) {
  return std::ranges::count_if(observed, [](const Observed& o) { return o.censored; });
}

std::string never(std::ptrdiff_t count, std::size_t of) {
  return fmt::format("{} of {} seeds never reached it and count with all their steps", count, of);
}

void compare(const Expectation& e, std::span<const Observed> of, std::span<const Observed> other, Verdict& verdict) {
  std::vector<double> differences;
  const bool above = !e.above.empty();
  for (std::size_t i = 0; i < of.size(); ++i) {
    const double gain = of[i].value - e.times * other[i].value;
    differences.push_back((above ? gain : -gain) - e.by);
  }
  verdict.test = paired_test(differences);
  const auto limited = censored(above ? other : of), all = censored(of) + censored(other);
  if (all > 0) verdict.reason = never(all, of.size() + other.size());
  if (differences.size() < 2) {
    verdict.reason = "one seed decides nothing";
    return;
  }
  for (double& d : differences) d = -d;
  if (paired_test(differences).p_t <= kSignificance) verdict.outcome = Outcome::fails;
  else if (verdict.test.p_t <= kSignificance && limited == 0) verdict.outcome = Outcome::holds;
  else if (const int n = differences_to_settle(differences, kSignificance); n > std::ssize(differences))
    verdict.reason += fmt::format("{}about {} seeds would settle it, if the differences stay as they are",
                                  verdict.reason.empty() ? "" : "; ", n);
}

void measure(const Expectation& e, std::span<const Observed> of, Verdict& verdict) {
  const auto reaches = [&](double value) { return e.at_least ? value >= *e.at_least : value <= *e.at_most; };
  const auto count = censored(of);
  const bool mean_holds = reaches(verdict.of.mean) && (e.at_least || count == 0);
  const auto each =
      std::ranges::count_if(of, [&](const Observed& o) { return reaches(o.value) && (e.at_least || !o.censored); });
  const bool holds = e.every ? each == std::ssize(of) : mean_holds;
  verdict.outcome = holds ? Outcome::holds : Outcome::fails;
  if (count > 0) verdict.reason = never(count, of.size());
  else if (e.every && !holds) verdict.reason = fmt::format("{} of {} seeds do", each, of.size());
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::holds: return "holds";
    case Outcome::fails: return "fails";
    case Outcome::undecided: return "undecided";
  }
  return "";
}

Verdict decide(const Expectation& expectation, std::span<const Observed> of, std::span<const Observed> other) {
  Verdict verdict;
  verdict.of = interval_of(of);
  if (expectation.compares()) verdict.other = interval_of(other);
  if (const auto gone = missing(of) + (expectation.compares() ? missing(other) : 0); gone > 0 || of.empty()) {
    verdict.reason = fmt::format("{} {} no value", gone, gone == 1 ? "run has" : "runs have");
    return verdict;
  }
  if (expectation.compares()) compare(expectation, of, other, verdict);
  else measure(expectation, of, verdict);
  return verdict;
}

}  // namespace tempera
