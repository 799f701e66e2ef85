#include "train/ledger/ledger.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/file.h>
#include <unistd.h>

#include "data/files.h"
#include "train/ledger/work.h"
#include "train/output/run_folder.h"
#include "train/results.h"
#include "train/stop_signals.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr std::string_view kWho = "ledger";

}  // namespace

std::string PlannedRun::name() const {
  return fmt::format("{}-seed{}", group, seed);
}

std::string_view to_string(RunState state) {
  switch (state) {
    case RunState::waiting: return "waiting";
    case RunState::running: return "running";
    case RunState::finished: return "finished";
    case RunState::failed: return "failed";
    case RunState::stopped: return "stopped";
  }
  return "";
}

Ledger::Ledger(fs::path folder, std::vector<PlannedRun> runs) : folder_(std::move(folder)) {
  std::set<std::string> names;
  for (PlannedRun& run : runs) {
    require(names.insert(run.name()).second, kWho, "two runs are named {}; give one of them another name", run.name());
    rows_.push_back({std::move(run)});
  }
  make_folders(folder_);
  lock_ = ::open((folder_ / "ledger.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  require(lock_ >= 0, kWho, "{} cannot be written to", folder_.string());
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    fail(kWho, "another process works on {}; wait for it, or stop it", folder_.string());
  }
  try {
    read();
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

Ledger::~Ledger() {
  ::close(lock_);
}

bool Ledger::is_finished(const LedgerRow& row) const {
  const fs::path run = path(row);
  if (!fs::exists(run / "run.json") || !has_results(run)) return false;
  const RunIdentity identity = read_identity(run);
  return !identity.finished.empty() && identity.config_hash == row.run.fingerprint;
}

void Ledger::read() {
  Json ledger = Json::object();
  if (const fs::path file = folder_ / "ledger.json"; fs::exists(file)) {
    ledger = Json::parse(read_text(file), nullptr, false);
    require(ledger.is_object() && ledger.contains("runs") && ledger["runs"].is_object(), kWho,
            "{} is damaged; remove it, and runs that failed are tried again", file.string());
  }
  const Json runs = ledger.value("runs", Json::object());
  for (LedgerRow& row : rows_) {
    const Json entry = runs.value(row.run.name(), Json::object());
    const bool same = entry.is_object() && entry.value("fingerprint", Json()) == row.run.fingerprint;
    if (is_finished(row)) {
      row.state = RunState::finished;
      const Results results = read_results(path(row));
      if (const double* seconds = find_result(results, "seconds")) row.seconds = *seconds;
    } else if (same && entry.value("state", Json()) == to_string(RunState::failed)) {
      row.state = RunState::failed;
      if (entry.contains("reason") && entry["reason"].is_string()) row.reason = entry["reason"].get<std::string>();
    }
  }
}

// Rows of other plans stay: whoever asks for fewer seeds does not forget what became of the others.
void Ledger::write() const {
  Json runs = Json::object();
  if (const fs::path file = folder_ / "ledger.json"; fs::exists(file))
    if (const Json old = Json::parse(read_text(file), nullptr, false); old.is_object() && old.contains("runs"))
      runs = old["runs"];
  for (const LedgerRow& row : rows_) {
    Json entry = {{"group", row.run.group},
                  {"seed", row.run.seed},
                  {"fingerprint", row.run.fingerprint},
                  {"state", to_string(row.state)}};
    if (!row.reason.empty()) entry["reason"] = row.reason;
    if (row.state == RunState::finished) entry["seconds"] = row.seconds;
    runs[row.run.name()] = std::move(entry);
  }
  const std::string text = Json{{"runs", std::move(runs)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  replace_file(folder_ / "ledger.json", std::as_bytes(std::span(text)));
}

bool Ledger::run(const LedgerOptions& options, Console& console) {
  for (LedgerRow& row : rows_)
    if (options.retry && row.state == RunState::failed) row.state = RunState::waiting, row.reason.clear();
  write();
  const auto ended = [&](LedgerRow& row, int code) {
    if (code == 0 && is_finished(row)) {
      row.state = RunState::finished;
      const Results results = read_results(path(row));
      if (const double* seconds = find_result(results, "seconds")) row.seconds = *seconds;
    } else if (code == 130 || (StopSignals::asked() && code == 128 + SIGTERM)) {  // the latter before it could listen
      row.state = RunState::stopped;
    } else {
      row.state = RunState::failed;
      row.reason = code == 0
                       ? "ended well, but its folder does not hold what was planned; did the configuration change?"
                       : failure_reason(said(path(row)), code);
    }
    write();
  };
  return do_runs(rows_, folder_, options, console, ended);
}

std::string Ledger::summary() const {
  const auto count = [&](RunState state) { return std::ranges::count(rows_, state, &LedgerRow::state); };
  std::string text = fmt::format("{} of {} runs done", count(RunState::finished), rows_.size());
  if (const auto failed = count(RunState::failed); failed > 0) text += fmt::format(", {} failed", failed);
  return text;
}

}  // namespace tempera
