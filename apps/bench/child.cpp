#include "apps/bench/child.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"

namespace tempera::bench {

Child::Child(const std::vector<std::string>& command, bool quiet) {
  int in[2], out[2];
  require(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "bench", "no pipe: {}", std::strerror(errno));
  std::signal(SIGPIPE, SIG_IGN);  // a child that has ended is noticed at the next read
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_ = fork();
  require(pid_ >= 0, "bench", "{} could not be started: {}", command[0], std::strerror(errno));
  if (pid_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    if (quiet) dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    execvp(words[0], words.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = in[1];
  from_ = fdopen(out[0], "r");
}

Child::~Child() {
  close(to_);
  std::fclose(from_);
  waitpid(pid_, nullptr, 0);
}

void Child::write(const std::string& line) {
  const std::string all = line + "\n";
  (void)!::write(to_, all.data(), all.size());
}

std::string Child::read() {
  std::string line;
  for (int c; (c = std::fgetc(from_)) != EOF && c != '\n';) line.push_back(static_cast<char>(c));
  return line;
}

double Child::peak_memory() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024;
    }
  return 0;
}

}  // namespace tempera::bench
