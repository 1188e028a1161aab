#define _GNU_SOURCE
#include "toro_threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

int toro_processor_count(void) {
  cpu_set_t allowed;
  if (sched_getaffinity(getpid(), sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed) > 0 ? CPU_COUNT(&allowed) : 1;
  long count = sysconf(_SC_NPROCESSORS_ONLN);  // more of them than the set has room for
  return count > 0 ? (int)count : 1;
}

int toro_pin_this_thread(int index) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(getpid(), sizeof allowed, &allowed) != 0) return errno;
  int left = index % CPU_COUNT(&allowed);
  for (int processor = 0; processor < CPU_SETSIZE; processor++) {
    if (!CPU_ISSET(processor, &allowed) || left-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return pthread_setaffinity_np(pthread_self(), sizeof one, &one);
  }
  return EINVAL;
}

void toro_name_this_thread(const char *name) {
  char text[16] = {0};
  strncpy(text, name, sizeof text - 1);
  pthread_setname_np(pthread_self(), text);
}
