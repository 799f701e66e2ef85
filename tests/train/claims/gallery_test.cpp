#include "train/claims/gallery.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "tests/support/approved.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "train/claims/experiment_file.h"
#include "train/claims/picture.h"

using namespace tempera;

namespace {

constexpr std::string_view kConfig = R"(data: {type: digits}
model: {type: mlp, hidden: [8]}
claim: Wide nets learn more | sooner.
seeds: 3
variants: {wide: {model.hidden: [64]}, narrow: {model.hidden: [2]}}
expect:
  - {metric: test_accuracy, of: wide, above: narrow, by: 0.05, paper: 0.9 against 0.7}
  - {steps_to: {metric: valid_accuracy, at_least: 0.5}, of: wide, at_most: 100}
)";

ClaimRow example(const ExperimentFile& file) {
  const Claim& claim = file.claim();
  ClaimRow row{"wide",        "configs/wide.yaml", claim.claim, "table 2",   "Nobody 2020",
               "Small data.", file.fingerprint(),  "0.1",       "2026-01-31"};
  row.seeds = claim.seeds;
  row.seconds = 83;
  row.measured = {{"test_accuracy", "wide", {{0.90}, {0.92}, {0.91}}},
                  {"test_accuracy", "narrow", {{0.80}, {0.81}, {0.79}}},
                  {claim.expect[1].quantity(), "wide", {{50}, {60}, {400, true}}},
                  {claim.expect[1].quantity(), "narrow", {{400, true}, {400, true}, {std::nan("")}}}};
  const auto& m = row.measured;
  row.expectations = {
      {claim.expect[0].text(), claim.expect[0].paper, "test_accuracy", "wide", "narrow",
       decide(claim.expect[0], m[0].values, m[1].values)},
      {claim.expect[1].text(), "", claim.expect[1].quantity(), "wide", "", decide(claim.expect[1], m[2].values)}};
  row.failures = {"narrow-seed3: train: the loss is nan"};
  return row;
}

}  // namespace

TEST_CASE("a row is kept as it is", "[claims]") {
  const TestFolder folder;
  const ClaimRow row = example(ExperimentFile(folder.write("configs/wide.yaml", kConfig)));
  CHECK(row.outcome() == Outcome::fails);
  write_row(folder.path / "wide.json", row);
  const std::string once = contents_of(folder.path / "wide.json");
  const ClaimRow again = read_row(folder.path / "wide.json");
  write_row(folder.path / "wide.json", again);
  CHECK(contents_of(folder.path / "wide.json") == once);
  CHECK(again.outcome() == Outcome::fails);
  CHECK(again.expectations[0].verdict.test.p_t == Approx(row.expectations[0].verdict.test.p_t).epsilon(1e-5));
  CHECK(again.measured[2].values[2].censored);
  CHECK(std::isnan(again.measured[3].values[2].value));
  folder.write("wide.json", "{\"name\": 3}");
  CHECK(folder.error_of([&] { read_row(folder.path / "wide.json"); }).find("wide.json is damaged") !=
        std::string::npos);
}

TEST_CASE("the gallery shows verdicts, and which rows are stale", "[claims][approved]") {
  const TestFolder folder;
  ClaimRow row = example(ExperimentFile(folder.write("configs/wide.yaml", kConfig)));
  CHECK(stale(row, folder.path).empty());
  CHECK_APPROVED("screens/gallery.md", gallery_page({row}, folder.path));
  folder.write("configs/wide.yaml", fmt::format("{}lr: 0.5\n", kConfig));
  CHECK(stale(row, folder.path) == "the configuration has changed since");
  CHECK(gallery_page({row}, folder.path).find("**Stale**") != std::string::npos);
  row.config = "configs/gone.yaml";
  CHECK(stale(row, folder.path) == "`configs/gone.yaml` is gone");
}

TEST_CASE("a claim has a picture that loads nothing", "[claims]") {
  const TestFolder folder;
  const ExperimentFile file(folder.write("configs/wide.yaml", kConfig));
  const ClaimRow row = example(file);
  PictureCurves curves{"valid_accuracy", true, {"wide"}, {{0, "accuracy", "valid", {0, 1, 10, 100}, {}, {}}}};
  curves.curves[0].mean = {0.1, 0.2, 0.5, 0.9};
  curves.curves[0].half = {0.01, 0.02, std::nan(""), 0.01};
  for (const std::string& svg : {claim_picture(file.claim(), row, {}), claim_picture(file.claim(), row, {curves})}) {
    CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
    CHECK(svg.find("href") == std::string::npos);
    CHECK(svg.find("test accuracy") != std::string::npos);
  }
  Claim many = file.claim();
  const auto drawn = [&] { return claim_picture(many, row, {curves}).find("step (logarithmic)") != std::string::npos; };
  CHECK(drawn());
  while (many.variants.size() < 9) many.variants.push_back(fmt::format("v{}", many.variants.size()));
  CHECK_FALSE(drawn());
}

