// gradcheck CONFIG.yaml [key.path=value ...]: the gradients of the configured model against finite differences.
#include "apps/support/exit_code.h"
#include "train/config/read_config.h"
#include "train/experiment.h"
#include "train/model_gradcheck.h"
#include "train/output/console.h"

using namespace tempera;

namespace {

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  Index samples = 2, tokens = 16;
  ModelGradcheckOptions check;
};

int run(Arguments& arguments) {
  arguments.overrides.push_back("train.dtype=float64");
  ExperimentOptions options;
  read_config(load_config_text(arguments.config), arguments.overrides, options);
  options.train.prefetch = 0;
  Experiment experiment(options);
  Batch batch;
  std::vector<std::int64_t> ids;
  for (Index i = 0; i < std::min<std::int64_t>(arguments.samples, experiment.data().train->size()); ++i)
    ids.push_back(i);
  experiment.data().train->fill(ids, batch);
  batch = first_tokens(batch, arguments.tokens);

  Console console;
  const std::size_t count = experiment.trainer().parameters().entries().size();
  const ModelGradcheck result =
      gradcheck_model(experiment.learner(), experiment.trainer().parameters(), batch, arguments.check,
                      [&](std::size_t done) { console.status(fmt::format("parameter {} of {}", done, count)); });
  console.status("");
  std::printf("%s: loss %.6g of inputs %s, targets %s\n\n%s", arguments.config.c_str(), result.loss,
              to_string(batch.inputs).c_str(), to_string(batch.targets).c_str(), result.text().c_str());
  return result.ok ? kDone : kNumeric;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Compares the gradient of every parameter of a configured model with finite differences, in float64, over a\n"
      "small batch. Exit code 0: all agree; 4: some do not, and the table says which.",
      "gradcheck");
  app.footer(
      "Examples:\n"
      "  gradcheck configs/quickstart.yaml\n"
      "  gradcheck configs/text/characters.yaml model.n_layers=2 --entries 20");
  Arguments arguments;
  app.add_option("CONFIG", arguments.config, "YAML file, for example configs/quickstart.yaml")->required();
  app.add_option("key.path=value", arguments.overrides, "settings that replace those of the file");
  app.add_option("--samples", arguments.samples, "samples of the batch, the first of the training set")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--tokens", arguments.tokens, "sequences are cut to so many tokens")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--entries", arguments.check.entries, "entries checked of each parameter; 0: all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--tolerance", arguments.check.tolerance, "largest relative error")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--noise", arguments.check.noise, "parameters that start at a constant move by up to so much")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seed", arguments.check.seed, "of the entries, the noise and the dropout")->capture_default_str();
  app.add_option("--threads", arguments.check.threads, "parameters checked at once; changes no figure")
      ->default_val(2)
      ->check(CLI::Range(1, 1024));
  return run_program(app, argc, argv, [&] { return run(arguments); });
}
