#define _GNU_SOURCE
#include "toro_signals.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { highest = 64 };

static uint64_t bit(int number) { return UINT64_C(1) << (number - 1); }

struct toro_signals {
  // In the list that handlers walk. One that is taken out goes on pointing into it.
  _Atomic(toro_signals *) next;
  _Atomic uint64_t watched;
  _Atomic uint64_t arrived;
  // When each arrived, as a count of arrivals.
  _Atomic uint64_t order[highest + 1];
  pid_t process;
  int descriptor;
};

// What handlers read.
static _Atomic(toro_signals *) first;
static _Atomic int handlers_running;
static _Atomic pid_t owner;
static _Atomic uint64_t arrivals;
static _Atomic uint64_t ignored_before;

// Guarded by the lock, which is held with all signals blocked: a handler of the program's may fork.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t watching_forks = PTHREAD_ONCE_INIT;
static struct sigaction before[highest + 1];
static uint64_t installed;

static sigset_t enter(void) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  pthread_mutex_lock(&lock);
  return old;
}

static void leave(sigset_t old) {
  pthread_mutex_unlock(&lock);
  pthread_sigmask(SIG_SETMASK, &old, 0);
}

// Does what the signal did before it was watched, from within its handler: nobody watches it, but who had put a handler of
// their own in the place of ours has put ours back since; or this is a forked child's.
static void act_as_before(int number) {
  if (atomic_load(&ignored_before) & bit(number)) return;
  switch (number) {
    case SIGCHLD: case SIGCONT: case SIGURG: case SIGWINCH:
      return;
    case SIGTSTP: case SIGTTIN: case SIGTTOU:
      raise(SIGSTOP);
      return;
    default:
      signal(number, SIG_DFL);
      raise(number);  // ends the process when this handler returns
  }
}

static void handle(int number) {
  int saved = errno;
  bool is_watched = false;
  if (getpid() == atomic_load(&owner)) {
    atomic_fetch_add(&handlers_running, 1);
    for (toro_signals *each = atomic_load(&first); each; each = atomic_load(&each->next)) {
      if (!(atomic_load(&each->watched) & bit(number))) continue;
      is_watched = true;
      atomic_store(&each->order[number], atomic_fetch_add(&arrivals, 1));
      uint64_t old = atomic_fetch_or(&each->arrived, bit(number));
      uint64_t one = 1;
      if (!(old & bit(number))) {
        while (write(each->descriptor, &one, sizeof one) < 0 && errno == EINTR) {
        }
      }
    }
    atomic_fetch_sub(&handlers_running, 1);
  }
  if (!is_watched) act_as_before(number);
  errno = saved;
}

static bool is_ours(const struct sigaction *action) {
  return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handle;
}

static bool is_handler(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) || (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

// Restores what the signal did, unless somebody else has changed that meanwhile.
static void uninstall(int number) {
  struct sigaction current;
  installed &= ~bit(number);
  if (sigaction(number, 0, &current) == 0 && is_ours(&current)) sigaction(number, &before[number], 0);
}

static int install(int number) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK};
  struct sigaction old;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, 0, &old) != 0) return errno;
  if (is_ours(&old)) {  // put back by somebody who had replaced it: what was before it is known
    installed |= bit(number);
    return 0;
  }
  if (is_handler(&old)) return EBUSY;
  if (old.sa_handler == SIG_IGN) atomic_fetch_or(&ignored_before, bit(number));
  else atomic_fetch_and(&ignored_before, ~bit(number));
  before[number] = old;
  if (sigaction(number, &action, &old) != 0) return errno;
  if (is_handler(&old) && !is_ours(&old)) {  // another thread's, made since we looked
    sigaction(number, &old, 0);
    return EBUSY;
  }
  installed |= bit(number);
  return 0;
}

// Forking

static sigset_t mask_of_forking_thread;

static void before_fork(void) { mask_of_forking_thread = enter(); }

static void in_parent(void) { leave(mask_of_forking_thread); }

// The child's copies watch nothing: its signals do what they did before.
static void in_child(void) {
  atomic_store(&first, 0);
  atomic_store(&handlers_running, 0);  // of other threads, which are not in this process
  for (int number = 1; number <= highest; number++)
    if (installed & bit(number)) uninstall(number);
  leave(mask_of_forking_thread);
}

static void watch_forks(void) { pthread_atfork(before_fork, in_parent, in_child); }

// The watches

toro_signals *toro_signals_new(int descriptor) {
  pthread_once(&watching_forks, watch_forks);
  toro_signals *signals = calloc(1, sizeof *signals);
  if (!signals) return 0;
  signals->process = getpid();
  signals->descriptor = descriptor;
  sigset_t old = enter();
  atomic_store(&owner, signals->process);
  atomic_store(&signals->next, atomic_load(&first));
  atomic_store(&first, signals);
  leave(old);
  return signals;
}

int toro_signals_add(toro_signals *signals, int number) {
  switch (number) {
    case SIGILL: case SIGFPE: case SIGSEGV: case SIGBUS: case SIGTRAP: case SIGSYS:
      return EPERM;
    default:
      if (number < 1 || number > highest) return EINVAL;
  }
  sigset_t old = enter();
  atomic_fetch_or(&signals->watched, bit(number));  // first, so that none arrives for nobody
  uint64_t others = 0;
  for (toro_signals *each = atomic_load(&first); each; each = atomic_load(&each->next))
    if (each != signals) others |= atomic_load(&each->watched);
  int result = install(number);
  if (result != 0) {
    atomic_fetch_and(&signals->watched, ~bit(number));
    if (!(others & bit(number))) installed &= ~bit(number);
  }
  leave(old);
  return result;
}

int toro_signals_take(toro_signals *signals) {
  uint64_t arrived = atomic_load(&signals->arrived);
  int earliest = 0;
  for (int number = 1; number <= highest; number++) {
    if (!(arrived & bit(number))) continue;
    if (earliest == 0 || atomic_load(&signals->order[number]) < atomic_load(&signals->order[earliest])) earliest = number;
  }
  if (earliest) atomic_fetch_and(&signals->arrived, ~bit(earliest));
  return earliest;
}

bool toro_signals_is_copy(const toro_signals *signals) { return signals->process != getpid(); }

void toro_signals_close(toro_signals *signals) {
  if (toro_signals_is_copy(signals)) return;
  sigset_t old = enter();
  uint64_t others = 0;
  for (toro_signals *each = atomic_load(&first); each; each = atomic_load(&each->next))
    if (each != signals) others |= atomic_load(&each->watched);
  uint64_t last = atomic_load(&signals->watched) & ~others & installed;
  for (int number = 1; number <= highest; number++)
    if (last & bit(number)) uninstall(number);
  _Atomic(toro_signals *) *link = &first;
  while (atomic_load(link) && atomic_load(link) != signals) link = &atomic_load(link)->next;
  if (atomic_load(link)) atomic_store(link, atomic_load(&signals->next));
  leave(old);
  // Those that run may have found it in the list.
  while (atomic_load(&handlers_running) > 0) sched_yield();
}

void toro_signals_free(toro_signals *signals) { free(signals); }
