// A program started by this one, with which it talks by lines.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace tempera::bench {

class Child {
 public:
  // Throws Error where the program cannot be started. Its standard error stays ours unless `quiet`.
  explicit Child(const std::vector<std::string>& command, bool quiet = false);
  ~Child();  // closes its input and waits for its end
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void write(const std::string& line);
  // The next line; empty when the program has ended.
  std::string read();
  // Largest resident memory so far, in bytes; 0 when it has ended.
  double peak_memory() const;

 private:
  pid_t pid_ = -1;
  int to_ = -1;
  FILE* from_ = nullptr;
};

}  // namespace tempera::bench
