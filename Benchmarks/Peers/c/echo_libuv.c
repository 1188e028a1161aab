// libuv echo server. argv: PORT
#include <signal.h>
#include <stdlib.h>
#include <uv.h>
typedef struct {
    uv_tcp_t tcp;
    char in[4096];
} conn;
static void closed(uv_handle_t *h) { free(h); }
static void alloc_cb(uv_handle_t *h, size_t n, uv_buf_t *b) {
    (void)n;
    conn *c = (conn *)h;
    *b = uv_buf_init(c->in, sizeof c->in);
}
static void read_cb(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
    if (n < 0) {
        uv_close((uv_handle_t *)s, closed);
        return;
    }
    uv_buf_t o = uv_buf_init(b->base, n);
    if (n > 0 && uv_try_write(s, &o, 1) != n)
        uv_close((uv_handle_t *)s, closed); // 64-byte ping-pong never blocks
}
static void conn_cb(uv_stream_t *l, int st) {
    if (st < 0)
        return;
    conn *c = malloc(sizeof *c);
    uv_tcp_init(l->loop, &c->tcp);
    if (uv_accept(l, (uv_stream_t *)c)) {
        uv_close((uv_handle_t *)c, closed);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)c, alloc_cb, read_cb);
}
int main(int c, char **v) {
    if (c < 2)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_t *l = uv_default_loop();
    uv_tcp_t s;
    struct sockaddr_in a;
    uv_tcp_init(l, &s);
    uv_ip4_addr("127.0.0.1", atoi(v[1]), &a);
    uv_tcp_bind(&s, (struct sockaddr *)&a, 0);
    if (uv_listen((uv_stream_t *)&s, 2048, conn_cb))
        return 1;
    return uv_run(l, UV_RUN_DEFAULT);
}
