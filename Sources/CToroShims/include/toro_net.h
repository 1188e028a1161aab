// What sockets need of C: calls that Glibc's module lacks.
#ifndef TORO_NET_H
#define TORO_NET_H

#include <sys/socket.h>

// Accepts a connection that does not block and is closed on exec: accept4.
int toro_accept(int descriptor, struct sockaddr *address, socklen_t *length);

#endif
