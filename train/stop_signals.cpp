#include "train/stop_signals.h"

#include <csignal>

namespace tempera {
namespace {

volatile std::sig_atomic_t g_asked = 0;

// SA_RESETHAND restores the default action, so the second signal ends the process.
void install(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  g_asked = 0;
  install([](int) { g_asked = 1; }, static_cast<int>(SA_RESETHAND | SA_RESTART));
}

StopSignals::~StopSignals() {
  install(SIG_DFL, 0);
}

bool StopSignals::asked() {
  return g_asked != 0;
}

}  // namespace tempera
