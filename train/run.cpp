#include "train/run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "core/hash.h"
#include "data/files.h"
#include "data/text/ngram.h"
#include "data/text/text_data.h"
#include "train/config/write_config.h"
#include "train/errors.h"
#include "train/output/event_file.h"
#include "train/output/log.h"
#include "train/output/metrics_log.h"
#include "train/output/progress.h"
#include "train/output/report.h"
#include "train/output/report_data.h"
#include "train/stop_signals.h"

namespace tempera {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
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

std::string kept_short(std::string_view text) {
  return text.size() <= 24 ? std::string(text) : std::string(text.substr(0, 21)) + "...";
}

// "lr is 0.001 there and 0.002 here, ..."; empty where nothing that makes a difference was changed.
std::string changes(const std::filesystem::path& folder, const std::string& config) {
  const std::filesystem::path file = folder / "config.yaml";
  if (!std::filesystem::exists(file)) return "its config.yaml is gone";
  const auto there = flat_config(load_config_text(file).yaml, file.string()), here = flat_config(config, "here");
  const auto value = [](const auto& all, const std::string& key) -> std::string {
    for (const auto& [name, text] : all)
      if (name == key) return text;
    return "not set";
  };
  std::vector<std::string> keys, told;
  for (const auto* all : {&there, &here})
    for (const auto& [key, text] : *all)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  for (const std::string& key : keys) {
    const std::string was = value(there, key), is = value(here, key);
    if (was == is || key == "name" || key == "folder" || key == "train.threads") continue;
    told.push_back(fmt::format("{} is {} there and {} here", key, kept_short(was), kept_short(is)));
  }
  constexpr std::size_t kTold = 4;
  const std::size_t more = told.size() - std::min(told.size(), kTold);
  told.resize(told.size() - more);
  return fmt::format("{}{}", fmt::join(told, ", "), more > 0 ? fmt::format(", and {} more", more) : "");
}

// What one run holds: folder, logs, clock.
class Session {
 public:
  Session(Experiment& experiment, Console& console, const Origins& origins, RunStart start,
          const std::filesystem::path& checkpoint)
      : e_(experiment),
        o_(experiment.options()),
        trainer_(experiment.trainer()),
        console_(console),
        config_(fingerprint(o_)),
        folder_(blame<SetupError>([&] { return open_folder(start); })) {
    blame<CheckpointError>([&] { folder_.checkpoints().clean(); });
    trainer_.checkpoint_in(folder_.checkpoints().path(), config_);
    if (start == RunStart::resume) go_on(checkpoint);
    logging_.emplace(console, folder_.log());
    folder_.write_config(write_config(o_, origins));
    const std::int64_t first = trainer_.steps_done();
    const std::optional<std::int64_t> resumed = first > 0 ? std::optional(first) : std::nullopt;
    metrics_.emplace(folder_.metrics(), resumed);
    events_.emplace(folder_.path(), resumed);
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
                              grouped(trainer_.parameters().count())));
    if (trainer_.steps_done() > 0) console_.line(fmt::format("goes on at step {}", grouped(trainer_.steps_done())));
    baseline();
    folder_.write_identity(identity_);
    StopSignals::hold();
    trainer_.should_stop = StopSignals::asked;
    const bool done = train() && finish();
    trainer_.should_stop = nullptr;
    if (done) return RunEnd::done;
    console_.line(fmt::format("stopped and saved at step {}; --resume goes on", grouped(trainer_.steps_done())));
    return RunEnd::stopped;
  }

 private:
  RunFolder open_folder(RunStart start) {
    const std::filesystem::path path = std::filesystem::path(o_.folder) / o_.name;
    if (start == RunStart::fresh) refuse_taken(path);
    if (start == RunStart::resume && std::filesystem::exists(path / "run.json")) {
      const bool same = read_identity(path).config_hash == config_;
      require(same, "train",
              "{} was made with another configuration: {}; set it back to go on, or give the run a new "
              "name with name=NAME",
              path.string(), changes(path, write_config(o_)));
    }
    return RunFolder(path, start);
  }

  // What somebody wants who gives the same command twice is not known, so both ways are told.
  void refuse_taken(const std::filesystem::path& path) const {
    if (!std::filesystem::exists(path / "run.json")) return;
    const RunIdentity there = read_identity(path);
    const std::string_view ways = "--overwrite trains anew, name=NAME trains beside it";
    if (there.finished.empty()) {
      const auto newest = CheckpointFolder(path / "checkpoints").newest();
      require(!newest, "train", "{} holds a run that was stopped at step {}; --resume goes on, {}", path.string(),
              newest ? grouped(newest->step) : "", ways);
      return;
    }
    require(there.config_hash != config_, "train",
            "{} holds a finished run of this very configuration; {}\n  its report: {}", path.string(), ways,
            (path / "report.html").string());
    fail("train", "{} holds a finished run of another configuration ({}); {}", path.string(),
         changes(path, write_config(o_)), ways);
  }

  // From the given checkpoint, or the newest that can be read. Where there is none the run begins.
  void go_on(const std::filesystem::path& checkpoint) {
    if (!checkpoint.empty()) return trainer_.resume(checkpoint);
    std::vector<CheckpointPath> all = folder_.checkpoints().complete();
    if (all.empty()) console_.line(fmt::format("{} holds no checkpoint yet; starting anew", folder_.path().string()));
    for (; !all.empty(); all.pop_back()) try {
        return trainer_.resume(all.back().path);
      } catch (const CheckpointError& error) {
        if (all.size() == 1) throw;
        log(LogLevel::warning, "{}\n  trying the checkpoint before it", error.what());
      }
  }

  void baseline() {
    if (o_.baseline == 0) return;
    const auto* train = dynamic_cast<const TokenWindows*>(e_.data().train.get());
    const auto* valid = dynamic_cast<const TokenWindows*>(e_.data().valid.get());
    blame<SetupError>([&] {
      require(train && valid, "train", "a baseline was asked for, but the data are no text; set baseline: 0");
    });
    const int order = static_cast<int>(o_.baseline);
    const double loss = ngram_baseline(train->tokens(), valid->tokens(), order, train->description().vocabulary);
    identity_.baselines.emplace_back(fmt::format("{}-gram", order), loss);
    console_.line(fmt::format("{}-gram baseline: validation loss {:.4f}", order, loss));
  }

  bool train() {
    Progress progress(console_, {.first = trainer_.steps_done(), .total = o_.train.steps, .unit = "samples"});
    std::int64_t samples = 0;
    trainer_.on_evaluation = [&](const EvaluationReport& report) {
      valid_ = report.metrics[0].value;
      record(report.step, report.epoch, "valid", report.metrics);
    };
    trainer_.on_step = [&](const StepReport& report) {
      samples += report.samples;
      after_step(report);
      std::array<ProgressValue, 2> shown{{{"loss", report.metrics[0].value}, {"valid", valid_}}};
      progress.update(report.step, samples, std::span(shown).first(std::isfinite(valid_) ? 2 : 1));
    };
    const bool done = trainer_.run();
    trainer_.on_step = nullptr;
    trainer_.on_evaluation = nullptr;
    progress.finish();
    return done;
  }

  void after_step(const StepReport& report) {
    constexpr std::int64_t kLogged = 500;  // points of a curve
    const std::int64_t stride = std::max<std::int64_t>(1, o_.train.steps / kLogged);
    epoch_ = report.epoch;
    if (report.step % stride == 0) {
      NamedValues values = report.metrics;
      values.push_back({"lr", report.lr});
      values.push_back({"gradient_norm", report.gradient_norm});
      record(report.step, report.epoch, "train", values);
    }
    if (o_.sample.every > 0 && report.step % o_.sample.every == 0 && report.step < o_.train.steps) sample();
  }

  void record(std::int64_t step, double epoch, std::string_view split, const NamedValues& values) {
    metrics_->add(step, epoch, seconds_now() - started_, split, values);
    events_->add(wall_seconds(), step, split, values);
  }

  void sample() {
    if (o_.sample.tokens == 0) return;
    const Trainer::Averaged weights(trainer_);
    const std::vector<std::string> texts = write_text(e_.language(), *e_.data().tokenizer, o_.sample.prompt, o_.sample);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string title = texts.size() == 1 ? "sample" : fmt::format("sample {}", i + 1);
      folder_.write_text(title, trainer_.steps_done(), o_.sample.prompt, texts[i]);
      console_.line(fmt::format("{} at step {}:\n{}", title, grouped(trainer_.steps_done()), texts[i]));
    }
  }

  // False where somebody asked to stop meanwhile; a resumed run does it again.
  bool finish() {
    if (trainer_.stopped_early())
      console_.line(fmt::format("stopped early: no better {} in {} evaluations", o_.train.stopping.metric,
                                o_.train.stopping.patience));
    try {
      end_results();
    } catch (const Stopped&) {
      return false;
    }
    sample();
    identity_.finished = utc_now();
    identity_.weights_sha256 = trainer_.weights_hash();
    folder_.write_identity(identity_);
    const std::filesystem::path runs[] = {folder_.path()};
    const std::string page = report_page(runs);
    replace_file(folder_.report(), std::as_bytes(std::span(page)));
    console_.line(fmt::format("report {}", folder_.report().string()));
    console_.line(fmt::format("done  {} steps  {:.1f} s  weights sha256 {}", grouped(trainer_.steps_done()),
                              seconds_now() - started_, identity_.weights_sha256));
    return true;
  }

  // Of the best checkpoint and of the last weights, over the whole sets. Recorded are those of tests, and last the
  // validation set's; a run that is resumed drops them (metrics_log.h).
  void end_results() {
    const DataSource& data = e_.data();
    const std::int64_t last = trainer_.steps_done();
    if (const auto best = folder_.checkpoints().best(); best && best->step != last) {
      const auto of_best = [&](const Dataset& set) { return trainer_.evaluate_checkpoint(best->path, set); };
      const double epoch = epoch_ * static_cast<double>(best->step) / static_cast<double>(last);
      if (data.valid) tell("best", best->step, "valid", of_best(*data.valid));
      if (data.test) record(best->step, epoch, "test", tell("best", best->step, "test", of_best(*data.test)));
    }
    NamedValues valid;
    if (data.valid) valid = tell("last", last, "valid", trainer_.evaluate(*data.valid));
    if (data.test) record(last, epoch_, "test", tell("last", last, "test", trainer_.evaluate(*data.test)));
    if (data.valid) record(last, epoch_, "valid", valid);
  }

  const NamedValues& tell(std::string_view which, std::int64_t step, std::string_view split,
                          const NamedValues& values) {
    std::string text = fmt::format("{}  step {}  {}", which, grouped(step), split);
    for (const NamedValue& metric : values) text += fmt::format("  {} {:.4f}", metric.name, metric.value);
    console_.line(text);
    return values;
  }

  Experiment& e_;
  ExperimentOptions& o_;
  Trainer& trainer_;
  Console& console_;
  std::string config_;
  RunFolder folder_;
  std::optional<Logging> logging_;
  std::optional<MetricsLog> metrics_;
  std::optional<EventFile> events_;
  RunIdentity identity_;
  double started_ = 0, epoch_ = 0;
  double valid_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace

RunEnd run_experiment(Experiment& experiment, Console& console, const Origins& origins, RunStart start,
                      const std::filesystem::path& checkpoint) {
  return Session(experiment, console, origins, start, checkpoint).run();
}

}  // namespace tempera
