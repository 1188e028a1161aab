// libevent echo server. argv: raw|bev PORT
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static struct event_base *base;
static int bev;
static void ev_read(evutil_socket_t fd, short w, void *arg) {
    (void)w;
    char b[4096];
    ssize_t n = read(fd, b, sizeof b);
    if (n > 0 && write(fd, b, n) == n)
        return; // 64-byte ping-pong: the socket buffer never fills
    event_free(*(struct event **)arg);
    free(arg);
    close(fd);
}
static void bev_read(struct bufferevent *b, void *a) {
    (void)a;
    evbuffer_add_buffer(bufferevent_get_output(b), bufferevent_get_input(b));
}
static void bev_event(struct bufferevent *b, short w, void *a) {
    (void)a;
    if (w & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(b);
}
static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int sl, void *a) {
    (void)l;
    (void)sa;
    (void)sl;
    (void)a;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bev) {
        struct bufferevent *b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
        bufferevent_setcb(b, bev_read, NULL, bev_event, NULL);
        bufferevent_enable(b, EV_READ | EV_WRITE);
    } else {
        struct event **h = malloc(sizeof *h);
        *h = event_new(base, fd, EV_READ | EV_PERSIST, ev_read, h);
        event_add(*h, NULL);
    }
}
int main(int c, char **v) {
    if (c < 3)
        return 2;
    bev = !strcmp(v[1], "bev");
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(atoi(v[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 2048, (void *)&sa,
                                 sizeof sa))
        return 1;
    return event_base_dispatch(base);
}
