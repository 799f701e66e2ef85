#include "train/ledger/work.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <list>
#include <thread>

#include "data/files.h"
#include "train/fingerprint.h"
#include "train/ledger/child_process.h"
#include "train/output/numbers.h"
#include "train/output/run_folder.h"
#include "train/stop_signals.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr auto kLook = std::chrono::milliseconds(20);  // between looks at the processes
constexpr double kRedraw = 0.5;                        // seconds, on a terminal
constexpr std::uint64_t kTail = 4096;                  // bytes
constexpr std::size_t kLongestReason = 400;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The last bytes of a file; empty where there is none.
std::string tail(const fs::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const auto size = static_cast<std::uint64_t>(in.tellg());
  in.seekg(static_cast<std::streamoff>(size - std::min(size, kTail)));
  return {std::istreambuf_iterator<char>(in), {}};
}

// The step of the last record of a run; 0 where there is none.
double last_step(const fs::path& run) {
  const std::string text = tail(run / "metrics.jsonl");
  constexpr std::string_view key = "{\"step\":";
  const std::size_t at = text.rfind(key);
  return at == text.npos ? 0 : std::strtod(text.c_str() + at + key.size(), nullptr);
}

bool same_configuration(const fs::path& run, const std::string& fingerprint) {
  return fs::exists(run / "run.json") && read_identity(run).config_hash == fingerprint;
}

struct Running {
  Running(LedgerRow& row_, fs::path path_, double before_, const std::vector<std::string>& command)
      : row(&row_), path(std::move(path_)), before(before_), process(command, said(path)) {}

  LedgerRow* row;
  fs::path path;
  Clock::time_point start = Clock::now();
  double before;  // share of its steps that were done when it started
  ChildProcess process;

  double share() const {
    return std::clamp(last_step(path) / static_cast<double>(std::max<std::int64_t>(1, row->run.steps)), before, 1.0);
  }
};

class Runner {
 public:
  Runner(std::span<LedgerRow> rows, const fs::path& folder, const LedgerOptions& options, Console& console)
      : rows_(rows), folder_(folder), options_(options), console_(console) {}

  bool run(const std::function<void(LedgerRow&, int)>& ended) {
    for (LedgerRow& row : rows_) {
      if (row.state == RunState::stopped) row.state = RunState::waiting;
      to_do_ += row.state == RunState::waiting;
    }
    bool told = false;
    for (;;) {
      if (StopSignals::asked() && !told) {
        told = true;
        for (Running& one : running_) one.process.ask_to_stop();
      }
      if (!told) start_waiting();
      if (running_.empty()) break;
      std::this_thread::sleep_for(kLook);
      collect(ended);
      show();
    }
    console_.status("");
    return !told;
  }

 private:
  void start_waiting() {
    for (LedgerRow& row : rows_) {
      if (std::ssize(running_) >= options_.jobs) return;
      if (row.state == RunState::waiting && ready(row)) start(row);
    }
  }

  // Whether what it starts from is finished. Where that failed, so does the row.
  bool ready(LedgerRow& row) {
    if (row.run.after.empty()) return true;
    const auto first =
        std::ranges::find_if(rows_, [&](const LedgerRow& other) { return other.run.name() == row.run.after; });
    if (first == rows_.end() || first->state == RunState::finished) return true;
    if (first->state != RunState::failed) return false;
    row.state = RunState::failed;
    row.reason = fmt::format("it starts from {}, which failed", row.run.after);
    ++done_;
    return false;
  }

  void start(LedgerRow& row) {
    const fs::path run = folder_ / row.run.name();
    const bool goes_on = same_configuration(run, row.run.fingerprint);
    std::vector<std::string> command{options_.train.string()};
    command.insert(command.end(), row.run.arguments.begin(), row.run.arguments.end());
    for (const std::string& word :
         {std::string("--seed"), std::to_string(row.run.seed), std::string("--threads"), std::string("1"),
          "name=" + row.run.name(), "folder=" + folder_.string(), std::string(goes_on ? "--resume" : "--overwrite")})
      command.push_back(word);
    remove_tree(said(run));
    row.state = RunState::running;
    const double before = goes_on ? last_step(run) / static_cast<double>(std::max<std::int64_t>(1, row.run.steps)) : 0;
    running_.emplace_back(row, run, std::clamp(before, 0.0, 1.0), command);
  }

