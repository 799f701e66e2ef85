// summary CONFIG.yaml [key.path=value ...]: what a configuration describes, without training it.
#include "apps/support/exit_code.h"
#include "train/config/read_config.h"
#include "train/experiment.h"

using namespace tempera;

int main(int argc, char** argv) {
  CLI::App app("Shows the data and the model of a configuration: parts, shapes, parameters, FLOPs, memory.", "summary");
  app.footer(
      "Examples:\n"
      "  summary configs/vision/digits.yaml\n"
      "  summary configs/quickstart.yaml model.d_model=512 model.n_layers=8\n");
  std::string config;
  std::vector<std::string> overrides;
  app.add_option("CONFIG", config, "YAML file, for example configs/quickstart.yaml")->required()->type_name("");
  app.add_option("key.path=value", overrides, "settings that replace those of the file")->type_name("");
  return run_program(app, argc, argv, [&] {
    ExperimentOptions options;
    read_config(load_config_text(config), overrides, options);
    options.train.prefetch = 0;
    std::fputs(Experiment(options).plan().c_str(), stdout);
    return kDone;
  });
}
