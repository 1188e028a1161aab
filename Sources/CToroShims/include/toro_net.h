// What sockets and signals need of C: calls that Glibc's module lacks, and a signal handler, since Swift cannot say what
// may run in one.
#ifndef TORO_NET_H
#define TORO_NET_H

#include <sys/socket.h>

// Accepts a connection that does not block and is closed on exec: accept4.
int toro_accept(int descriptor, struct sockaddr *address, socklen_t *length);

// Makes a pipe whose ends do not block and are closed on exec: 0, or -1 and errno.
int toro_make_pipe(int ends[2]);

// Has every arrival of the signal written to the descriptor, as one byte with its number: 0, or an errno value, EBUSY if
// it goes to a descriptor already. What the signal did before is remembered.
int toro_signal_watch(int number, int descriptor);

// Gives the signal back what it did before. When this returns no handler runs that could write to the descriptor.
void toro_signal_unwatch(int number);

#endif
