#include "train/claims/claim.h"

#include <fmt/format.h>

namespace tempera {

void StepsTo::describe(Fields& f) {
  f("metric", metric, "as it is recorded during a run: valid_accuracy, train_loss");
  f("at_least", at_least, "the threshold, for a metric that rises");
  f("at_most", at_most, "the threshold, for a metric that falls");
}

void Expectation::describe(Fields& f) {
  f("metric", metric, "what runs end with: test_accuracy, best_valid_loss, seconds, ...; or");
  f("steps_to", steps_to, "the first step at which a metric reaches a threshold");
  f("of", of, "the variant that is spoken of; may be left out where there are none");
  f("above", above, "a variant whose metric is lower");
  f("below", below, "a variant whose metric is higher");
  f("by", by, "with above and below: at least by so much; below 0: no worse than by so much");
  f("times", times, "with above and below: so many times what the other has, as in below 0.6 times", tempera::above(0));
  f("at_least", at_least, "a number that the mean over the seeds reaches");
  f("at_most", at_most, "a number that the mean over the seeds does not exceed");
  f("every", every, "with at_least and at_most: every seed, not the mean");
  f("paper", paper, "what the paper reports for this");
}

std::vector<Problem> Expectation::problems() const {
  std::vector<Problem> found;
  if (metric.empty() == !counts_steps())
    found.push_back({"metric", "one of metric and steps_to is wanted, as in `metric: test_accuracy`"});
  if (counts_steps() && steps_to.at_least.has_value() == steps_to.at_most.has_value())
    found.push_back({"steps_to", "one of at_least and at_most is wanted, as in `at_least: 0.99`"});
  const int count = static_cast<int>(!above.empty()) + static_cast<int>(!below.empty()) +
                    static_cast<int>(at_least.has_value()) + static_cast<int>(at_most.has_value());
  if (count != 1)
    found.push_back({"", fmt::format("one of above, below, at_least and at_most is wanted, got {}", count)});
  if (by != 0 && !compares()) found.push_back({"by", "belongs to above and below; put the margin into the number"});
  if (times != 1 && !compares())
    found.push_back({"times", "belongs to above and below; put the factor into the number"});
  if (every && compares()) found.push_back({"every", "belongs to at_least and at_most"});
  if (compares() && other() == of) found.push_back({above.empty() ? "below" : "above", "is `of` itself"});
  return found;
}

std::string Expectation::quantity() const {
  if (!counts_steps()) return metric;
  return fmt::format("steps to {} {} {}", steps_to.metric, steps_to.at_least ? ">=" : "<=",
                     steps_to.at_least ? *steps_to.at_least : steps_to.at_most.value_or(0));
}

std::string Expectation::text() const {
  std::string text = fmt::format("{} of {}", quantity(), of);
  if (compares()) text += fmt::format(" {} ", above.empty() ? "below" : "above");
  if (times != 1) text += fmt::format("{} times ", times);
  if (compares()) text += other();
  if (by > 0) text += fmt::format(" by {}", by);
  if (by < 0) text += fmt::format(" or {} worse at most", -by);
  if (at_least) text += fmt::format(" at least {}", *at_least);
  if (at_most) text += fmt::format(" at most {}", *at_most);
  return text + (every ? " for every seed" : "");
}

void PaperOptions::describe(Fields& f) {
  f("figure", figure, "what the paper shows, and where: \"table 2: 91.3 % against 12.0 %\"");
  f("source", source, "the paper: authors, year, venue or number");
}

void Claim::describe(Fields& f) {
  f("claim", claim, "what is claimed, in one sentence");
  f("paper", paper, "where the claim comes from");
  f("note", note, "what a reader of the verdict should know: where this differs from the paper, why it fails");
  f("plot", plot,
    "metrics drawn as one line for each variant, in place of bars: test.1x.accuracy, test.8x.accuracy, ...");
  f("table", table, "metrics of every variant to be listed in the gallery: test_accuracy, peak_memory, ...");
}

}  // namespace tempera
