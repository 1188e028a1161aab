// Threads and the processors that they may run on, which are macros in C.
#ifndef TORO_THREADS_H
#define TORO_THREADS_H

// How many processors this process may run on, at least 1: as `nproc` says.
int toro_processor_count(void);

// Has the calling thread run on one processor only, of those that the process may run on, counted round: 0, or an errno value.
int toro_pin_this_thread(int index);

// What tools call the calling thread: the first 15 bytes of the name.
void toro_name_this_thread(const char *name);

#endif
