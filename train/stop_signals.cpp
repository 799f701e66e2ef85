#include "train/stop_signals.h"

#include <atomic>
#include <csignal>
#include <string_view>
#include <unistd.h>

namespace tempera {
namespace {

// Any thread may be the one that handles a signal.
std::atomic<int> g_asked = 0, g_at_once = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int) {
  if (g_at_once == 0) {
    g_asked = 1;
    return;
  }
  constexpr std::string_view text = "stopped before the first step\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(130);
}

// SA_RESETHAND restores the default action, so the second signal ends the process.
void install(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals(bool at_once) {
  g_asked = 0;
  g_at_once = at_once ? 1 : 0;
  install(on_signal, static_cast<int>(SA_RESETHAND | SA_RESTART));
}

StopSignals::~StopSignals() {
  install(SIG_DFL, 0);
  g_asked = 0;
  g_at_once = 0;
}

void StopSignals::hold() {
  g_at_once = 0;
}

bool StopSignals::asked() {
  return g_asked != 0;
}

}  // namespace tempera
