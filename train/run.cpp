#include "train/run.h"

#include <chrono>
#include <cmath>

#include "core/hash.h"
#include "data/files.h"
#include "data/text/ngram.h"
#include "data/text/text_data.h"
#include "train/artifacts.h"
#include "train/checkpoint.h"
#include "train/config/write_config.h"
#include "train/output/log.h"
#include "train/output/metrics_log.h"
#include "train/output/progress.h"
#include "train/output/report.h"
#include "train/stop_signals.h"

namespace tempera {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string fingerprint(ExperimentOptions& options) {
  // Where a run writes and how many threads it takes change no bit of it.
  const std::string name = options.name, folder = options.folder;
  const int threads = std::exchange(options.train.threads, 1);
  options.name = options.folder = "";
  const std::uint64_t hash = fnv1a(write_config(options));
  options.name = name;
  options.folder = folder;
  options.train.threads = threads;
  return fmt::format("{:016x}", hash);
}

// What one run holds: folder, logs, clock.
class Session {
 public:
  Session(Experiment& experiment, Console& console, const Origins& origins, RunStart start)
      : e_(experiment),
        o_(experiment.options()),
        console_(console),
        config_(fingerprint(o_)),
        folder_(std::filesystem::path(o_.folder) / o_.name, start) {
    const bool resume = start == RunStart::resume;
    if (resume) go_on();
    logging_.emplace(console, folder_.log());
    folder_.write_config(write_config(o_, origins));
    metrics_.emplace(folder_.metrics(), resume ? std::optional(e_.trainer().steps_done()) : std::nullopt);
    started_ = seconds_now() - metrics_->time();
    identity_.name = o_.name;
    identity_.seed = static_cast<std::int64_t>(o_.train.seed);
    identity_.config_hash = config_;
    identity_.code_version = TEMPERA_VERSION;
    identity_.machine = machine_description();
    identity_.threads = o_.train.threads;
    identity_.started = utc_now();
  }

  RunEnd run() {
    console_.line(fmt::format("run {}  seed {}  config {}  {} parameters", o_.name, o_.train.seed, config_,
                              grouped(e_.trainer().parameters().count())));
    baseline();
    folder_.write_identity(identity_);
    const StopSignals signals;
    Progress progress(console_, {.first = e_.trainer().steps_done(), .total = o_.train.steps, .unit = "samples"});
    std::int64_t samples = 0;
    e_.trainer().on_step = [&](const StepReport& report) {
      samples += report.samples;
      after_step(report);
      std::vector<ProgressValue> shown{{"loss", report.metrics[0].value}};
      if (std::isfinite(valid_)) shown.push_back({"valid", valid_});
      progress.update(report.step, samples, shown);
    };
    const bool done = e_.trainer().run(StopSignals::asked);
    e_.trainer().on_step = nullptr;
    progress.finish();
    if (saved_ != e_.trainer().steps_done()) save();
    if (!done) {
      console_.line(fmt::format("stopped and saved at step {}; go on with --resume", e_.trainer().steps_done()));
      return RunEnd::stopped;
    }
    finish();
    return RunEnd::done;
  }

 private:
  void go_on() {
    std::vector<CheckpointPath> all = folder_.checkpoints();
    require(!all.empty(), "train", "{} holds no complete checkpoint to go on from; leave out --resume",
            folder_.path().string());
    for (; !all.empty(); all.pop_back()) try {
        e_.trainer().resume(all.back().path, config_);
        return;
      } catch (const Error& error) {
        if (all.size() == 1) throw;
        log(LogLevel::warning, "{}\n  trying the checkpoint before it", error.what());
      }
  }

  void baseline() {
    if (o_.baseline == 0) return;
    const auto* train = dynamic_cast<const TokenWindows*>(e_.data().train.get());
    const auto* valid = dynamic_cast<const TokenWindows*>(e_.data().valid.get());
    require(train && valid, "train", "a baseline was asked for, but the data are no text; set baseline: 0");
    const int order = static_cast<int>(o_.baseline);
    const double loss = ngram_baseline(train->tokens(), valid->tokens(), order, train->description().vocabulary);
    identity_.baselines.emplace_back(fmt::format("{}-gram", order), loss);
    console_.line(fmt::format("{}-gram baseline: validation loss {:.4f}", order, loss));
  }

