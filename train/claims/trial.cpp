#include "train/claims/trial.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "train/fingerprint.h"
#include "train/output/run_folder.h"
#include "train/results.h"

namespace tempera {
namespace {

constexpr std::size_t kQuickSeeds = 3;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The first record of the metric that reaches the threshold; with none, the steps of the run.
Observed first_reach(const StepsTo& wanted, const std::filesystem::path& run) {
  double last = 0;
  for (const MetricRecord& record : read_metrics(run / "metrics.jsonl")) {
    last = std::max(last, static_cast<double>(record.step));
    for (const auto& [name, value] : record.values)
      if (result_name(record.split, name) == wanted.metric &&
          (wanted.at_least ? value >= *wanted.at_least : value <= *wanted.at_most))
        return {static_cast<double>(record.step), false};
  }
  return {last, true};
}

}  // namespace

Observed observe(const Expectation& expectation, const std::filesystem::path& run) {
  if (expectation.counts_steps()) return first_reach(expectation.steps_to, run);
  const Results results = read_results(run);
  const double* value = find_result(results, expectation.metric);
  return {value != nullptr ? *value : kNan, false};
}

ClaimTrial::ClaimTrial(std::filesystem::path config, const TrialOptions& options)
    : config_(std::move(config)), options_(options), file_(config_), seeds_(file_.claim().seeds) {
  require(file_.has_claim(), "reproduce", "{} makes no claim; one says what it expects, with `expect:`",
          config_.string());
  if (options_.seeds > 0) {
    seeds_.resize(static_cast<std::size_t>(options_.seeds));
    std::iota(seeds_.begin(), seeds_.end(), std::uint64_t{1});
  } else if (options_.quick) {
    seeds_.resize(std::min(seeds_.size(), kQuickSeeds));
  }
  file_.check_metrics([&](const std::string& variant) {
    ExperimentOptions settings;
    file_.fill(settings, {}, variant, options_.quick);
    settings.train.prefetch = 0;
    Experiment experiment(settings);
    return result_names(experiment);
  });
  // Seed by seed: a ledger that is stopped half way has pairs.
  for (const std::uint64_t seed : seeds_)
    for (const std::string& variant : file_.claim().variants) {
      PlannedRun run{variant, seed};
      ExperimentOptions settings;
      file_.fill(settings, {}, variant, options_.quick);
      settings.train.seed = seed;
      run.fingerprint = fingerprint(settings);
      run.steps = settings.train.steps;
      run.after = settings.start_from.run_for(seed);
      run.arguments = {config_.string()};
      if (variant != kOwn) run.arguments.insert(run.arguments.end(), {"--variant", variant});
      if (options_.quick) run.arguments.emplace_back("--quick");
      plan_.push_back(std::move(run));
    }
}

std::filesystem::path ClaimTrial::folder(const std::filesystem::path& runs) const {
  return runs / "claims" / (name() + (options_.quick ? "-quick" : ""));
}

ClaimRow ClaimTrial::judge(const Ledger& ledger) const {
  const Claim& claim = file_.claim();
  ClaimRow row{
      name(),     config_.generic_string(),          claim.claim,     claim.paper.figure,      claim.paper.source,
      claim.note, file_.fingerprint(options_.quick), TEMPERA_VERSION, utc_now().substr(0, 10), options_.quick};
  row.seeds = seeds_;
  for (const LedgerRow& run : ledger.rows()) {
    row.seconds += run.seconds;
    if (run.state == RunState::failed) row.failures.push_back(fmt::format("{}: {}", run.run.name(), run.reason));
  }
  const auto values = [&](const Expectation& e, const std::string& variant) -> const std::vector<Observed>& {
    for (const Measured& m : row.measured)
      if (m.quantity == e.quantity() && m.variant == variant) return m.values;
    Measured m{e.quantity(), variant, {}};
    for (const LedgerRow& run : ledger.rows())
      if (run.run.group == variant)
        m.values.push_back(run.state == RunState::finished ? observe(e, ledger.path(run)) : Observed{kNan, false});
    row.measured.push_back(std::move(m));
    return row.measured.back().values;
  };
  for (const Expectation& e : claim.expect) {
    for (const std::string& variant : claim.variants) values(e, variant);
    const Verdict verdict =
        decide(e, values(e, e.of), e.compares() ? std::span(values(e, e.other())) : std::span<const Observed>());
    row.expectations.push_back({e.text(), e.paper, e.quantity(), e.of, e.other(), verdict});
  }
  for (const std::vector<std::string>& metrics : {claim.plot, claim.table})
    for (const std::string& metric : metrics) {
      Expectation shown;
      shown.metric = metric;
      for (const std::string& variant : claim.variants) values(shown, variant);
    }
  row.table = claim.table;
  row.variants = claim.variants;
  return row;
}

}  // namespace tempera
