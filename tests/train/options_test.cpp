// What every kind of head, optimizer and schedule tells about its options.
#include <catch2/catch.hpp>
#include <set>

#include "losses/head.h"
#include "train/average.h"
#include "train/clipping.h"
#include "train/early_stopping.h"
#include "train/optimizer/optimizer.h"
#include "train/schedule.h"

using namespace tempera;

namespace {

bool within(const Rule& rule, double x) {
  return (rule.open_low ? x > rule.low : x >= rule.low) && (rule.open_high ? x < rule.high : x <= rule.high);
}

// Names are there once, each has a sentence, and the defaults obey the rules.
class Review : public Fields {
 public:
  int count = 0;

 private:
  void field(std::string_view name, FieldValue value, std::string_view doc, const Rule& rule) override {
    INFO(name);
    CHECK(names_.insert(std::string(name)).second);
    CHECK(doc.size() > 10);
    ++count;
    if (const auto* x = std::get_if<double*>(&value)) CHECK(within(rule, **x));
    if (const auto* x = std::get_if<int*>(&value)) CHECK(within(rule, **x));
    if (const auto* x = std::get_if<std::int64_t*>(&value)) CHECK(within(rule, static_cast<double>(**x)));
    if (const auto* list = std::get_if<std::vector<double>*>(&value))
      for (const double x : **list) CHECK(within(rule, x));
    if (const auto* text = std::get_if<std::string*>(&value); text && !rule.choices.empty())
      CHECK(std::count(rule.choices.begin(), rule.choices.end(), **text) == 1);
  }
  void section(std::string_view, Options&, std::string_view) override { FAIL("a section"); }
  void choice(std::string_view, Choice&, std::string_view) override { FAIL("a choice"); }
  void variants(std::string_view, Variants&, std::string_view) override { FAIL("variants"); }

  std::set<std::string> names_;
};

int review(Options& options) {
  Review review;
  options.describe(review);
  CHECK(options.problems().empty());
  return review.count;
}

}  // namespace

TEST_CASE("every kind describes its options, and its defaults are in order", "[options]") {
  for (const auto kinds : {head_kinds(), optimizer_kinds(), schedule_kinds()}) {
    std::set<std::string_view> names;
    for (const Kind& kind : kinds) {
      INFO(kind.name);
      CHECK(names.insert(kind.name).second);
      CHECK(kind.doc.size() > 10);
      CHECK(review(*kind.make()) >= 1);
    }
  }
  AverageOptions average;
  ClippingOptions clipping;
  EarlyStoppingOptions stopping;
  ParameterRules rules;
  CHECK(review(average) == 2);
  CHECK(review(clipping) == 2);
  CHECK(review(stopping) == 4);
  CHECK(review(rules) == 3);
}