  void after_step(const StepReport& report) {
    constexpr std::int64_t kLogged = 500;  // points of a curve
    const std::int64_t stride = std::max<std::int64_t>(1, o_.train.steps / kLogged);
    if (report.step % stride == 0) {
      std::vector<Metric> values = report.metrics;
      values.push_back({"lr", report.lr});
      values.push_back({"gradient_norm", report.gradient_norm});
      metrics_->add(report.step, report.epoch, seconds_now() - started_, "train", values);
    }
    epoch_ = report.epoch;
    if (o_.evaluate.every > 0 && report.step % o_.evaluate.every == 0)
      evaluate("valid", e_.data().valid, o_.evaluate.samples);
    if (o_.checkpoint.every > 0 && report.step % o_.checkpoint.every == 0) save();
  }

  // `closely`: with what takes a look at every answer (train/artifacts.h).
  void evaluate(const char* split, const std::shared_ptr<const Dataset>& set, std::int64_t samples,
                bool closely = false) {
    if (!set) return;
    last_ = e_.trainer().evaluate(*set, samples);
    if (closely) {
      const Findings found = findings(e_, *set, last_);
      last_.insert(last_.end(), found.metrics.begin(), found.metrics.end());
      if (found.confusion) folder_.write_confusion(split, e_.trainer().steps_done(), *found.confusion);
    }
    if (split == std::string_view("valid")) valid_ = last_[0].value;
    metrics_->add(e_.trainer().steps_done(), epoch_, seconds_now() - started_, split, last_);
  }

  void save() {
    saved_ = e_.trainer().steps_done();
    e_.trainer().save(folder_.checkpoint(saved_), config_);
    std::vector<std::filesystem::path> paths;
    for (const CheckpointPath& checkpoint : folder_.checkpoints()) paths.push_back(checkpoint.path);
    prune_checkpoints(paths, static_cast<int>(o_.checkpoint.keep), {});
  }

  std::string results(const char* split) const {
    std::string text = split;
    for (const Metric& metric : last_) text += fmt::format("  {} {:.4f}", metric.name, metric.value);
    return text;
  }

  void finish() {
    for (const auto& [split, set] : {std::pair{"valid", e_.data().valid}, std::pair{"test", e_.data().test}}) {
      if (!set) continue;
      evaluate(split, set, 0, true);
      console_.line(results(split));
    }
    write_attention_maps(e_, folder_);
    if (o_.sample.tokens > 0) {
      const std::string text = e_.generate(o_.sample.prompt, o_.sample.tokens, o_.sample.temperature, o_.train.seed);
      folder_.write_text("sample", e_.trainer().steps_done(), o_.sample.prompt, text);
      console_.line(text);
    }
    identity_.finished = utc_now();
    identity_.weights_sha256 = e_.trainer().weights_hash();
    folder_.write_identity(identity_);
    const std::filesystem::path runs[] = {folder_.path()};
    const std::string page = report_page(runs);
    replace_file(folder_.report(), std::as_bytes(std::span(page)));
    console_.line(fmt::format("report {}", folder_.report().string()));
    console_.line(fmt::format("done  {} steps  {:.1f} s  weights {}", e_.trainer().steps_done(),
                              seconds_now() - started_, identity_.weights_sha256));
  }

  Experiment& e_;
  ExperimentOptions& o_;
  Console& console_;
  std::string config_;
  RunFolder folder_;
  std::optional<Logging> logging_;
  std::optional<MetricsLog> metrics_;
  RunIdentity identity_;
  double started_ = 0, epoch_ = 0;
  double valid_ = std::numeric_limits<double>::quiet_NaN();
  std::vector<Metric> last_;
  std::int64_t saved_ = -1;
};

}  // namespace

RunEnd run_experiment(Experiment& experiment, Console& console, const Origins& origins, RunStart start) {
  return Session(experiment, console, origins, start).run();
}

}  // namespace tempera
