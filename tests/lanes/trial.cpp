#include "tests/lanes/trial.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <regex>
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

void Figures::all(std::string_view id, std::int64_t right, std::int64_t trials) {
  print(id, static_cast<double>(right), "", static_cast<double>(trials), trials > 0 && right == trials);
}

void Figures::at_most(std::string_view id, double value, double bound) {
  print(id, value, "<=", bound, value <= bound);
}

void Figures::at_least(std::string_view id, double value, double bound) {
  print(id, value, ">=", bound, value >= bound);
}

void Figures::told(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  const std::regex figure("(^|\n)[A-G][0-9]\\S* \\S+ \\S+ (ok|FAILED)(?=\n)");
  for (std::sregex_iterator at(text.begin(), text.end(), figure), end; at != end; ++at) {
    ++count_;
    failed_ += (*at)[2] == "FAILED";
  }
}

void Figures::print(std::string_view id, double value, std::string_view relation, double target, bool ok) {
  ++count_;
  failed_ += !ok;
  fmt::print("{} {:.7g} {}{:.7g} {}\n", id, value, relation, target, ok ? "ok" : "FAILED");
  std::fflush(stdout);
}

void suite(std::string_view id, const Tools& tools, const std::string& filter, Figures& figures) {
  const Folder folder;
  const std::filesystem::path said = folder.path / "said";
  Process process(tools.programs / "tempera_tests", {"-r", "junit", filter}, said);
  process.wait(3600);
  std::ifstream in(said);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto attribute = [&](const std::string& name) {
    std::smatch found;
    return std::regex_search(text, found, std::regex(name + "=\"(\\d+)\"")) ? std::stoll(found[1]) : -1;
  };
  const std::int64_t tests = attribute("tests"), wrong = attribute("failures") + attribute("errors");
  if (tests < 0 || wrong != 0) std::fputs(text.c_str(), stdout);
  figures.all(id, tests - wrong, std::max<std::int64_t>(tests, 0));
}

}  // namespace tempera::lanes
