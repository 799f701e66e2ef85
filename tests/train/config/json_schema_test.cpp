#include "train/config/json_schema.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "core/random.h"
#include "tests/support/approved.h"
#include "tests/support/sample_options.h"
#include "tests/support/schema_check.h"
#include "train/config/read_config.h"
#include "train/config/reference_page.h"

using namespace tempera;
using Json = nlohmann::ordered_json;

namespace {

// Random configurations, most of them right but for a few places: each value is drawn from one list of right and one of
// wrong ones.
class Generator : public Fields {
 public:
  Generator(Json& object, const Rng& rng, std::uint64_t& draws, double wrong)
      : object_(object), rng_(rng), draws_(draws), wrong_(wrong) {
    object_ = Json::object();
  }

  void fill(Options& options) {
    options.describe(*this);
    if (chance(wrong_)) object_[pick<std::string>({"drpout", "typ", "x"})] = 1;
  }

 protected:
  void field(std::string_view name, FieldValue value, std::string_view, const Rule& rule) override {
    if (chance(0.5))
      object_[std::string(name)] = chance(wrong_) ? wrong() : std::visit([&](auto* f) { return draw(f, rule); }, value);
  }
  void section(std::string_view name, Options& options, std::string_view) override {
    if (!chance(0.7)) return;
    Json& here = object_[std::string(name)];
    if (chance(wrong_)) here = wrong();
    else if (chance(0.9)) Generator(here, rng_, draws_, wrong_).fill(options);
  }
  void choice(std::string_view name, Choice& choice, std::string_view) override {
    if (!chance(0.7)) return;
    Json& here = object_[std::string(name)];
    const auto kind = static_cast<std::size_t>(rng_.below(draws_++, choice.kinds().size()));
    const std::unique_ptr<Options> fresh = choice.kinds()[kind].make();
    const bool named = chance(0.7);
    Generator inside(here, rng_, draws_, wrong_);
    inside.fill(named || chance(wrong_) ? *fresh : choice.options());
    if (named) here["type"] = chance(wrong_) ? wrong() : Json(choice.kinds()[kind].name);
  }
  void variants(std::string_view, Variants&, std::string_view) override {}

 private:
  bool chance(double p) { return rng_.uniform(draws_++) < p; }
  template <class T>
  T pick(std::vector<T> values) {
    return values[static_cast<std::size_t>(rng_.below(draws_++, values.size()))];
  }
  Json wrong() {
    return pick<Json>({nullptr,
                       "text",
                       "7",
                       true,
                       1,
                       -1,
                       0,
                       0.5,
                       2.5,
                       1e300,
                       -3'000'000'000,
                       Json::array(),
                       Json::array({1, "x"}),
                       Json::array({nullptr}),
                       Json::object(),
                       {{"type", "linear"}},
                       {{"x", 1}},
                       "true",
                       ""});
  }
  Json draw(bool*, const Rule&) { return chance(0.5); }
  Json draw(std::string*, const Rule& rule) {
    if (!rule.choices.empty() && chance(0.95)) return pick(std::vector<std::string_view>(rule.choices));
    return pick<std::string>({"x", "", "no", "3", "a: b", "\xc3\xa9", "null", "~"});
  }
  Json draw(int*, const Rule&) { return pick<Json>({1, 2, 64, 128, 1024, 1024, 0}); }
  Json draw(std::int64_t*, const Rule&) { return pick<Json>({0, 1, 1'000'000'000'000, -1}); }
  Json draw(std::uint64_t*, const Rule&) { return pick<Json>({0, 1, 18'446'744'073'709'551'615U}); }
  Json draw(double*, const Rule&) { return pick<Json>({0.5, 0.25, 1e-5, 1, 0, 0.999}); }
  template <class T>
  Json draw(std::optional<T>*, const Rule& rule) {
    return chance(0.3) ? Json(nullptr) : draw(static_cast<T*>(nullptr), rule);
  }
  template <class T>
  Json draw(std::vector<T>*, const Rule& rule) {
    Json list = Json::array();
    while (chance(0.6)) list.push_back(draw(static_cast<T*>(nullptr), rule));
    return list;
  }

