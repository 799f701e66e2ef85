// train CONFIG.yaml [key.path=value ...]: trains what a configuration describes.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "train/config/json_schema.h"
#include "train/config/reference_page.h"
#include "train/config/write_config.h"
#include "train/run.h"

using namespace tempera;

namespace {

// As the conventions of docs/architecture.md have them.
enum ExitCode { kDone = 0, kFailed = 1, kConfig = 2, kNumeric = 4, kInterrupted = 130 };

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  bool resume = false, overwrite = false, dry_run = false, schema = false, reference = false;
  std::optional<std::uint64_t> seed;
  std::optional<int> threads;
};

int run(Arguments& arguments) {
  ExperimentOptions options;
  if (arguments.schema || arguments.reference) {
    std::fputs(
        (arguments.schema ? json_schema(options, "Tempera experiment") : reference_page(options, "Configuration"))
            .c_str(),
        stdout);
    return kDone;
  }
  require(!arguments.config.empty(), "train", "which configuration? for example: train configs/quickstart.yaml");
  if (arguments.seed) arguments.overrides.push_back(fmt::format("train.seed={}", *arguments.seed));
  if (arguments.threads) arguments.overrides.push_back(fmt::format("train.threads={}", *arguments.threads));
  const Origins origins = read_config(load_config_text(arguments.config), arguments.overrides, options);
  Experiment experiment(options);
  if (arguments.dry_run) {
    std::printf("%s\n%s", write_config(options, origins).c_str(), experiment.plan().c_str());
    return kDone;
  }
  Console console;
  const RunStart start = arguments.resume      ? RunStart::resume
                         : arguments.overwrite ? RunStart::overwrite
                                               : RunStart::fresh;
  return run_experiment(experiment, console, origins, start) == RunEnd::done ? kDone : kInterrupted;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains what a configuration describes, in runs/<name>/.", "train");
  Arguments arguments;
  app.add_option("CONFIG", arguments.config, "YAML file, for example configs/quickstart.yaml");
  app.add_option("key.path=value", arguments.overrides, "settings that replace those of the file");
  app.add_flag("--resume", arguments.resume, "go on from the newest checkpoint of the run");
  app.add_flag("--overwrite", arguments.overwrite, "start anew where a run of that name was");
  app.add_flag("--dry-run", arguments.dry_run, "print the effective configuration, the data and the model");
  app.add_flag("--schema", arguments.schema, "print the JSON Schema of configurations");
  app.add_flag("--reference", arguments.reference, "print the reference page of configurations");
  app.add_option("--seed", arguments.seed, "in place of train.seed");
  app.add_option("--threads", arguments.threads, "in place of train.threads; changes no bit of the result");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(arguments);
  } catch (const ConfigError& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return kConfig;
  } catch (const NonFiniteError& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return kNumeric;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return kFailed;
  }
}
