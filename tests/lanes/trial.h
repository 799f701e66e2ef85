// What the lanes share: the program under trial as a process of its own, in a folder that is gone afterwards; and the
// figures that they end with.
#pragma once

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tempera::lanes {

// The programs and files that a lane tries.
struct Tools {
  std::filesystem::path programs, root;  // the folder of the built programs, and that of the project

  std::filesystem::path train() const { return programs / "train"; }
  std::filesystem::path digits() const { return root / "data/files/digits.csv"; }
};

// What a lane measures, each printed as "id value target ok" (docs/reliability.md says what the ids are).
class Figures {
 public:
  void all(std::string_view id, std::int64_t right, std::int64_t trials);  // no trial at all is a failure
  void at_most(std::string_view id, double value, double bound);
  void at_least(std::string_view id, double value, double bound);
  // Those that another program has printed, one a line.
  void told(const std::string& text);
  // 0 where there is a figure and all reach their targets.
  int exit_code() const { return count_ > 0 && failed_ == 0 ? 0 : 1; }
  int count() const { return count_; }

 private:
  void print(std::string_view id, double value, std::string_view relation, double target, bool ok);
  int count_ = 0, failed_ = 0;
};

// A process of `train`; what it says is appended to `said`.
class Process {
 public:
  Process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
          const std::filesystem::path& said);
  ~Process();  // kills it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const {
    if (!ended_) ::kill(id_, number);
  }
  bool catches(int number) const;  // has its handler in place
  bool running();
  // The exit code, 128 + number after a signal; nothing where it still runs after so many seconds.
  std::optional<int> wait(double seconds);

 private:
  pid_t id_;
  std::optional<int> ended_;
};

class Folder {
 public:
  Folder();
  ~Folder();
  std::filesystem::path path;
};

double now();  // seconds
void sleep_for(double seconds);
// Asks until it holds; false after so many seconds.
template <class F>
bool wait_until(F&& holds, double seconds) {
  for (const double end = now() + seconds; !holds();) {
    if (now() > end) return false;
    sleep_for(0.0005);
  }
  return true;
}

// weights_sha256 of a finished run; empty where there is none.
std::string hash_of(const std::filesystem::path& run);

// The tests that a filter of tempera_tests chooses: how many assertions hold, of how many.
void suite(std::string_view id, const Tools& tools, const std::string& filter, Figures& figures);

// `count` trials, draws or steps each.
void gradient_lane(const Tools& tools, int count, Figures& figures);
void kill_lane(const Tools& tools, int count, Figures& figures);
void signal_lane(const Tools& tools, int count, Figures& figures);
void resume_lane(const Tools& tools, int count, Figures& figures);
void fault_lane(const Tools& tools, int count, Figures& figures);
void thread_lane(const Tools& tools, int count, Figures& figures);
void load_lane(const Tools& tools, int count, Figures& figures);
void stream_lane(const Tools& tools, int count, Figures& figures);
void hostile_lane(const Tools& tools, int count, Figures& figures);
void memory_lane(const Tools& tools, int count, Figures& figures);
void flaky_lane(const Tools& tools, int count, Figures& figures);
void long_lane(const Tools& tools, int count, Figures& figures);
void poison_lane(const Tools& tools, int count, Figures& figures);

}  // namespace tempera::lanes
