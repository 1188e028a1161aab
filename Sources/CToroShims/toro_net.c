#define _GNU_SOURCE
#include "toro_net.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { highest = 64 };

// A descriptor plus one; 0 if the signal is not watched.
static _Atomic int targets[highest + 1];
static _Atomic int handlers_running;
static _Atomic pid_t owner;
static struct sigaction before[highest + 1];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void handle(int number) {
  int saved = errno;
  if (getpid() != atomic_load(&owner)) {
    // A forked child: the pipe is its parent's. Here the signal does what it does by default.
    signal(number, SIG_DFL);
    raise(number);
  } else {
    atomic_fetch_add(&handlers_running, 1);
    int target = atomic_load(&targets[number]);
    unsigned char byte = (unsigned char)number;
    if (target > 0) (void)!write(target - 1, &byte, 1);
    atomic_fetch_sub(&handlers_running, 1);
  }
  errno = saved;
}

int toro_accept(int descriptor, struct sockaddr *address, socklen_t *length) {
  return accept4(descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int toro_make_pipe(int ends[2]) { return pipe2(ends, O_NONBLOCK | O_CLOEXEC); }

int toro_signal_watch(int number, int descriptor) {
  if (number < 1 || number > highest) return EINVAL;
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  int result = 0;
  pthread_mutex_lock(&lock);
  if (atomic_load(&targets[number]) != 0) {
    result = EBUSY;
  } else {
    atomic_store(&owner, getpid());
    atomic_store(&targets[number], descriptor + 1);
    if (sigaction(number, &action, &before[number]) != 0) {
      result = errno;
      atomic_store(&targets[number], 0);
    }
  }
  pthread_mutex_unlock(&lock);
  return result;
}

void toro_signal_unwatch(int number) {
  pthread_mutex_lock(&lock);
  if (atomic_load(&targets[number]) != 0) {
    sigaction(number, &before[number], 0);
    atomic_store(&targets[number], 0);
  }
  pthread_mutex_unlock(&lock);
  while (atomic_load(&handlers_running) > 0) sched_yield();
}

// Points the system's headers of a batch at its datagrams, and returns how many they are.
static int lay_out(struct mmsghdr *headers, struct iovec *parts, toro_datagram *datagrams, int count, int receives) {
  if (count > toro_max_datagrams) count = toro_max_datagrams;
  for (int i = 0; i < count; i++) {
    parts[i] = (struct iovec){datagrams[i].bytes, datagrams[i].count};
    socklen_t length = receives ? sizeof datagrams[i].address : datagrams[i].address_length;
    headers[i] = (struct mmsghdr){.msg_hdr = {.msg_name = length ? &datagrams[i].address : 0, .msg_namelen = length,
                                              .msg_iov = &parts[i], .msg_iovlen = 1}};
  }
  return count;
}

int toro_receive_datagrams(int descriptor, toro_datagram *datagrams, int count) {
  struct mmsghdr headers[toro_max_datagrams];
  struct iovec parts[toro_max_datagrams];
  count = lay_out(headers, parts, datagrams, count, 1);
  int received = recvmmsg(descriptor, headers, count, MSG_DONTWAIT | MSG_TRUNC, 0);
  for (int i = 0; i < received; i++) {
    datagrams[i].count = headers[i].msg_len;
    datagrams[i].address_length = headers[i].msg_hdr.msg_namelen;
  }
  return received;
}

int toro_send_datagrams(int descriptor, toro_datagram *datagrams, int count) {
  struct mmsghdr headers[toro_max_datagrams];
  struct iovec parts[toro_max_datagrams];
  count = lay_out(headers, parts, datagrams, count, 0);
  return sendmmsg(descriptor, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}
