// What the thread sanitizer cannot see: oneTBB, which is not compiled with it, hands work from thread to thread.
// Nothing otherwise. All handovers share one place, for a task may look at nothing of its own before it took over.
#pragma once

#ifdef __SANITIZE_THREAD__
extern "C" void __tsan_acquire(void* place);
extern "C" void __tsan_release(void* place);
#endif

namespace tempera {

// For a lambda that oneTBB copies into a task of its own: after hand_over(), so what it captured looks like a race.
#define TEMPERA_COPIED_TASK __attribute__((no_sanitize("thread")))

#ifdef __SANITIZE_THREAD__
inline char handover_place = 0;
inline void hand_over() {
  __tsan_release(&handover_place);
}
inline void take_over() {
  __tsan_acquire(&handover_place);
}
#else
inline void hand_over() {}  // before a task is begun, and at its end
inline void take_over() {}  // at the beginning of a task, and when it was waited for
#endif

}  // namespace tempera
