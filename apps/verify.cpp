// verify RUN: trains a finished run again from its configuration and compares the bits.
#include <cstdio>

#include "apps/support/exit_code.h"
#include "train/config/read_config.h"
#include "train/fingerprint.h"
#include "train/output/report_data.h"
#include "train/parting.h"
#include "train/stop_signals.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

// The folder of a run that is named by it or, below runs/, by its name.
fs::path folder_of(const std::string& run) {
  const fs::path folder = fs::exists(fs::path(run) / "run.json") ? fs::path(run) : "runs" / fs::path(run);
  blame<SetupError>([&] {
    require(fs::exists(folder / "run.json"), "verify", "'{}' is no run: there is no run.json in it", run);
    require(!read_identity(folder).finished.empty(), "verify", "{} is not finished; train --resume goes on",
            folder.string());
  });
  return folder;
}

int verify(const std::string& name, std::optional<int> threads) {
  const fs::path folder = folder_of(name);
  const ReportRun run = read_run(folder);
  ExperimentOptions options;
  std::vector<std::string> overrides;
  if (threads) overrides.push_back(fmt::format("train.threads={}", *threads));
  read_config(load_config_text(folder / "config.yaml"), overrides, options);
  const StopSignals signals;
  Experiment experiment(options);
  Trainer& trainer = experiment.trainer();
  trainer.should_stop = StopSignals::asked;
  const std::optional<Parting> parting = replay(experiment, run.records);
  if (StopSignals::asked()) return kInterrupted;
  const std::string hash = trainer.weights_hash();
  if (!parting && hash == run.identity.weights_sha256) {
    std::printf("%s  the same weights after %lld steps  sha256 %s\n", folder.c_str(),
                static_cast<long long>(trainer.steps_done()), hash.c_str());
    return kDone;
  }
  if (parting) std::printf("%s  parts from its replay at %s\n", folder.c_str(), parting->text().c_str());
  else
    std::printf("%s  other weights: sha256 %s, the replay has %s\n", folder.c_str(),
                run.identity.weights_sha256.c_str(), hash.c_str());
  if (fingerprint(options) != run.identity.config_hash)
    std::printf("  its config.yaml is no longer the one it was trained with\n");
  if (run.identity.machine != machine_description())
    std::printf("  it ran on another machine (%s); the same bits are promised on the same processor and build\n",
                run.identity.machine.c_str());
  return kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Trains a finished run again from its config.yaml, writing nothing, and compares: every recorded loss on the\n"
      "way, and the SHA-256 of the weights at the end.",
      "verify");
  app.footer("Exit codes: 0 the same bits, 1 others, 2 configuration, 3 data, 130 stopped.\n");
  std::string run;
  std::optional<int> threads;
  app.add_option("RUN", run, "folder or name of a run")->required()->type_name("");
  app.add_option("--threads", threads, "in place of those of the run; changes no bit")->type_name("NUMBER");
  return run_program(app, argc, argv, [&] { return verify(run, threads); });
}
