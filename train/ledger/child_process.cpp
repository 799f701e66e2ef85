#include "train/ledger/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "train/distributed/launcher.h"

namespace tempera {

namespace {

// What execve() wants. Points into `words`.
std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const std::string& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, int said) {
  const std::vector<std::string> environment = environment_without_launcher();
  const std::vector<char*> words = pointers(command), variables = pointers(environment);
  const pid_t parent = ::getpid();
  id_ = ::fork();
  if (id_ == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(130);  // it died before it could be heard of
    ::dup2(said, STDOUT_FILENO);
    ::dup2(said, STDERR_FILENO);
    ::execve(words[0], words.data(), variables.data());
    ::_exit(127);
  }
  require(id_ > 0, "ledger", "{} could not be started: {}", command[0], std::strerror(errno));
}

ChildProcess::~ChildProcess() {
  if (ended()) return;
  ask_to_stop();
  ::waitpid(id_, nullptr, 0);
}

std::optional<int> ChildProcess::ended() {
  int status = 0;
  if (!ended_ && ::waitpid(id_, &status, WNOHANG) == id_)
    ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended_;
}

void ChildProcess::ask_to_stop() {
  if (!ended()) ::kill(id_, SIGTERM);
}

std::filesystem::path program_beside(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

}  // namespace tempera