  Json& object_;
  const Rng& rng_;
  std::uint64_t& draws_;
  double wrong_;
};

// Without its rule between fields, which no schema can say.
struct Independent : SampleOptions {
  struct Model : ModelSample {
    std::vector<Problem> problems() const override { return {}; }
  } free_model;
  void describe(Fields& f) override {
    f("name", name, "of the run");
    f("model", free_model, "the network");
    f("train", train, "how it is trained");
  }
};

}  // namespace

TEST_CASE("the schema and the page say what the struct declares", "[config][approved]") {
  SampleOptions options;
  CHECK_APPROVED("config/schema.json", json_schema(options, "Sample"));
  CHECK_APPROVED("config/reference.md", reference_page(options, "Sample"));
}

TEST_CASE("schema and reader agree on generated configurations", "[config][schema]") {
  Independent described;
  const Json schema = Json::parse(json_schema(described, "Sample"));
  // For a check by a foreign validator the pairs of configuration and verdict can be had as JSON Lines.
  std::ofstream dump;
  if (const char* path = std::getenv("TEMPERA_DUMP_SCHEMA_CASES")) dump.open(path);
  if (dump) dump << schema.dump() << "\n";
  int accepted = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    const Rng rng(seed, "config");
    std::uint64_t draws = 0;
    Json config;
    Independent options;
    Generator(config, rng, draws, seed % 2 == 0 ? 0.0 : 0.03).fill(options);
    const std::string violation = schema_violation(schema, config);
    std::string error;
    try {
      Independent read;
      read_config({"generated.yaml", config.dump(1)}, {}, read);
    } catch (const ConfigError& e) {
      error = e.what();
    }
    INFO(config.dump(1) << "\nschema: " << violation << "\nreader: " << error);
    REQUIRE(violation.empty() == error.empty());
    (error.empty() ? accepted : refused)++;
    if (dump) dump << Json{{"config", config}, {"ok", error.empty()}}.dump() << "\n";
  }
  CAPTURE(accepted, refused);
  CHECK(accepted > 1000);
  CHECK(refused > 1000);
}

TEST_CASE("bounds of the schema are whole where they can be", "[config]") {
  struct Bounds : Options {
    double share = 0.5, many = 1;
    void describe(Fields& f) override {
      f("share", share, "of all,\nor | of some", between(0.25, 1));
      f("many", many, "", between(0, 1e18));
    }
  } options;
  const Json properties = Json::parse(json_schema(options, "b"))["properties"];
  CHECK(properties["share"]["minimum"].dump() == "0.25");
  CHECK(properties["share"]["maximum"].dump() == "1");
  CHECK(properties["many"]["maximum"].dump() == "1e+18");
  // A table's row is one line.
  CHECK(reference_page(options, "B").find("of all, or \\| of some") != std::string::npos);
}

TEST_CASE("a family within itself keeps the type that holds where none is given", "[config]") {
  struct Averaged : Options {
    Choice optimizer{kOptimizerSamples, "averaged"};  // whose own optimizer is a plain one
    void describe(Fields& f) override { f("optimizer", optimizer, ""); }
  } options;
  const Json schema = Json::parse(json_schema(options, "a"));
  const auto fits = [&](const char* text) { return schema_violation(schema, Json::parse(text)).empty(); };
  CHECK(fits(R"({"optimizer": {"horizon": 5, "inner": {"momentum": 0.5}}})"));
  CHECK(fits(R"({"optimizer": {"inner": {"type": "averaged", "inner": {"momentum": 0.5}}}})"));
  CHECK_FALSE(fits(R"({"optimizer": {"momentum": 0.5}})"));
  CHECK_FALSE(fits(R"({"optimizer": {"inner": {"horizon": 5}}})"));
  CHECK_FALSE(fits(R"({"optimizer": {"inner": {"type": "averaged", "inner": {"horizon": 5}}}})"));
}