namespace {

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("curves of a claim are read from its runs", "[claims]") {
  const TestFolder folder;
  const ExperimentFile file(folder.write("configs/wide.yaml", kConfig));
  const auto run = [&](const std::string& name, std::initializer_list<double> accuracies) {
    std::string lines;
    int step = 0;
    for (const double accuracy : accuracies)
      lines += fmt::format("{{\"step\":{},\"split\":\"valid\",\"accuracy\":{}}}\n", step += 10, accuracy);
    return folder.write(name + "/metrics.jsonl", lines).parent_path();
  };
  const auto curves =
      picture_curves(file.claim(), {{run("wide-seed1", {0.25, 0.5, 0.75, 1}), run("wide-seed2", {0.75, 0.5, 0.25, 1})},
                                    {run("narrow-seed1", {0.5, 0.5})}});  // too short to be drawn
  REQUIRE(curves.size() == 1);
  CHECK(curves[0].metric == "valid_accuracy");
  CHECK(curves[0].log_steps);
  CHECK(curves[0].variants == std::vector<std::string>{"wide"});
  CHECK(curves[0].curves[0].mean == std::vector<double>{0.5, 0.5, 0.5, 1});
  Claim ends = file.claim();  // without steps_to the metric behind the first quantity
  ends.expect.pop_back();
  CHECK_FALSE(picture_curves(ends, {{run("wide-seed1", {0.25, 0.5, 0.75})}, {}})[0].log_steps);
  ends.expect[0].metric = "train_loss";
  CHECK(picture_curves(ends, {{run("wide-seed1", {0.25, 0.5, 0.75})}, {}}).empty());
  ends.expect[0].metric = "seconds";
  CHECK(picture_curves(ends, {{run("wide-seed1", {0.25, 0.5, 0.75})}, {}}).empty());
}

TEST_CASE("a claim may be drawn over several metrics", "[claims]") {
  const TestFolder folder;
  const ExperimentFile file(folder.write("configs/wide.yaml", kConfig));
  ClaimRow row = example(file);
  row.measured = {{"near", "wide", {{0.9}, {0.8}}},
                  {"near", "narrow", {{0.7}, {0.6}}},
                  {"far", "wide", {{0.5}, {std::nan("")}}},
                  {"far", "narrow", {{std::nan("")}, {std::nan("")}}}};
  Claim claim = file.claim();
  claim.plot = {"near", "far"};
  const std::string svg = claim_picture(claim, row, {});
  CHECK(count_of(svg, "<circle") == 5);  // a mark for each number
  for (const char* text : {">near<", ">far<", ">wide<", ">narrow<"}) CHECK(count_of(svg, text) == 1);
  CHECK(svg.find("nan") == std::string::npos);
  for (Measured& m : row.measured) m.values = {{std::nan("")}};
  CHECK(count_of(claim_picture(claim, row, {}), "<circle") == 0);
}

TEST_CASE("bars may reach below zero, stand for one seed, or be none", "[claims]") {
  const TestFolder folder;
  const ExperimentFile file(folder.write("configs/wide.yaml", kConfig));
  ClaimRow row = example(file);
  row.seeds = {1};
  row.quick = true;
  row.measured = {{"test_accuracy", "wide", {{-2}}}, {"test_accuracy", "narrow", {{3}}}};
  const std::string svg = claim_picture(file.claim(), row, {});
  CHECK(svg.find("over 1 seed;") != std::string::npos);
  CHECK(svg.find("quick run") != std::string::npos);
  CHECK(count_of(svg, "<circle") == 2);
  CHECK(svg.find("never reached") == std::string::npos);
  row.measured = {{"test_accuracy", "wide", {{std::nan("")}}}};
  CHECK(count_of(claim_picture(file.claim(), row, {}), "<circle") == 0);
}

TEST_CASE("the gallery of this repository is made of its rows", "[claims]") {
  const std::filesystem::path docs = source_file("docs");
  const std::vector<ClaimRow> rows = read_rows(docs / "gallery");
  for (const ClaimRow& row : rows) {
    INFO(row.name);
    CHECK(std::filesystem::exists(docs / "gallery" / (row.name + ".svg")));
    CHECK_FALSE(std::filesystem::path(row.config).is_absolute());
  }
  // A row of another configuration than the file's is marked as stale on the page.
  INFO("make the page anew with ./dev docs");
  CHECK((contents_of(docs / "gallery.md") == gallery_page(rows, source_file(""))));
}
