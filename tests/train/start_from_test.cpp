#include "train/start_from.h"

#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/twins.h"
#include "train/checkpoint.h"
#include "train/errors.h"
#include "train/open_run.h"
#include "train/run.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

const ConfigText kModular{"modular.yaml",
                          "data: {type: modular, p: 7, train: 0.6, valid: 0.2}\n"
                          "model: {type: encoder, d_model: 8, n_layers: 1}\n"
                          "attention: {heads: 2}\n"
                          "train: {steps: 4, batch: 8}\n"
                          "checkpoint: {every: 2, keep: 4}\n"};

// Trains runs/<name>/ in the folder.
void train(const TestFolder& folder, const std::string& name, std::vector<std::string> overrides = {},
           RunStart start = RunStart::fresh) {
  overrides.push_back("folder=" + (folder.path / "runs").string());
  overrides.push_back("name=" + name);
  ExperimentOptions options;
  const Origins origins = read_config(kModular, overrides, options);
  Experiment experiment(options);
  std::FILE* silent = std::fopen("/dev/null", "w");
  {
    Console console(silent);
    run_experiment(experiment, console, origins, start);
  }
  std::fclose(silent);
}

std::string last_hash(const TestFolder& folder, const std::string& name) {
  OpenOptions last;
  last.checkpoint = "last";
  return open_run((folder.path / "runs" / name).string(), last).experiment->trainer().weights_hash();
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a run begins with the weights of another, and a new normalizer with its own", "[start_from]") {
  const TestFolder folder;
  train(folder, "softmax");
  TestExperiment ssmax(kModular, {"attention.normalizer.type=ssmax", "train.seed=9"});
  Parameters& parameters = ssmax.trainer().parameters();
  const Tensor scale = parameters.find("blocks.0.attention.normalizer.scale").parameter->value.clone();
  StartOptions options;
  options.run = "softmax";
  options.checkpoint = "2";
  const std::string said = start_from(options, 1, folder.path / "runs", parameters);
  CHECK(said.find("softmax  step 2: ") != said.npos);
  CHECK(said.find("1 at their initial values, 0 left behind") != said.npos);
  TestExperiment same(kModular);
  load_weights(folder.path / "runs/softmax/checkpoints/step-000002", same.trainer().parameters());
  for (const Parameters::Entry& entry : same.trainer().parameters().entries()) {
    INFO(entry.name);
    CHECK(same_bits(parameters.find(entry.name).parameter->value, entry.parameter->value));
  }
  CHECK(same_bits(parameters.find("blocks.0.attention.normalizer.scale").parameter->value, scale));
  // And back: what only the other had is left behind.
  train(folder, "ssmax", {"attention.normalizer.type=ssmax"});
  options = {};
  options.run = (folder.path / "runs/ssmax").string();
  CHECK(start_from(options, 1, "runs", same.trainer().parameters()).find("1 left behind") != std::string::npos);
  // In another type of numbers.
  TestExperiment wide(kModular, {"train.dtype=float64"});
  start_from(options, 1, "runs", wide.trainer().parameters());
  CHECK(wide.trainer().parameters().find("head.bias").parameter->value.at(1) ==
        same.trainer().parameters().find("head.bias").parameter->value.at(1));
}

TEST_CASE("a run is named with the seed", "[start_from]") {
  StartOptions options;
  CHECK(options.run_for(3).empty());
  options.run = "softmax-seed{seed}";
  CHECK(options.run_for(12) == "softmax-seed12");
  options.run = "{seed}/{seed}";
  CHECK(options.run_for(7) == "7/7");
}

TEST_CASE("a run that began with other weights goes on without them", "[start_from]") {
  const TestFolder folder;
  train(folder, "softmax");
  const std::vector<std::string> from{"start_from.run=softmax", "attention.normalizer.type=ssmax", "train.seed=3"};
  train(folder, "switched", from);
  CHECK(text_of(folder.path / "runs/switched/log.txt").find("starts from ") != std::string::npos);
  const std::string hash = last_hash(folder, "switched");
  fs::remove_all(folder.path / "runs/softmax");
  for (const char* step : {"step-000004"}) fs::remove_all(folder.path / "runs/switched/checkpoints" / step);
  train(folder, "switched", from, RunStart::resume);
  CHECK(last_hash(folder, "switched") == hash);
}

TEST_CASE("weights that a run cannot begin with are refused", "[start_from][errors]") {
  const TestFolder folder;
  train(folder, "softmax");
  const auto refusal = [&](const std::string& run, const std::vector<std::string>& overrides,
                           const std::vector<std::string>& differ = {".normalizer."}) {
    return folder.error_of([&] {
      TestExperiment other(kModular, overrides);
      StartOptions options;
      options.run = run;
      options.differ = differ;
      start_from(options, 1, folder.path / "runs", other.trainer().parameters());
    });
  };
  CHECK(refusal("softmax", {}) == "no error");
  CHECK(refusal("sotfmax", {}).find("did you mean") != std::string::npos);
  const std::string wide = refusal("softmax", {"model.d_model=12"});
  CHECK(wide.find("does not fit:\n  its '") != std::string::npos);
  CHECK(wide.find("' has the shape [") != std::string::npos);
  CHECK(wide.find("\n  and ") != std::string::npos);
  const std::string more = refusal("softmax", {"attention.sink=true"});
  CHECK(more.find("it has no 'blocks.0.attention.sink.key', which this model wants") != std::string::npos);
  CHECK(more.find("name a part of it in start_from.differ to keep its initial value") != std::string::npos);
  CHECK(refusal("softmax", {"attention.sink=true"}, {".sink."}) == "no error");
  CHECK(refusal("softmax", {"head.bias=false"}).find("it has 'head.bias', which this model has not") !=
        std::string::npos);
  // Before anything is read: no way out of the known folders by a relative path.
  CHECK(folder.error_of([&] { TestExperiment(kModular, {"start_from.run=../elsewhere"}); })
            .find("leads out of the folders that the run knows; give its name, or an absolute path") !=
        std::string::npos);
  CHECK(folder.error_of([&] { TestExperiment(kModular, {"start_from.checkpoint=best"}); })
            .find("came, but no run; name the run that it belongs to") != std::string::npos);
}
