// Another program, started by this one and left to itself.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tempera {

class ChildProcess {
 public:
  // What it says goes to the descriptor `said`. Of a launcher that started this process (train/distributed/launcher.h)
  // it knows nothing. It is a process group of its own, so that Ctrl-C reaches us alone, who tell it;
  // and where we die it is told to stop (SIGTERM). Throws Error where no process can be made.
  ChildProcess(const std::vector<std::string>& command, int said);
  ~ChildProcess();  // one that still runs is told to stop and waited for
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The exit code, 128 + number after a signal, 127 where the program could not be started; nothing while it runs.
  std::optional<int> ended();
  void ask_to_stop();

 private:
  pid_t id_ = -1;
  std::optional<int> ended_;
};

// A program of that name beside the one that runs.
std::filesystem::path program_beside(const std::string& name);

}  // namespace tempera
