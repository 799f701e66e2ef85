#include "train/temperature_fit.h"

#include "attention/normalizers/adaptive_temperature.h"
#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "train/run.h"

using namespace tempera;

namespace {

const ConfigText kModular{"modular.yaml",
                          "data: {type: modular, p: 7, train: 0.6, valid: 0.4}\n"
                          "model: {type: encoder, d_model: 8, n_layers: 1}\n"
                          "attention: {heads: 2}\n"
                          "lr: 1e-2\n"
                          "train: {steps: 30, batch: 8}\n"};

std::string train(const TestFolder& folder, std::vector<std::string> overrides = {}) {
  overrides.push_back("folder=" + folder.path.string());
  ExperimentOptions options;
  const Origins origins = read_config(kModular, overrides, options);
  Experiment experiment(options);
  std::FILE* silent = std::fopen("/dev/null", "w");
  {
    Console console(silent);
    run_experiment(experiment, console, origins, RunStart::overwrite);
  }
  std::fclose(silent);
  return (folder.path / "run").string();
}

}  // namespace

TEST_CASE("a temperature is fitted to what served each sample best", "[temperature]") {
  const TestFolder folder;
  const TemperatureFit found = fit_temperature(train(folder), {}, "valid", 12);
  REQUIRE(found.entropies.size() == 12);
  REQUIRE(found.betas.size() == 12);
  const auto betas = temperature_betas();
  CHECK(betas.front() == 0.5);
  CHECK(betas.back() == 8);
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(found.entropies[i] > 0);
    CHECK(found.entropies[i] <= std::log(4) + 1e-9);  // a, b, "=" and the class token
    CHECK(std::find(betas.begin(), betas.end(), found.betas[i]) != betas.end());
  }
  CHECK(found.fit == fit_inverse_temperature(found.entropies, found.betas));
}

TEST_CASE("a temperature wants a softmax and its classes", "[temperature][errors]") {
  const TestFolder folder;
  const std::string run = train(folder, {"attention.normalizer.type=sigmoid"});
  CHECK(folder.error_of([&] { fit_temperature(run, {}, "valid", 12); }) ==
        "temperature: the run's attention is softmax through sigmoid; a temperature is fitted to the softmax");
  const std::string softmax = train(folder);
  CHECK(folder.error_of([&] { fit_temperature(softmax, {}, "test", 12); }) ==
        "temperature: the data have no part 'test'");
}
