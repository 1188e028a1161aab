// The little that Swift cannot say: thread-local words, and a hook that runs in a forked child.
#ifndef TORO_SHIMS_H
#define TORO_SHIMS_H

#include <stdint.h>

#include "toro_net.h"
#include "toro_signals.h"
#include "toro_threads.h"

// A number for each thread that has asked for one, never used twice, 0 before. Comparing it with the number that a
// reactor was bound to is the whole thread check of an operation on the fast path.
extern __thread uint64_t toro_thread_number __attribute__((tls_model("initial-exec")));

// The reactor whose turn runs on this thread: an unretained pointer, or NULL.
extern __thread void *toro_thread_reactor __attribute__((tls_model("initial-exec")));

static inline uint64_t toro_current_thread_number(void) { return toro_thread_number; }
static inline void *toro_current_reactor(void) { return toro_thread_reactor; }
static inline void toro_set_current_reactor(void *reactor) { toro_thread_reactor = reactor; }

// Gives the calling thread a number if it has none, and returns it.
uint64_t toro_number_this_thread(void);

// How many forks lie between the first process and this one, as seen by a handler installed at the first call. The
// child's thread loses its number, so that no reactor made before the fork takes it for its own.
uint32_t toro_fork_count(void);

// In a forked child, the number that its thread had in the parent.
uint64_t toro_forking_thread_number(void);

// "unknown status 99": the thread's, until it calls again.
const char *toro_unknown_status(int status);

// The task that runs on this thread, or NULL: what `withUnsafeCurrentTask` reads, without the retain, the release and the
// copies through witness tables that cost it 40 ns. An identity to compare, nothing to reach into.
extern __attribute__((swiftcall)) void *toro_runtime_current_task(void) __asm__("swift_task_getCurrent");
extern __attribute__((swiftcall)) _Bool toro_runtime_is_cancelled(void *task) __asm__("swift_task_isCancelled");
static inline void *toro_current_task(void) { return toro_runtime_current_task(); }
static inline _Bool toro_task_is_cancelled(void *task) { return toro_runtime_is_cancelled(task); }

// The number of the task that runs on this thread, which no other task of the process ever has; 0 if none runs.
extern __attribute__((swiftcall)) uint64_t toro_runtime_task_number(void *task) __asm__("swift_task_getJobTaskId");
static inline uint64_t toro_current_task_number(void) {
  void *task = toro_current_task();
  return task ? toro_runtime_task_number(task) : 0;
}

// Asks for the memory from `start` on, which will be read soon: a hint, at an address that need not be mapped.
static inline void toro_fetch_ahead(const void *start, int byte_count) {
  for (int offset = 0; offset < byte_count; offset += 64) __builtin_prefetch((const char *)start + offset);
}

// The accesses to variables that the task has begun and not ended, which the runtime checks for conflicts: it takes them off
// the thread where a task suspends, into these two words, and puts them back where it goes on.
typedef struct toro_accesses { uintptr_t words[2]; } toro_accesses;
extern void toro_runtime_exit_accesses(char *state) __asm__("swift_task_exitThreadLocalContext");
extern void toro_runtime_enter_accesses(char *state) __asm__("swift_task_enterThreadLocalContext");
static inline toro_accesses toro_put_accesses_aside(void) {
  toro_accesses accesses = {{0, 0}};
  toro_runtime_exit_accesses((char *)&accesses);
  return accesses;
}
static inline void toro_put_accesses_back(toro_accesses accesses) {
  if (accesses.words[0]) toro_runtime_enter_accesses((char *)&accesses);
}

// Cancellation handlers for the task that runs on this thread, to be removed by the same task before it returns from the
// function that added it. Cancelled, on whatever thread, they call what Swift defines below.
void *toro_add_waiter_cancellation_handler(void *waiter);
void *toro_add_task_cancellation_handler(void *record);
void toro_remove_cancellation_handler(void *handler);
void toro_waiter_cancelled(void *waiter);
void toro_task_cancelled(void *record);

// An eventfd that does not block and is closed on exec, or -1. (Glibc's module lacks sys/eventfd.h.)
int toro_make_eventfd(void);

// A timerfd of the monotonic clock, likewise; and to have it fire then, in nanoseconds more than 0.
int toro_make_timerfd(void);
void toro_set_timerfd(int descriptor, int64_t due);

#endif
