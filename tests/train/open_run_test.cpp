#include "train/open_run.h"

#include <catch2/catch.hpp>

#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "train/errors.h"
#include "train/run.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

const ConfigText kDigits{"digits.yaml",
                         "model: {type: mlp, hidden: [4]}\n"
                         "train: {steps: 6, batch: 16}\n"
                         "checkpoint: {every: 2, keep: 2}\n"
                         "evaluate: {every: 2, samples: 50}\n"};

// Trains runs/<name>/ in the folder; returns the hash of the last weights.
std::string train(const TestFolder& folder, const std::string& name, std::vector<std::string> overrides = {}) {
  overrides.push_back("folder=" + (folder.path / "runs").string());
  overrides.push_back("name=" + name);
  overrides.push_back(fmt::format("data={{type: digits, file: {}}}", source_file("data/files/digits.csv").string()));
  ExperimentOptions options;
  const Origins origins = read_config(kDigits, overrides, options);
  Experiment experiment(options);
  std::FILE* silent = std::fopen("/dev/null", "w");
  {
    Console console(silent);
    run_experiment(experiment, console, origins, RunStart::fresh);
  }
  std::fclose(silent);
  return experiment.trainer().weights_hash();
}

std::string hash(const OpenRun& run) {
  return run.experiment->trainer().weights_hash();
}

}  // namespace

TEST_CASE("a run is opened by folder, name, checkpoint or file of weights", "[open_run]") {
  const TestFolder folder;
  const std::string last = train(folder, "plain", {"average.decay=0"});
  const fs::path run = folder.path / "runs/plain";
  OpenOptions options;
  options.runs = folder.path / "runs";
  options.checkpoint = "last";
  for (const std::string& path : {run.string(), run.string() + "/", std::string("plain")}) {
    const OpenRun opened = open_run(path, options);
    CHECK(hash(opened) == last);
    CHECK(opened.step == 6);
    CHECK(opened.title() == run.string() + (path.ends_with('/') ? "/" : "") + "  step 6");
    CHECK(opened.experiment->data().test != nullptr);
  }
  options.checkpoint = "4";
  CHECK(open_run("plain", options).step == 4);
  CHECK(hash(open_run("plain", options)) != last);
  options.checkpoint = (run / "checkpoints/step-000006").string();
  CHECK(hash(open_run("plain", options)) == last);
  options.checkpoint = "best";
  const OpenRun best = open_run("plain", options);
  options.checkpoint = "";
  CHECK(open_run("plain", options).step == best.step);
  CHECK(fs::canonical(run / "checkpoints/best") == fs::canonical(best.weights.parent_path()));

  CHECK(hash(open_run((run / "checkpoints/step-000006").string(), {})) == last);
  const OpenRun file = open_run((run / "checkpoints/step-000006/model.safetensors").string(), {});
  CHECK(hash(file) == last);
  CHECK_FALSE(file.step);
  fs::create_directories(folder.path / "shared");
  fs::copy_file(run / "config.yaml", folder.path / "shared/config.yaml");
  fs::copy_file(run / "checkpoints/step-000006/model.safetensors", folder.path / "shared/mine.safetensors");
  CHECK(hash(open_run((folder.path / "shared/mine.safetensors").string(), {})) == last);
}

TEST_CASE("an opened checkpoint gives the averaged weights where it has them", "[open_run]") {
  const TestFolder folder;
  const std::string last = train(folder, "averaged", {"average.decay=0.5"});
  OpenOptions options;
  options.runs = folder.path / "runs";
  options.checkpoint = "last";
  const OpenRun averaged = open_run("averaged", options);
  CHECK(hash(averaged) != last);
  CHECK(averaged.title().ends_with("step 6 (averaged weights)"));
  options.checkpoint = (folder.path / "runs/averaged/checkpoints/step-000006/model.safetensors").string();
  CHECK(hash(open_run("averaged", options)) == last);
}

TEST_CASE("what cannot be opened is said, with what can", "[open_run][errors]") {
  const TestFolder folder;
  train(folder, "digits");
  OpenOptions options;
  options.runs = folder.path / "runs";
  const auto error = [&](const std::string& path, std::string checkpoint, std::vector<std::string> overrides = {}) {
    options.checkpoint = std::move(checkpoint);
    options.overrides = std::move(overrides);
    return folder.error_of([&] { open_run(path, options); });
  };
  CHECK(error("digit", "") ==
        "run: 'digit' is no run, checkpoint or .safetensors file; did you mean runs/digits? runs in runs/: digits");
  CHECK(error("nothing-like-it", "") ==
        "run: 'nothing-like-it' is no run, checkpoint or .safetensors file; runs in runs/: digits");
  CHECK(error("digits", "5") == "run: runs/digits has no complete checkpoint of step 5; there are those of 4, 6");
  CHECK(error("digits", "newest") ==
        "run: 'newest' is no checkpoint; best, last, a step, a checkpoint's folder or a .safetensors file was wanted");
  CHECK(error("digits", "last", {"model.hidden=[5]"}).find("'layers.0.weight' of ") != std::string::npos);
  CHECK_THROWS_AS(open_run("digits", options), CheckpointError);
  CHECK(error("digits", "last", {"model.hiddn=[5]"}).find("did you mean `model.hidden`?") != std::string::npos);
  const fs::path run = folder.path / "runs/digits";
  const std::string step = (run / "checkpoints/step-000006").string();
  CHECK(error(step, "last") ==
        "run: '" + step.substr(folder.path.string().size() + 1) + "' is a checkpoint already; leave out 'last'");
  fs::remove(run / "checkpoints/best");
  CHECK(error("digits", "best") == "run: no checkpoint of runs/digits is marked best; choose last, or a step");
  CHECK(error("digits", "") == "no error");
  fs::remove_all(run / "checkpoints");
  CHECK(error("digits", "") == "run: runs/digits/checkpoints holds no complete checkpoint");
  CHECK_THROWS_AS(open_run("digits", options), CheckpointError);
  folder.write("lonely/x.safetensors", "");
  CHECK(error((folder.path / "lonely/x.safetensors").string(), "") ==
        "run: lonely/x.safetensors has no config.yaml beside it, nor in a run above; put the configuration it was "
        "trained with there");
  options.runs = folder.path / "nowhere";
  CHECK(error("x", "") == "run: 'x' is no run, checkpoint or .safetensors file; there are no runs in nowhere/");
}
