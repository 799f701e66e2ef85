#include "train/output/run_folder.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

RunIdentity identity(const std::string& finished) {
  RunIdentity who;
  who.name = "quick\"start";
  who.seed = -7;
  who.code_version = "0.1.0";
  who.config_hash = "4f0c";
  who.machine = "a machine";
  who.threads = 2;
  who.started = "2026-01-31T12:00:00Z";
  who.finished = finished;
  who.weights_sha256 = "9b1f";
  who.baselines = {{"5-gram", 1.93}, {"bigram", 2.48}};
  return who;
}

nlohmann::json json_of(const std::filesystem::path& file) {
  return nlohmann::json::parse(contents_of(file));
}

}  // namespace

TEST_CASE("the identity of a run comes back", "[output]") {
  const TestFolder folder;
  const RunFolder run(folder.path / "run", RunStart::fresh);
  run.write_config("seed: 7\n");
  CHECK(contents_of(folder.path / "run/config.yaml") == "seed: 7\n");
  run.write_identity(identity(""));
  const RunIdentity back = read_identity(run.path());
  CHECK(back.name == "quick\"start");
  CHECK(back.seed == -7);
  CHECK(back.code_version == "0.1.0");
  CHECK(back.config_hash == "4f0c");
  CHECK(back.machine == "a machine");
  CHECK(back.threads == 2);
  CHECK(back.started == "2026-01-31T12:00:00Z");
  CHECK(back.finished.empty());
  CHECK(back.weights_sha256 == "9b1f");
  CHECK(back.baselines == identity("").baselines);
}

TEST_CASE("damaged identities are told", "[output]") {
  const TestFolder folder;
  CHECK(folder.error_of([&] { read_identity(folder.path); }) == "run: run.json is not there; a run's folder is wanted");
  folder.write("run.json", "{");
  CHECK(folder.error_of([&] { read_identity(folder.path); }) == "run: run.json is damaged: no JSON object");
  folder.write("run.json", "{\"seed\": \"seven\"}");
  CHECK(folder.error_of([&] { read_identity(folder.path); }).rfind("run: run.json is damaged: ", 0) == 0);
  for (const char* threads : {"1e30", "1.0", "3000000000", "true"}) {
    folder.write("run.json", fmt::format("{{\"threads\": {}}}", threads));
    CHECK(folder.error_of([&] { read_identity(folder.path); }) ==
          "run: run.json is damaged: 'threads' is no whole number of its range");
  }
}

TEST_CASE("what would be lost is not overwritten unless asked", "[output]") {
  const TestFolder folder;
  const auto path = folder.path / "run";
  RunFolder(path, RunStart::fresh).write_identity(identity(""));
  folder.write("run/metrics.jsonl", "{}\n");
  folder.write("run/mine.txt", "keep");
  RunFolder again(path, RunStart::fresh);  // neither finished nor with a checkpoint: nothing to lose
  CHECK_FALSE(std::filesystem::exists(path / "metrics.jsonl"));
  CHECK(std::filesystem::exists(path / "mine.txt"));

  folder.write("run/checkpoints/step-000500/COMPLETE", "");
  const auto start = [&](RunStart how) { return folder.error_of([&] { RunFolder(path, how); }); };
  CHECK(start(RunStart::fresh) ==
        "run: run holds a run stopped at step 500; resume it, choose another name, or ask to overwrite it");
  again.write_identity(identity("2026-01-31T12:05:00Z"));
  CHECK(start(RunStart::fresh) == "run: run holds a finished run; choose another name, or ask to overwrite it");
  CHECK(start(RunStart::resume) == "no error");
  CHECK(again.checkpoints().newest());
  folder.write("run/events.out.tfevents.1.host", "");
  CHECK(start(RunStart::overwrite) == "no error");
  CHECK_FALSE(again.checkpoints().newest());
  CHECK_FALSE(std::filesystem::exists(path / "run.json"));
  CHECK_FALSE(std::filesystem::exists(path / "events.out.tfevents.1.host"));
  CHECK(std::filesystem::exists(path / "mine.txt"));
  folder.write("file", "");
  CHECK(folder.error_of([&] { RunFolder(folder.path / "file/run", RunStart::fresh); }) ==
        "folder: file/run: mkdir failed: Not a directory");
}

TEST_CASE("artifacts", "[output]") {
  const TestFolder folder;
  const RunFolder run(folder.path / "run", RunStart::fresh);
  run.write_text("Sample, at T = 0.8", 500, "To be\n", "or \xff not");
  const auto text = json_of(run.path() / "artifacts/text-sample-at-t-0-8-000500.json");
  CHECK(text["kind"] == "text");
  CHECK(text["title"] == "Sample, at T = 0.8");
  CHECK(text["step"] == 500);
  CHECK(text["text"] == "or \xef\xbf\xbd not");

  run.write_attention("a", 1, {{"x", "y"}, {{{1, 0, 0.25f, 0.75f}}, {{1, 0, 0, 1}, {0.5f, 0.5f, 1, 0}}}});
  const auto attention = json_of(run.path() / "artifacts/attention-a-000001.json");
  CHECK(attention["layers"].size() == 2);
  run.write_attention("cross", 1, {{"x"}, {{{1, 0, 0.5f}}}, {"a", "b", "c"}});
  const auto cross = json_of(run.path() / "artifacts/attention-cross-000001.json");
  CHECK(cross["keys"] == nlohmann::json({"a", "b", "c"}));
  CHECK(cross["layers"][0]["heads"][0] == nlohmann::json::parse("[[1.0, 0.0, 0.5]]"));
  CHECK(attention["layers"][0]["heads"][0] == nlohmann::json({{1, 0}, {0.25, 0.75}}));

  run.write_confusion("c", 2, {{"cat", "dog"}, {"cat", "dog"}, {5, 1, 0, 7}});
  CHECK(json_of(run.path() / "artifacts/confusion-c-000002.json")["values"] == nlohmann::json({{5, 1}, {0, 7}}));
  run.write_matrix("m", 2, {{"a"}, {"b", "c"}, {0.5, std::nan("")}});
  CHECK(json_of(run.path() / "artifacts/matrix-m-000002.json")["values"][0][1].is_null());

  CHECK(folder.error_of([&] {
    run.write_matrix("m", 2, {{"a"}, {"b", "c"}, {1}});
  }) == "artifact: 'm': 1 values for 1 rows and 2 columns");
  CHECK(folder.error_of([&] {
    run.write_attention("a", 2, {{"x", "y"}, {{{1, 0, 1}}}});
  }) == "artifact: 'a': 3 attention weights for 2 tokens; 4 were expected");
}

TEST_CASE("time and machine", "[output]") {
  CHECK(std::regex_match(utc_now(), std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ")));
  CHECK(std::regex_match(machine_description(), std::regex(".+, \\d+ threads, .+ .+")));
}
