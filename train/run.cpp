#include "train/run.h"

#include <array>
#include <chrono>
#include <cmath>
#include <tbb/info.h>
#include <utility>

#include "data/files.h"
#include "data/text/ngram.h"
#include "data/text/text_data.h"
#include "train/answers.h"
#include "train/attention_figures.h"
#include "train/attention_maps.h"
#include "train/config/write_config.h"
#include "train/continual/stream_report.h"
#include "train/errors.h"
#include "train/findings.h"
#include "train/fingerprint.h"
#include "train/fourier_figures.h"
#include "train/output/event_file.h"
#include "train/output/log.h"
#include "train/output/metrics_log.h"
#include "train/output/progress.h"
#include "train/output/report.h"
#include "train/results.h"
#include "train/stop_signals.h"

namespace tempera {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// What one run holds: folder, logs, clock.
class Session {
 public:
  Session(Experiment& experiment, RunScreens screens, const Origins& origins, RunStart start,
          const std::filesystem::path& checkpoint)
      : e_(experiment),
        o_(experiment.options()),
        trainer_(experiment.trainer()),
        ranks_(trainer_.ranks()),
        fourier_(experiment),
        screens_(screens),
        config_(fingerprint(o_)),
        folder_(blame<SetupError>([&] { return open_folder(start); })) {
    if (ranks_.leads()) blame<CheckpointError>([&] { folder_.checkpoints().clean(); });
    ranks_.barrier();  // now the folder is what all go on from
    trainer_.checkpoint_in(folder_.checkpoints().path(), config_);
    logging_.emplace(screens.progress, ranks_.leads() ? folder_.log() : std::filesystem::path());
    if (start == RunStart::resume) go_on(checkpoint);
    started_ = seconds_now();
    if (ranks_.leads()) open_records();
    folder_.write_config(write_config(o_, origins));
    identity_.name = o_.name;
    identity_.seed = static_cast<std::int64_t>(o_.train.seed);
    identity_.config_hash = config_;
    identity_.code_version = TEMPERA_VERSION;
    identity_.machine = machine_description();
    identity_.threads = o_.train.threads;
    identity_.ranks = ranks_.size();
    identity_.started = utc_now();
  }

  RunEnd run() {
    log(LogLevel::info, "run {}  seed {}  config {}  {} parameters", o_.name, o_.train.seed, config_,
        grouped(trainer_.parameters().count()));
    tell_ranks();
    if (trainer_.steps_done() > 0) log(LogLevel::info, "goes on at step {}", grouped(trainer_.steps_done()));
    else if (const std::string from = start_from(o_.start_from, o_.train.seed, o_.folder, trainer_.parameters());
             !from.empty())
      log(LogLevel::info, "{}", from);
    baseline();
    folder_.write_identity(identity_);
    StopSignals::hold();
    trainer_.should_stop = StopSignals::asked;
    const bool done = train() && finish();
    trainer_.should_stop = nullptr;
    if (done) return RunEnd::done;
    log(LogLevel::info, "stopped and saved at step {}; --resume goes on", grouped(trainer_.steps_done()));
    return RunEnd::stopped;
  }

