#include "tests/lanes/trial.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/error.h"
#include "train/output/run_folder.h"

namespace tempera::lanes {

Process::Process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                 const std::filesystem::path& said) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  id_ = ::fork();
  require(id_ >= 0, "lane", "no process could be started");
  if (id_ > 0) return;
  const int out = ::open(said.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execv(program.c_str(), argv.data());
  ::_exit(127);
}

Process::~Process() {
  if (!running()) return;
  signal(SIGKILL);
  wait(10);
}

bool Process::catches(int number) const {
  std::ifstream status("/proc/" + std::to_string(id_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigCgt:")) return (std::stoull(line.substr(7), nullptr, 16) >> (number - 1) & 1) != 0;
  return false;
}

bool Process::running() {
  if (ended_) return false;
  int status = 0;
  if (::waitpid(id_, &status, WNOHANG) == 0) return true;
  ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

std::optional<int> Process::wait(double seconds) {
  wait_until([&] { return !running(); }, seconds);
  return ended_;
}

Folder::Folder() : path(std::filesystem::temp_directory_path() / ("tempera_lane_" + std::to_string(::getpid()))) {
  std::filesystem::create_directories(path);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

std::string hash_of(const std::filesystem::path& run) {
  return std::filesystem::exists(run / "run.json") ? read_identity(run).weights_sha256 : "";
}

int verdict(std::string_view id, int value, int target) {
  const bool ok = target > 0 && value == target;
  std::printf("%s %d %d %s\n", std::string(id).c_str(), value, target, ok ? "ok" : "FAILED");
  return ok ? 0 : 1;
}

}  // namespace tempera::lanes
