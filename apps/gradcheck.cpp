// gradcheck CONFIG.yaml [key.path=value ...]: the gradients of the configured model against finite differences.
#include "apps/support/exit_code.h"
#include "apps/support/number_option.h"
#include "train/claims/experiment_file.h"
#include "train/model_gradcheck.h"
#include "train/output/console.h"

using namespace tempera;

namespace {

struct Arguments {
  std::string config, variant = std::string(kOwn);
  std::vector<std::string> overrides;
  Index samples = 2, tokens = 16;
  ModelGradcheckOptions check;
};

int run(Arguments& arguments) {
  arguments.overrides.push_back("train.dtype=float64");
  ExperimentOptions options;
  ExperimentFile(arguments.config).fill(options, arguments.overrides, arguments.variant);
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
      "  gradcheck configs/vision/digits.yaml\n"
      "  gradcheck configs/quickstart.yaml model.n_layers=2 --entries 20\n");
  Arguments arguments;
  app.add_option("CONFIG", arguments.config, "YAML file, for example configs/quickstart.yaml")
      ->required()
      ->type_name("");
  app.add_option("key.path=value", arguments.overrides, "settings that replace those of the file")->type_name("");
  ModelGradcheckOptions& check = arguments.check;
  check.threads = 2;
  number_option(app, "--samples", arguments.samples, "samples of the batch, the first of the training set",
                CLI::PositiveNumber);
  number_option(app, "--tokens", arguments.tokens, "sequences are cut to so many tokens", CLI::PositiveNumber);
  number_option(app, "--entries", check.entries, "entries checked of each parameter; 0: all", CLI::NonNegativeNumber);
  number_option(app, "--tolerance", check.tolerance, "largest relative error", CLI::PositiveNumber);
  number_option(app, "--noise", check.noise, "parameters that start at a constant move by up to so much",
                CLI::NonNegativeNumber);
  number_option(app, "--seed", check.seed, "of the entries, the noise and the dropout", CLI::NonNegativeNumber);
  number_option(app, "--threads", check.threads, "parameters checked at once; changes no figure", CLI::Range(1, 1024));
  app.add_option("--variant", arguments.variant, "one of the variants of the file")->type_name("NAME");
  return run_program(app, argc, argv, [&] { return run(arguments); });
}