 private:
  RunFolder open_folder(RunStart start) {
    const std::filesystem::path path = std::filesystem::path(o_.folder) / o_.name;
    if (!ranks_.leads()) return RunFolder(path, RunStart::follow);
    if (start == RunStart::fresh) refuse_taken(path);
    if (start == RunStart::resume && std::filesystem::exists(path / "run.json")) {
      const bool same = read_identity(path).config_hash == config_ && !defaults_changed(path, o_);
      require(same, "train",
              "{} was made with another configuration: {}; set it back to go on, or give the run a new "
              "name with name=NAME",
              path.string(), config_changes(path, o_));
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
    fail("train", "{} holds a finished run of another configuration ({}); {}", path.string(), config_changes(path, o_),
         ways);
  }

  // How the work is shared, and what it costs where that was not meant so.
  void tell_ranks() const {
    if (ranks_.size() == 1) return;
    const Index shards = trainer_.shards();
    log(LogLevel::info, "{} ranks of {} {}, {} shards a step", ranks_.size(), o_.train.threads,
        o_.train.threads == 1 ? "thread" : "threads", shards);
    if (shards < ranks_.size())
      log(LogLevel::warning,
          "{} of {} ranks have nothing to do: a step has {} shards; more come of a smaller train.shard",
          ranks_.size() - shards, ranks_.size(), shards);
    if (const int cores = tbb::info::default_concurrency(); cores < o_.train.threads)
      log(LogLevel::warning, "the {} threads of a rank share {} {}; start it with `mpirun --bind-to none`",
          o_.train.threads, cores, cores == 1 ? "core" : "cores");
  }

  void open_records() {
    const std::int64_t first = trainer_.steps_done();
    const std::optional<std::int64_t> resumed = first > 0 ? std::optional(first) : std::nullopt;
    metrics_.emplace(folder_.metrics(), resumed);
    events_.emplace(folder_.path(), resumed);
    started_ -= metrics_->time();
  }

  // From the given checkpoint, or the newest that can be read. Where there is none the run begins.
  void go_on(const std::filesystem::path& checkpoint) {
    if (!checkpoint.empty()) return trainer_.resume(checkpoint);
    // All ranks try what the first one sees.
    const std::vector<CheckpointPath> all = folder_.checkpoints().complete();
    const auto count = static_cast<std::size_t>(ranks_.told(static_cast<double>(all.size())));
    if (count == 0) log(LogLevel::info, "{} holds no checkpoint yet; starting anew", folder_.path().string());
    for (std::size_t left = count; left > 0; --left) try {
        const double step = ranks_.told(ranks_.leads() ? static_cast<double>(all[left - 1].step) : 0);
        return trainer_.resume(folder_.checkpoints().at(static_cast<std::int64_t>(step)));
      } catch (const CheckpointError& error) {
        if (left == 1) throw;
        log(LogLevel::warning, "{}\n  trying the checkpoint before it", error.what());
      }
  }

  void baseline() {
    if (o_.baseline == 0 || !ranks_.leads()) return;
    const auto* train = dynamic_cast<const TokenWindows*>(e_.data().train.get());
    const auto* valid = dynamic_cast<const TokenWindows*>(e_.data().valid.get());
    blame<SetupError>([&] {
      require(train && valid, "train", "a baseline was asked for, but the data are no text; set baseline: 0");
    });
    const int order = static_cast<int>(o_.baseline);
    const double loss = ngram_baseline(train->tokens(), valid->tokens(), order, train->description().vocabulary);
    identity_.baselines.emplace_back(fmt::format("{}-gram", order), loss);
    log(LogLevel::info, "{}-gram baseline: validation loss {:.4f}", order, loss);
  }

  bool train() {
    Progress progress(screens_.progress, {.first = trainer_.steps_done(), .total = o_.train.steps, .unit = "samples"});
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
    // What stands before a checkpoint is there when the run goes on from it.
    const auto others = trainer_.on_checkpoint;
    trainer_.on_checkpoint = [&](const CheckpointReport& report) {
      if (ranks_.leads())
        keep_going([this] {
          metrics_->sync();
          events_->sync();
        });
      if (others) others(report);
    };
    const bool done = trainer_.run();
    trainer_.on_step = nullptr;
    trainer_.on_evaluation = nullptr;
    trainer_.on_checkpoint = others;
    progress.finish();
    return done;
  }

  void after_step(const StepReport& report) {
    constexpr std::int64_t kLogged = 500;  // points of a curve
    const std::int64_t stride = std::max<std::int64_t>(1, o_.train.steps / kLogged);
    if (report.step % stride == 0) {
      NamedValues values = report.metrics;
      values.push_back({"lr", report.lr});
      values.push_back({"gradient_norm", report.gradient_norm});
      const Trainer::WeightFigures weights = trainer_.weight_figures();
      values.push_back({"weight_norm", weights.norm});
      values.push_back({"alignment", weights.alignment});
      for (const NamedValue& value : fourier_.metrics()) values.push_back(value);
      record(report.step, report.epoch, "train", values);
    }
    if (const ContinualLearner* learner = e_.continual())
      if (const auto done = learner->ended(report.step))
        for (const StreamFigures& figures : stream_figures(*learner, *done))
          record(report.step, report.epoch, figures.split, figures.values);
    if (o_.sample.every > 0 && report.step % o_.sample.every == 0 && report.step < o_.train.steps) sample();
  }

  void record(std::int64_t step, double epoch, std::string_view split, const NamedValues& values) {
    if (!ranks_.leads()) return;
    keep_going([&] {
      metrics_->add(step, epoch, seconds_now() - started_, split, values);
      events_->add(wall_seconds(), step, split, values);
    });
  }

  // A full disk, say: the weights are worth more than the record.
  template <class F>
  void keep_going(F&& write) {
    try {
      write();
    } catch (const Error& error) {
      if (!std::exchange(lost_records_, true))
        log(LogLevel::warning, "{}\n  training goes on; measurements are lost as long as this lasts", error.what());
    }
  }

  void sample() {
    if (o_.sample.tokens == 0) return;
    const Trainer::Averaged weights(trainer_);
    const auto heed_signals = [this](Index, std::string_view) { trainer_.heed_stop(); };
    const std::vector<std::string> texts =
        write_text(e_.language(), *e_.data().tokenizer, o_.sample.prompt, o_.sample, heed_signals);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string title = texts.size() == 1 ? "sample" : fmt::format("sample {}", i + 1);
      keep_going([&] { folder_.write_text(title, trainer_.steps_done(), o_.sample.prompt, texts[i]); });
      log(LogLevel::info, "{} at step {}:\n{}", title, grouped(trainer_.steps_done()), texts[i]);
    }
  }

