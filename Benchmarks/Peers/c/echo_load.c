// Closed-loop ping-pong client on one epoll. argv: PORT CONNECTIONS SECONDS SIZE [PEER]
// One message in flight per connection; half a second of warm-up is not counted.
#define _GNU_SOURCE
#include "common.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
typedef struct {
    int fd;
    int have;
    uint64_t sent;
} conn;
enum { BUCKETS = 200000 }; // 1 us each; the last takes the rest
static uint32_t hist[BUCKETS];
static char out[65536], in[65536];
static uint64_t pct(uint64_t total, double p) {
    uint64_t c = 0, want = total * p;
    for (int i = 0; i < BUCKETS; i++) {
        c += hist[i];
        if (c > want)
            return i;
    }
    return BUCKETS;
}
int main(int c, char **v) {
    if (c < 5)
        return 2;
    int port = atoi(v[1]), n = atoi(v[2]), size = atoi(v[4]);
    double secs = atof(v[3]);
    if (size < 1 || size > (int)sizeof out)
        return 2;
    memset(out, 'x', size);
    int ep = epoll_create1(0), one = 1;
    conn *cs = calloc(n, sizeof *cs);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < n; i++) {
        cs[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(cs[i].fd, (void *)&a, sizeof a)) {
            perror("connect");
            return 1;
        }
        setsockopt(cs[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(cs[i].fd, F_SETFL, O_NONBLOCK);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &cs[i]};
        epoll_ctl(ep, EPOLL_CTL_ADD, cs[i].fd, &e);
    }
    uint64_t now = now_ns(), begin = now + 500000000ull, end = begin + (uint64_t)(secs * 1e9), total = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        cs[i].sent = now_ns();
        if (write(cs[i].fd, out, size) != size) {
            perror("write");
            return 1;
        }
    }
    struct epoll_event es[1024];
    while (now < end) {
        int k = epoll_wait(ep, es, 1024, 1000);
        if (k == 0) {
            fprintf(stderr, "stalled\n");
            return 1;
        }
        for (int i = 0; i < k; i++) {
            conn *q = es[i].data.ptr;
            ssize_t r = read(q->fd, in, sizeof in);
            if (r <= 0) {
                if (r < 0 && errno == EAGAIN)
                    continue;
                fprintf(stderr, "closed by server\n");
                return 1;
            }
            if ((q->have += r) < size)
                continue;
            q->have = 0;
            now = now_ns();
            if (now >= begin && now < end) {
                uint64_t us = (now - q->sent) / 1000;
                hist[us < BUCKETS ? us : BUCKETS - 1]++;
                total++;
                sum += us;
            }
            q->sent = now;
            if (write(q->fd, out, size) != size) {
                perror("write");
                return 1;
            }
        }
    }
    printf("{\"peer\":\"%s\",\"workload\":\"tcp_echo_%d\",\"rps\":%.0f,\"p50_us\":%lu,\"p99_us\":%lu,\"mean_us\":%.1f,"
           "\"ops\":%lu}\n",
           c > 5 ? v[5] : "?", n, total / secs, pct(total, .50), pct(total, .99), total ? (double)sum / total : 0,
           total);
    return 0;
}
