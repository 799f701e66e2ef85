// diff RUN RUN: where two runs part.
#include <cstdio>

#include "apps/support/exit_code.h"
#include "train/config/read_config.h"
#include "train/output/report_data.h"
#include "train/parting.h"
#include "train/stop_signals.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

fs::path folder_of(const std::string& run) {
  const fs::path folder = fs::exists(fs::path(run) / "config.yaml") ? fs::path(run) : "runs" / fs::path(run);
  blame<SetupError>([&] {
    require(fs::exists(folder / "config.yaml"), "diff", "'{}' is no run: there is no config.yaml in it", run);
  });
  return folder;
}

void show_settings(const ReportRun& a, const ReportRun& b) {
  const ReportRun runs[] = {a, b};
  const ReportGroup groups[] = {{"", {0}}, {"", {1}}};
  for (const Difference& difference : differences(runs, groups))
    std::printf("  %s: %s and %s\n", difference.key.c_str(), difference.values[0].c_str(),
                difference.values[1].c_str());
  if (a.identity.seed != b.identity.seed)
    std::printf("  train.seed: %lld and %lld\n", static_cast<long long>(a.identity.seed),
                static_cast<long long>(b.identity.seed));
}

// Both trained anew, side by side.
std::optional<Parting> replayed(const fs::path& a, const fs::path& b, std::int64_t steps) {
  ExperimentOptions options[2];
  read_config(load_config_text(a / "config.yaml"), {}, options[0]);
  read_config(load_config_text(b / "config.yaml"), {}, options[1]);
  Experiment one(options[0]), other(options[1]);
  const std::int64_t most = std::min(options[0].train.steps, options[1].train.steps);
  return part_in_replay(one, other, steps > 0 ? std::min(steps, most) : most,
                        [](std::int64_t) { return StopSignals::asked(); });
}

int diff(const std::string& first, const std::string& second, bool replay, std::int64_t steps) {
  const fs::path a = folder_of(first), b = folder_of(second);
  const ReportRun one = read_run(a), other = read_run(b);
  show_settings(one, other);
  if (replay) {
    const StopSignals signals;
    const std::optional<Parting> parting = replayed(a, b, steps);
    if (StopSignals::asked()) return kInterrupted;
    if (parting) std::printf("parameters part at %s\n", parting->text().c_str());
    else std::printf("the same parameters after every step\n");
    return parting ? kFailed : kDone;
  }
  const std::optional<Parting> metric = part_in_records(one.records, other.records);
  if (metric) std::printf("measurements part at %s\n", metric->text().c_str());
  else std::printf("no measurement that both recorded differs\n");
  int compared = 0;
  const std::optional<Parting> weight = part_in_checkpoints(a, b, compared);
  if (weight) std::printf("checkpoints part at %s; --replay finds the step\n", weight->text().c_str());
  else std::printf("%d checkpoints of the same step are alike\n", compared);
  return metric || weight ? kFailed : kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Finds the first step at which two runs part: the first measurement and the first parameter that differ in any\n"
      "bit, from what they recorded and from checkpoints of the same step.",
      "diff");
  app.footer("Exit codes: 0 nothing differs, 1 something does, 2 configuration, 3 data, 5 checkpoint, 130 stopped.\n");
  std::string first, second;
  bool replay = false;
  std::int64_t steps = 0;
  app.add_option("RUN", first, "folder or name of a run")->required()->type_name("");
  app.add_option("OTHER", second, "the other")->required()->type_name("");
  app.add_flag("--replay", replay, "train both anew, side by side, and compare all parameters after every step");
  app.add_option("--steps", steps, "with --replay: no more than so many")->needs("--replay")->type_name("NUMBER");
  return run_program(app, argc, argv, [&] { return diff(first, second, replay, steps); });
}