  // False where somebody asked to stop meanwhile; a resumed run does it again.
  bool finish() {
    if (trainer_.stopped_early())
      log(LogLevel::info, "stopped early: no better {} in {} evaluations", o_.train.stopping.metric,
          o_.train.stopping.patience);
    try {
      end_results();
      sample();
    } catch (const Stopped&) {
      return false;
    }
    {
      const Trainer::Averaged weights(trainer_);
      write_attention_maps(e_, folder_);
      if (const auto picture = fourier_.picture())
        folder_.write_matrix("Fourier power of the embeddings, by frequency", trainer_.steps_done(), *picture);
      write_answers(e_, folder_);
    }
    if (e_.continual()) write_accuracy_matrices(*e_.continual(), folder_, trainer_.steps_done());
    if (ranks_.leads()) conclude();
    return true;
  }

  void conclude() {
    write_results(folder_.path(), results());
    identity_.finished = utc_now();
    identity_.weights_sha256 = trainer_.weights_hash();
    folder_.write_identity(identity_);
    const std::filesystem::path runs[] = {folder_.path()};
    const std::string page = report_page(runs);
    replace_file(folder_.report(), std::as_bytes(std::span(page)));
    result(fmt::format("report {}", folder_.report().string()));
    result(fmt::format("done  {} steps  {:.1f} s  weights sha256 {}", grouped(trainer_.steps_done()),
                       seconds_now() - started_, identity_.weights_sha256));
  }

  // The best checkpoint where it is not the last one; all ranks go by what the first one sees.
  std::optional<CheckpointPath> other_best() const {
    const auto best = folder_.checkpoints().best();
    const auto step = static_cast<std::int64_t>(ranks_.told(best ? static_cast<double>(best->step) : -1));
    if (step < 0 || step == trainer_.steps_done()) return std::nullopt;
    return CheckpointPath{step, folder_.checkpoints().at(step)};
  }

  // Of the best checkpoint and of the last weights, over the whole sets. Recorded are those of tests, and last the
  // validation set's; a run that is resumed drops them (metrics_log.h).
  void end_results() {
    const DataSource& data = e_.data();
    const std::int64_t last = trainer_.steps_done();
    if (const auto best = other_best()) {
      const auto of_best = [&](const Dataset& set) { return trainer_.evaluate_checkpoint(best->path, set); };
      const double epoch = trainer_.epoch() * static_cast<double>(best->step) / static_cast<double>(last);
      if (data.valid) tell("best", best->step, "valid", of_best(*data.valid));
      if (data.test) record(best->step, epoch, "test", tell("best", best->step, "test", of_best(*data.test)));
      for (const FurtherTest& test : e_.further_tests())
        record(best->step, epoch, test.split(), tell("best", best->step, test.split(), of_best(*test.set)));
    }
    NamedValues valid;
    if (data.valid) valid = tell("last", last, "valid", look_closely("validation set", *data.valid));
    if (data.test) {
      NamedValues values = look_closely("test set", *data.test);
      if (!e_.further_tests().empty()) compare(values, *data.test);
      tell_test("test", values, *data.test);
    }
    for (const FurtherTest& test : e_.further_tests()) {
      NamedValues values = trainer_.evaluate(*test.set);
      compare(values, *test.set);
      tell_test(test.split(), values, *test.set);
    }
    if (data.valid) record(last, trainer_.epoch(), "valid", valid);
  }

