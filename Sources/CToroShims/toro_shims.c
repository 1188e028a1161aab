#include "toro_shims.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

__thread uint64_t toro_thread_number __attribute__((tls_model("initial-exec"))) = 0;
__thread void *toro_thread_reactor __attribute__((tls_model("initial-exec"))) = 0;

static _Atomic uint64_t last_number = 0;
static _Atomic uint32_t forks = 0;
static pthread_once_t watch = PTHREAD_ONCE_INIT;

// The number of the thread that forked: in a child, of the only thread of the parent that is left.
static uint64_t forking_number = 0;

static void in_child(void) {
  if (toro_thread_number != 0) forking_number = toro_thread_number;
  atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
  toro_thread_number = 0;
  toro_thread_reactor = 0;
}

static void install(void) { pthread_atfork(0, 0, in_child); }

uint64_t toro_number_this_thread(void) {
  if (toro_thread_number == 0)
    toro_thread_number = atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;
  return toro_thread_number;
}

uint32_t toro_fork_count(void) {
  pthread_once(&watch, install);
  return atomic_load_explicit(&forks, memory_order_relaxed);
}

uint64_t toro_forking_thread_number(void) { return forking_number; }

const char *toro_unknown_status(int status) {
  static __thread char text[32];
  snprintf(text, sizeof text, "unknown status %d", status);
  return text;
}

int toro_make_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int toro_make_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); }

void toro_set_timerfd(int descriptor, int64_t due) {
  struct itimerspec time = {.it_value = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000}};
  timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &time, 0);
}
