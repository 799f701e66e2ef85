// train CONFIG.yaml [key=value ...]: trains what a configuration describes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <unistd.h>

#include "train/quick.h"

int main(int argc, char** argv) {
  CLI::App app("Trains what a configuration describes.", "train");
  std::string config;
  std::vector<std::string> overrides;
  app.add_option("CONFIG", config, "YAML file, for example configs/quickstart.yaml")->required();
  app.add_option("key=value", overrides, "settings that replace those of the file");
  CLI11_PARSE(app, argc, argv);
  try {
    tempera::run_quick(tempera::read_quick_config(config, overrides), stdout, isatty(STDOUT_FILENO) != 0);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
