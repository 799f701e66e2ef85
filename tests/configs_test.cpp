// The recipes of configs/, and the pages that are made from the declarations of the options.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <yaml-cpp/yaml.h>

#include "tests/support/schema_check.h"
#include "tests/support/source_file.h"
#include "train/claims/experiment_file.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

const fs::path kRoot = source_file("");

std::string contents(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::vector<fs::path> recipes() {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / "configs"))
    if (entry.path().extension() == ".yaml") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

// As an editor sees it: scalars take the type that they look like.
nlohmann::ordered_json as_json(const YAML::Node& node) {
  if (node.IsMap()) {
    auto object = nlohmann::ordered_json::object();
    for (const auto& entry : node) object[entry.first.as<std::string>()] = as_json(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& entry : node) list.push_back(as_json(entry));
    return list;
  }
  const auto text = node.as<std::string>();
  if (node.Tag() == "!") return text;  // in quotes
  const auto value = nlohmann::ordered_json::parse(text, nullptr, false);
  return value.is_discarded() ? nlohmann::ordered_json(text) : value;
}

}  // namespace

TEST_CASE("every recipe names the schema, obeys it, and is read", "[configs]") {
  const auto schema = nlohmann::ordered_json::parse(contents(kRoot / "configs/schema.json"));
  const auto files = recipes();
  REQUIRE(files.size() >= 4);
  for (const fs::path& file : files) {
    INFO(file);
    const std::string text = contents(file);
    std::smatch named;
    REQUIRE(std::regex_search(text, named, std::regex("^# yaml-language-server: \\$schema=(.+)\n")));
    CHECK(fs::weakly_canonical(file.parent_path() / named[1].str()) == kRoot / "configs/schema.json");
    CHECK(schema_violation(schema, as_json(YAML::Load(text))) == "");
    CHECK_NOTHROW(ExperimentFile(file));
  }
}

TEST_CASE("schema and reference page say what the options declare", "[configs]") {
  INFO("make both anew with ./dev docs");
  CHECK((contents(kRoot / "configs/schema.json") == experiment_schema()));
  CHECK((contents(kRoot / "docs/configuration.md") == experiment_reference()));
}
