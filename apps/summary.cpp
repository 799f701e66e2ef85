// summary CONFIG.yaml [key.path=value ...]: what a configuration describes, without training it.
#include "apps/support/exit_code.h"
#include "train/claims/experiment_file.h"

using namespace tempera;

int main(int argc, char** argv) {
  CLI::App app("Shows the data and the model of a configuration: parts, shapes, parameters, FLOPs, memory.", "summary");
  app.footer(
      "Examples:\n"
      "  summary configs/vision/digits.yaml\n"
      "  summary configs/quickstart.yaml model.d_model=512 model.n_layers=8\n");
  std::string config, variant(kOwn);
  std::vector<std::string> overrides;
  app.add_option("CONFIG", config, "YAML file, for example configs/quickstart.yaml")->required()->type_name("");
  app.add_option("key.path=value", overrides, "settings that replace those of the file")->type_name("");
  app.add_option("--variant", variant, "one of the variants of the file")->type_name("NAME");
  return run_program(app, argc, argv, [&] {
    ExperimentOptions options;
    ExperimentFile(config).fill(options, overrides, variant);
    options.train.prefetch = 0;
    std::fputs(Experiment(options).plan().c_str(), stdout);
    return kDone;
  });
}