  void collect(const std::function<void(LedgerRow&, int)>& ended) {
    for (auto one = running_.begin(); one != running_.end();) {
      const std::optional<int> code = one->process.ended();
      if (!code) {
        ++one;
        continue;
      }
      LedgerRow& row = *one->row;
      ended(row, *code);
      done_ += 1;
      work_ += 1 - one->before;
      const Paint paint = row.state == RunState::finished ? Paint::good
                          : row.state == RunState::failed ? Paint::bad
                                                          : Paint::warning;
      console_.line(fmt::format("{}  {}  {}{}", console_.paint(paint, to_string(row.state)), row.run.name(),
                                duration(seconds_since(one->start)), row.reason.empty() ? "" : "  " + row.reason));
      one = running_.erase(one);
    }
  }

  // "4/9 runs  softmax-seed2 45 %, ssmax-seed1 30 %  left 1:20"
  void show() {
    const double now = seconds_since(start_);
    if (running_.empty() || now - shown_ < (console_.terminal() ? kRedraw : options_.line_seconds)) return;
    shown_ = now;
    std::string parts;
    double shares = 0, work = work_;
    for (const Running& one : running_) {
      const double share = one.share();
      shares += share;
      work += share - one.before;
      parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", one.row->run.name(), percent(share));
    }
    const double to_go = static_cast<double>(to_do_ - done_) - shares;
    std::string text = fmt::format("{}/{} runs", rows_.size() - static_cast<std::size_t>(to_do_ - done_), rows_.size());
    const std::string left = work > 0.02 ? "  left " + duration(now * to_go / work) : "";
    const std::size_t width = console_.terminal() ? static_cast<std::size_t>(console_.width() - 1) : 200;
    if (text.size() + 2 + parts.size() + left.size() <= width) text += "  " + parts;
    text += left;
    if (console_.terminal()) console_.status(text.substr(0, width));
    else console_.line(text);
  }

  std::span<LedgerRow> rows_;
  const fs::path& folder_;
  const LedgerOptions& options_;
  Console& console_;
  std::list<Running> running_;
  Clock::time_point start_ = Clock::now();
  double shown_ = 0, work_ = 0;  // work: runs' worth of steps done by this process
  std::int64_t to_do_ = 0, done_ = 0;
};

}  // namespace

bool do_runs(std::span<LedgerRow> rows, const fs::path& folder, const LedgerOptions& options, Console& console,
             const std::function<void(LedgerRow&, int code)>& ended) {
  require(fs::exists(options.train), "ledger", "there is no program {}; build it", options.train.string());
  return Runner(rows, folder, options, console).run(ended);
}

fs::path said(const fs::path& run) {
  return run.string() + ".said";
}

std::string failure_reason(const fs::path& file, int code) {
  if (code > 128) return fmt::format("ended by signal {} ({})", code - 128, ::strsignal(code - 128));
  std::string text = tail(file);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
  // A message may go on in lines that are indented.
  std::size_t start = text.rfind('\n');
  while (start != text.npos && start + 1 < text.size() && text[start + 1] == ' ' && start > 0)
    start = text.rfind('\n', start - 1);
  std::string reason = start == text.npos ? text : text.substr(start + 1);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  const auto both_blank = [](char a, char b) { return a == ' ' && b == ' '; };
  reason.erase(std::unique(reason.begin(), reason.end(), both_blank), reason.end());
  if (reason.size() > kLongestReason) reason.resize(kLongestReason);
  return reason.empty() ? fmt::format("exit code {}", code) : reason;
}

}  // namespace tempera
