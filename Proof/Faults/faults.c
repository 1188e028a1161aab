// Has a chosen call fail: preloaded into a program by Proof/faults.py.
//
//   FAULT_CALL   which call, by its name; "libevent" is an allocation of libevent's
//   FAULT_AT     the how-manieth of them, counted from 1 while the program has armed it
//   FAULT_ERRNO  what it says then
//
// Without FAULT_CALL it counts, and prints each name and how often it was called as the program ends. The program finds
// toro_faults_arm and toro_faults_own by dlsym: the first begins and ends the counting, the second takes the calls of the
// thread out of it that are the program's own.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_bool armed;
static __thread int is_own;
static const char *chosen;
static long chosen_at;
static int chosen_errno;

typedef struct {
  const char *name;
  atomic_long count;
} counter;

void toro_faults_arm(int on) { atomic_store(&armed, on); }
void toro_faults_own(int on) { is_own = on; }

// Whether this call is the one.
static int fails(counter *counter) {
  if (is_own || !atomic_load(&armed)) return 0;
  long number = atomic_fetch_add(&counter->count, 1) + 1;
  if (!chosen || number != chosen_at || strcmp(chosen, counter->name)) return 0;
  static const char fired[] = "fault: fired\n";
  (void)!syscall(1, 2, fired, sizeof fired - 1);  // write, which is counted
  errno = chosen_errno;
  return 1;
}

#define REAL(name) ((__typeof__(&name))real_##name)
#define CALL(type, name, parameters, arguments, failure)            \
  static counter counter_##name = {#name, 0};                       \
  static void *real_##name;                                         \
  type name parameters {                                            \
    if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name);        \
    if (fails(&counter_##name)) return failure;                     \
    return REAL(name) arguments;                                    \
  }

CALL(int, epoll_create1, (int flags), (flags), -1)
CALL(int, epoll_wait, (int epoll, struct epoll_event *events, int count, int timeout), (epoll, events, count, timeout), -1)
CALL(int, accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags), (fd, address, length, flags), -1)
CALL(ssize_t, read, (int fd, void *bytes, size_t count), (fd, bytes, count), -1)
CALL(ssize_t, write, (int fd, const void *bytes, size_t count), (fd, bytes, count), -1)
CALL(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), -1)
CALL(ssize_t, recv, (int fd, void *bytes, size_t count, int flags), (fd, bytes, count, flags), -1)
CALL(ssize_t, send, (int fd, const void *bytes, size_t count, int flags), (fd, bytes, count, flags), -1)
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), -1)
CALL(int, recvmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout),
     (fd, messages, count, flags, timeout), -1)
CALL(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags), (fd, messages, count, flags), -1)
CALL(ssize_t, sendfile, (int out, int in, off_t *offset, size_t count), (out, in, offset, count), -1)
CALL(int, eventfd, (unsigned value, int flags), (value, flags), -1)
CALL(int, timerfd_create, (clockid_t clock, int flags), (clock, flags), -1)
CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)
CALL(int, bind, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length), -1)
CALL(int, listen, (int fd, int backlog), (fd, backlog), -1)
CALL(int, connect, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length), -1)
CALL(int, setsockopt, (int fd, int level, int option, const void *value, socklen_t length), (fd, level, option, value, length), -1)
CALL(int, getsockname, (int fd, struct sockaddr *address, socklen_t *length), (fd, address, length), -1)
CALL(int, getaddrinfo, (const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found),
     (host, service, hints, found), EAI_AGAIN)

// Taking a descriptor off cannot fail for want of anything.
static counter counter_epoll_ctl = {"epoll_ctl", 0};
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  static __typeof__(&epoll_ctl) real;
  if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "epoll_ctl");
  if (operation != EPOLL_CTL_DEL && fails(&counter_epoll_ctl)) return -1;
  return real(epoll, operation, fd, event);
}

// Threads that the program starts itself: the runtime's are not the library's to bear.
static counter counter_pthread_create = {"pthread_create", 0};
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  static __typeof__(&pthread_create) real;
  if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "pthread_create");
  Dl_info info;
  if (dladdr((void *)start, &info) && strstr(info.dli_fname, "ToroFaults") && fails(&counter_pthread_create))
    return chosen_errno;
  return real(thread, attributes, start, argument);
}

static counter counter_libevent = {"libevent", 0};
static void *event_malloc(size_t size) { return fails(&counter_libevent) ? NULL : malloc(size); }
static void *event_realloc(void *memory, size_t size) {
  return size && fails(&counter_libevent) ? NULL : realloc(memory, size);
}

static counter *const counters[] = {
    &counter_epoll_create1, &counter_epoll_wait, &counter_epoll_ctl, &counter_accept4,    &counter_read,
    &counter_write,         &counter_writev,     &counter_recv,      &counter_send,       &counter_sendmsg,
    &counter_recvmmsg,      &counter_sendmmsg,   &counter_sendfile,  &counter_eventfd,    &counter_timerfd_create,
    &counter_socket,        &counter_bind,       &counter_listen,    &counter_connect,    &counter_setsockopt,
    &counter_getsockname,   &counter_getaddrinfo, &counter_pthread_create, &counter_libevent,
};

__attribute__((constructor)) static void begin(void) {
  chosen = getenv("FAULT_CALL");
  if (chosen) {
    chosen_at = atol(getenv("FAULT_AT"));
    chosen_errno = atoi(getenv("FAULT_ERRNO"));
  }
  void (*set)(void *(*)(size_t), void *(*)(void *, size_t), void (*)(void *)) =
      (__typeof__(set))dlsym(RTLD_DEFAULT, "event_set_mem_functions");
  if (set) set(event_malloc, event_realloc, free);
}

__attribute__((destructor)) static void end(void) {
  if (chosen) return;
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
    if (counters[i]->count) dprintf(2, "count: %s %ld\n", counters[i]->name, (long)counters[i]->count);
}
