// What sockets need of C: calls that Glibc's module lacks.
#ifndef TORO_NET_H
#define TORO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

// Accepts a connection that does not block and is closed on exec: accept4.
int toro_accept(int descriptor, struct sockaddr *address, socklen_t *length);

// Whether the other end of a stream has ended its side, or the stream was cut, whatever there is to be read before that.
bool toro_peer_has_left(int descriptor);

// One datagram of a batch: the memory for it, or that it is in, and whom it is from, or to. An address of length 0 is none.
typedef struct toro_datagram {
  void *bytes;
  size_t count;
  socklen_t address_length;
  struct sockaddr_storage address;
} toro_datagram;

enum { toro_max_datagrams = 64 };

// Receives up to toro_max_datagrams datagrams that are there, without waiting: recvmmsg. How many, or -1 and errno. Each one's
// count becomes that of the whole datagram, which may be more than its memory held.
int toro_receive_datagrams(int descriptor, toro_datagram *datagrams, int count);

// Sends up to toro_max_datagrams datagrams, in order, as far as there is room: sendmmsg. How many, or -1 and errno if it is
// none.
int toro_send_datagrams(int descriptor, toro_datagram *datagrams, int count);

#endif
