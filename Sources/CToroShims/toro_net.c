#define _GNU_SOURCE
#include "toro_net.h"

#include <poll.h>

int toro_accept(int descriptor, struct sockaddr *address, socklen_t *length) {
  return accept4(descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

bool toro_peer_has_left(int descriptor) {
  struct pollfd request = {.fd = descriptor, .events = POLLRDHUP};
  return poll(&request, 1, 0) > 0 && (request.revents & (POLLRDHUP | POLLHUP | POLLERR));
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