  // All metrics of the last weights over a set, with those that take a look at every answer; a picture of the answers.
  NamedValues look_closely(std::string_view title, const Dataset& set) {
    NamedValues values = trainer_.evaluate(set);
    const Trainer::Averaged weights(trainer_);
    const Findings found = findings(e_, set, values);
    for (const NamedValue& value : found.metrics) values.push_back(value);
    if (found.confusion) folder_.write_confusion(title, trainer_.steps_done(), *found.confusion);
    return values;
  }

  // How widely attention looks, for test sets that are compared.
  void compare(NamedValues& values, const Dataset& set) {
    const Trainer::Averaged weights(trainer_);
    for (const NamedValue& value : attention_figures(e_, set)) values.push_back(value);
  }

  void tell_test(std::string_view split, NamedValues values, const Dataset& set) {
    tell("last", trainer_.steps_done(), split, values);
    if (const auto length = sequence_length(set.description()); length && !e_.further_tests().empty())
      values.push_back({"length", static_cast<double>(*length)});
    record(trainer_.steps_done(), trainer_.epoch(), split, values);
  }

  NamedValues tell(std::string_view which, std::int64_t step, std::string_view split, const NamedValues& values) {
    std::string text = fmt::format("{}  step {}  {}", which, grouped(step), split);
    for (const NamedValue& metric : values) {
      text += fmt::format("  {} {:.4f}", metric.name, metric.value);
      if (which == "best") set_result(best_, "best_" + result_name(split, metric.name), metric.value);
    }
    result(text);
    return values;
  }

  Results results() const {
    const std::int64_t steps = trainer_.steps_done(), best = trainer_.best_step();
    const std::vector<MetricRecord> records = read_metrics(folder_.metrics());
    Results all = last_values(records), of_best = best_;
    if (of_best.empty()) of_best = last_as_best(records, all);
    all.insert(all.end(), of_best.begin(), of_best.end());
    all.emplace_back("steps", static_cast<double>(steps));
    all.emplace_back("best_step", static_cast<double>(best > 0 ? best : steps));
    const double seconds = seconds_now() - started_;
    all.emplace_back("seconds", seconds);
    all.emplace_back("steps_per_second", static_cast<double>(steps) / seconds);
    all.emplace_back("parameters", static_cast<double>(trainer_.parameters().count()));
    all.emplace_back("peak_memory", peak_memory());
    for (const auto& [name, loss] : identity_.baselines) all.emplace_back("baseline_loss", loss);
    return all;
  }

  // The last weights are the best, or nothing says which are. Only what is measured of both is named so.
  Results last_as_best(std::span<const MetricRecord> records, const Results& last) const {
    const std::vector<double> sums(static_cast<std::size_t>(e_.learner().sum_count()));
    Results of_best;
    for (const MetricRecord& record : records)
      for (const NamedValue& metric : e_.learner().metrics(sums)) {
        const std::string name = result_name(record.split, metric.name);
        const double* value = find_result(last, name);
        const bool of_both = record.split == "valid" || record.split.starts_with("test");
        if (of_both && value != nullptr) set_result(of_best, "best_" + name, *value);
      }
    return of_best;
  }

  void result(std::string_view text) {
    screens_.results.line(text);
    log_to_file(text);
  }

  Experiment& e_;
  ExperimentOptions& o_;
  Trainer& trainer_;
  Ranks& ranks_;
  FourierFigures fourier_;
  RunScreens screens_;
  std::string config_;
  RunFolder folder_;
  std::optional<Logging> logging_;
  std::optional<MetricsLog> metrics_;
  std::optional<EventFile> events_;
  RunIdentity identity_;
  Results best_;  // of the best weights, where they are not the last
  double started_ = 0;
  bool lost_records_ = false;
  double valid_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace

RunEnd run_experiment(Experiment& experiment, RunScreens screens, const Origins& origins, RunStart start,
                      const std::filesystem::path& checkpoint) {
  return Session(experiment, screens, origins, start, checkpoint).run();
}

}  // namespace tempera
