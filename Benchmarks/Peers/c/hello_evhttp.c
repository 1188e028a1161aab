// evhttp hello. argv: PORT
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdlib.h>
static void hello(struct evhttp_request *r, void *a) {
    evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type", "text/plain");
    struct evbuffer *b = a;
    evbuffer_add_reference(b, "Hello, World!", 13, NULL, NULL);
    evhttp_send_reply(r, 200, "OK", b);
}
int main(int c, char **v) {
    if (c < 2)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct evhttp *h = evhttp_new(base);
    evhttp_set_gencb(h, hello, evbuffer_new());
    if (evhttp_bind_socket(h, "127.0.0.1", atoi(v[1])))
        return 1;
    return event_base_dispatch(base);
}
