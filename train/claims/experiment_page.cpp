// The JSON Schema and the reference page of whole configuration files: the options, and what lies beside them.
#include <nlohmann/json.hpp>

#include "train/claims/experiment_file.h"
#include "train/config/json_schema.h"
#include "train/config/reference_page.h"

namespace tempera {
namespace {

using Json = nlohmann::ordered_json;

Json schema_of(Options& options) {
  return Json::parse(json_schema(options, ""));
}

constexpr std::string_view kSeedsDoc = "train.seed 1 to so many, or a list of them; of a claim's runs";
constexpr std::string_view kVariantsDoc =
    "named settings laid over this file: dotted keys and values, as on the command line";
constexpr std::string_view kQuickDoc =
    "settings laid over every variant where somebody asks for a quick first impression";
constexpr std::string_view kBaseDoc = "another file, beside this one, whose settings lie below these";
constexpr std::string_view kExpectDoc = "inequalities that the runs decide";

}  // namespace

std::string experiment_schema() {
  ExperimentOptions options;
  Claim claim;
  Expectation expectation;
  Json schema = Json::parse(json_schema(options, "Tempera experiment"));
  Json& keys = schema["properties"];
  keys["base"] = {{"description", kBaseDoc}, {"type", "string"}};
  keys.update(schema_of(claim)["properties"]);
  keys["seeds"] = {{"description", kSeedsDoc},
                   {"type", {"integer", "array"}},
                   {"minimum", 1},
                   {"items", {{"type", "integer"}, {"minimum", 0}}},
                   {"default", 3}};
  keys["variants"] = {{"description", kVariantsDoc}, {"type", {"object", "null"}}};
  keys["quick"] = {{"description", kQuickDoc}, {"type", {"object", "null"}}};
  Json item = schema_of(expectation);
  item.erase("$schema");
  item.erase("title");
  keys["expect"] = {{"description", kExpectDoc}, {"type", "array"}, {"items", std::move(item)}};
  return schema.dump(2) + "\n";
}

std::string experiment_reference() {
  ExperimentOptions options;
  Claim claim;
  Expectation expectation;
  std::string page = reference_page(options, "Configuration");
  page +=
      "\n# Claims\n\nKeys beside the settings; [experiments.md](experiments.md) shows how they are used.\n"
      "\n| key | form | meaning |\n|---|---|---|\n";
  const auto row = [&](std::string_view key, std::string_view form, std::string_view doc) {
    page += fmt::format("| `{}` | {} | {} |\n", key, form, doc);
  };
  row("base", "text", kBaseDoc);
  row("seeds", "whole number or list of them", kSeedsDoc);
  row("variants", "`NAME: {key.path: value, ...}` each", kVariantsDoc);
  row("quick", "`{key.path: value, ...}`", kQuickDoc);
  row("expect", "list of sections, see below", kExpectDoc);
  page += "\n#" + reference_page(claim, "The claim");
  return page + "\n#" + reference_page(expectation, "expect");
}

}  // namespace tempera
