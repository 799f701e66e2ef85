// train CONFIG.yaml [key.path=value ...]: trains what a configuration describes.
#include <algorithm>
#include <cstdio>

#include "apps/support/exit_code.h"
#include "apps/support/on_ranks.h"
#include "apps/support/peak.h"
#include "train/claims/experiment_file.h"
#include "train/config/write_config.h"
#include "train/run.h"
#include "train/stop_signals.h"

using namespace tempera;

namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 2 configuration, 3 data, 4 a value that is not finite, 5 checkpoint, 130 stopped by Ctrl-C or "
    "SIGTERM and saved, 1 anything else.";

struct Arguments {
  std::string config, set_from, variant, resume, trace;
  std::vector<std::string> overrides;
  bool quick = false, overwrite = false, dry_run = false, schema = false, reference = false;
  std::optional<std::uint64_t> seed;
  std::optional<int> threads;
  int profile = 0;  // steps
};

// Where the time of some steps goes, on one thread, in place of a run.
int show_profile(Trainer& trainer, const Arguments& arguments) {
  trainer.step();  // the first one allocates
  Profile profile;
  trainer.observe(&profile);
  for (int i = 0; i < arguments.profile; ++i) trainer.step();
  trainer.observe(nullptr);
  const double peak =
      trainer.parameters().dtype() == DType::float64 ? bench::peak_gflops<double>() : bench::peak_gflops<float>();
  std::printf("%d steps on one thread, %.3f ms each; peak of a core %.0f GFLOP/s\n\n%s", arguments.profile,
              1000 * profile.seconds() / arguments.profile, peak, profile.text(peak).c_str());
  if (!arguments.trace.empty()) profile.write_trace(arguments.trace);
  return kDone;
}

// The value of --resume may be left out; then what stands after it belongs to the others.
void part_from_resume(Arguments& a) {
  if (a.resume.find('=') != std::string::npos) {
    a.overrides.push_back(std::exchange(a.resume, "auto"));
  } else if (a.resume.ends_with(".yaml") || a.resume.ends_with(".yml")) {
    if (!a.config.empty()) a.overrides.insert(a.overrides.begin(), a.config);
    a.config = std::exchange(a.resume, "auto");
  }
}

// Whether the name of the run was given on the command line.
bool named(const Origins& origins) {
  const auto name = origins.find("name");
  return name != origins.end() && name->second.file.empty();
}

int describe(const Arguments& arguments) {
  std::fputs((arguments.schema ? experiment_schema() : experiment_reference()).c_str(), stdout);
  return kDone;
}

int train(Arguments& arguments, Ranks& ranks) {
  const StopSignals signals(true);
  ExperimentOptions options;
  part_from_resume(arguments);
  if (arguments.config.empty())
    throw ConfigError({{"train", 0, 0, "which configuration? for example: train configs/quickstart.yaml"}});
  if (arguments.seed) arguments.overrides.push_back(fmt::format("train.seed={}", *arguments.seed));
  if (arguments.profile > 0) arguments.threads = 1;
  if (arguments.threads) arguments.overrides.push_back(fmt::format("train.threads={}", *arguments.threads));
  std::vector<ConfigText> above;
  if (!arguments.set_from.empty()) above.push_back(load_config_text(arguments.set_from));
  const ExperimentFile file(load_config_text(arguments.config), above);
  const std::string variant = arguments.variant.empty() ? std::string(kOwn) : arguments.variant;
  const Origins origins = file.fill(options, arguments.overrides, variant, arguments.quick);
  // Variants of one file do not share a folder.
  if (!arguments.variant.empty() && !named(origins)) options.name += "-" + variant;
  options.train.steps = std::max<std::int64_t>(options.train.steps, arguments.profile > 0 ? arguments.profile + 1 : 0);
  Experiment experiment(options, ranks);
  if (arguments.dry_run) {
    if (ranks.leads()) std::printf("%s\n%s", write_config(options, origins).c_str(), experiment.plan().c_str());
    return kDone;
  }
  blame<SetupError>([&] {
    require(arguments.profile == 0 || ranks.size() == 1, "train", "--profile looks at one process, not at {}",
            ranks.size());
  });
  if (arguments.profile > 0) return show_profile(experiment.trainer(), arguments);
  const RunStart start = !arguments.resume.empty() ? RunStart::resume
                         : arguments.overwrite     ? RunStart::overwrite
                                                   : RunStart::fresh;
  const std::string checkpoint = arguments.resume == "auto" ? "" : arguments.resume;
  Console progress(ranks.leads() ? stderr : nullptr), results(ranks.leads() ? stdout : nullptr);
  return run_experiment(experiment, {progress, results}, origins, start, checkpoint) == RunEnd::done ? kDone
                                                                                                     : kInterrupted;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains what a configuration describes, in runs/<name>/.", "train");
  app.footer(kExitCodes);
  Arguments arguments;
  app.add_option("CONFIG", arguments.config, "YAML file, for example configs/quickstart.yaml");
  app.add_option("key.path=value", arguments.overrides, "settings that replace those of the file");
  app.add_option("--set-from", arguments.set_from, "another file, whose settings replace those of CONFIG")
      ->type_name("OTHER.yaml");
  app.add_option("--variant", arguments.variant, "train a variant of CONFIG, as runs/<name>-VARIANT")
      ->type_name("NAME");
  app.add_flag("--quick", arguments.quick, "lay the section `quick` of CONFIG over it");
  app.add_option("--resume", arguments.resume, "go on from the newest checkpoint of the run, or from the one at PATH")
      ->expected(0, 1)
      ->default_str("auto")
      ->type_name("[auto|PATH]");
  app.add_flag("--overwrite", arguments.overwrite, "start anew where a run of that name was")->excludes("--resume");
  app.add_flag("--dry-run", arguments.dry_run, "print the effective configuration, the data and the model");
  app.add_option("--profile", arguments.profile, "train so many steps and print where their time goes, nothing else")
      ->check(CLI::PositiveNumber)
      ->type_name("STEPS");
  app.add_option("--trace", arguments.trace, "with --profile: their events too, for chrome://tracing or Perfetto")
      ->needs("--profile")
      ->type_name("FILE");
  app.add_flag("--schema", arguments.schema, "print the JSON Schema of configurations");
  app.add_flag("--reference", arguments.reference, "print the reference page of configurations");
  app.add_option("--seed", arguments.seed, "in place of train.seed")->type_name("NUMBER");
  app.add_option("--threads", arguments.threads, "in place of train.threads; changes no bit of the result")
      ->type_name("NUMBER");
  return run_program(app, argc, argv, [&] {
    if (arguments.schema || arguments.reference) return describe(arguments);
    return on_ranks([&](Ranks& ranks) { return train(arguments, ranks); });
  });
}
