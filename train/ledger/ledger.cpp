#include "train/ledger/ledger.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files.h"
#include "train/config/config_error.h"
#include "train/ledger/file_lock.h"
#include "train/ledger/work.h"
#include "train/output/run_folder.h"
#include "train/results.h"
#include "train/stop_signals.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr std::string_view kWho = "ledger";

// What the ledger's file says of its runs, by name.
Json read_runs(const fs::path& folder) {
  const fs::path file = folder / "ledger.json";
  if (!fs::exists(file)) return Json::object();
  const Json ledger = Json::parse(read_text(file), nullptr, false);
  require(ledger.is_object() && ledger.contains("runs") && ledger["runs"].is_object(), kWho,
          "{} is damaged; remove it, and runs that failed are tried again", file.string());
  return ledger["runs"];
}

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
    case RunState::elsewhere: return "elsewhere";
  }
  return "";
}

LedgerShare read_share(const std::string& text) {
  LedgerShare share{0, 0};
  const std::size_t slash = text.find('/');
  const char *begin = text.data(), *end = begin + text.size();
  bool read = slash != text.npos;
  if (read) {
    const auto first = std::from_chars(begin, begin + slash, share.index);
    const auto second = std::from_chars(begin + slash + 1, end, share.count);
    read = first.ptr == begin + slash && second.ptr == end;
  }
  if (!read || share.index < 1 || share.index > share.count)
    throw ConfigError({{"command line", 0, 0,
                        fmt::format("`{}` is no share; wanted I/N with 1 <= I <= N, as in --share 2/8", text)}});
  return share;
}

Ledger::Ledger(fs::path folder, std::vector<PlannedRun> runs) : folder_(std::move(folder)) {
  std::set<std::string> names;
  for (PlannedRun& run : runs) {
    require(names.insert(run.name()).second, kWho, "two runs are named {}; give one of them another name", run.name());
    rows_.push_back({std::move(run)});
  }
  make_folders(folder_);
  refresh(rows_);
}

bool Ledger::is_finished(const LedgerRow& row) const {
  const fs::path run = path(row);
  if (!fs::exists(run / "run.json") || !has_results(run)) return false;
  const RunIdentity identity = read_identity(run);
  return !identity.finished.empty() && identity.config_hash == row.run.fingerprint;
}

// The state of rows as the folders of their runs and the ledger's file tell it.
void Ledger::refresh(std::span<LedgerRow> rows) const {
  const Json runs = read_runs(folder_);
  for (LedgerRow& row : rows) {
    row.state = RunState::waiting;
    row.reason.clear();
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

// All other rows stay as they are in the file: those of other plans, and those of other processes. With Known::keep so
// do these, where the file has them.
void Ledger::write(const std::vector<const LedgerRow*>& rows, Known known) const {
  const FileLock lock(folder_ / "ledger.lock", FileLock::Wait::yes);
  Json runs = read_runs(folder_);
  for (const LedgerRow* row : rows) {
    const Json old = runs.value(row->run.name(), Json::object());
    if (known == Known::keep && old.value("fingerprint", Json()) == row->run.fingerprint) continue;
    Json entry = {{"group", row->run.group},
                  {"seed", row->run.seed},
                  {"fingerprint", row->run.fingerprint},
                  {"state", to_string(row->state)}};
    if (!row->reason.empty()) entry["reason"] = row->reason;
    if (row->state == RunState::finished) entry["seconds"] = row->seconds;
    runs[row->run.name()] = std::move(entry);
  }
  const std::string text = Json{{"runs", std::move(runs)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  replace_file(folder_ / "ledger.json", std::as_bytes(std::span(text)));
}

bool Ledger::run(const LedgerOptions& options, Console& console) {
  std::vector<const LedgerRow*> planned, retried;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    LedgerRow& row = rows_[i];
    const bool own = static_cast<std::int64_t>(i) % options.share.count == options.share.index - 1;
    if (own && options.retry && row.state == RunState::failed) {
      row.state = RunState::waiting;
      row.reason.clear();
      retried.push_back(&row);
    }
    if (!own && row.state == RunState::waiting) row.state = RunState::elsewhere;
    if (row.state != RunState::elsewhere) planned.push_back(&row);
  }
  write(retried);
  write(planned, Known::keep);
  const auto ended = [&](LedgerRow& row, int code) {
    if (code == 0 && is_finished(row)) {
      refresh({&row, 1});
    } else if (code == 130 || (StopSignals::asked() && code == 128 + SIGTERM)) {  // the latter before it could listen
      row.state = RunState::stopped;
    } else {
      row.state = RunState::failed;
      row.reason = code == 0
                       ? "ended well, but its folder does not hold what was planned; did the configuration change?"
                       : failure_reason(said(path(row)), code);
    }
    write({&row});
  };
  const auto look = [&](LedgerRow& row) { refresh({&row, 1}); };
  const bool done = do_runs(rows_, folder_, options, console, look, ended);
  std::vector<LedgerRow> now = rows_;
  refresh(now);
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].state == RunState::elsewhere && now[i].state != RunState::waiting) rows_[i] = now[i];
  return done;
}

std::int64_t Ledger::count(RunState state) const {
  return std::ranges::count(rows_, state, &LedgerRow::state);
}

std::string Ledger::summary() const {
  std::string text = fmt::format("{} of {} runs done", count(RunState::finished), rows_.size());
  if (const auto failed = count(RunState::failed); failed > 0) text += fmt::format(", {} failed", failed);
  if (const auto others = count(RunState::elsewhere); others > 0)
    text += fmt::format(", {} with other processes", others);
  return text;
}

}  // namespace tempera
