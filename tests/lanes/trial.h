// What the lanes share: the program under trial as a process of its own, in a folder that is gone afterwards.
#pragma once

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tempera::lanes {

// The programs and files that a lane tries.
struct Tools {
  std::filesystem::path train, digits;
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

// Prints "id value target ok" and gives the exit code. No trial at all is a failure.
int verdict(std::string_view id, int value, int target);

int kill_lane(const Tools& tools, int count);
int signal_lane(const Tools& tools, int count);
int resume_lane(const Tools& tools, int count);

}  // namespace tempera::lanes
