#include "http-service.h"

#include <arpa/inet.h>
#include <err.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { GRACE_MS = 5000 };

static const struct http_program *program;
static toro_reactor *reactor;
static struct evhttp *http;
static struct evhttp_bound_socket *bound;
static struct event *interrupted, *terminated;
static toro_gate *in_hand; /* requests, until their answers are sent */

static void hung_up(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    program->gone(arg);
}

static void received(struct evhttp_request *request, void *arg) {
    (void)arg;
    if (toro_gate_enter(in_hand) != TORO_OK) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    struct exchange *exchange = calloc(1, sizeof *exchange);
    exchange->request = request;
    /* evhttp does not read while a request is in hand, and so does not notice that its client goes. */
    struct bufferevent *stream = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    event_assign(&exchange->hangup, toro_reactor_base(reactor), bufferevent_getfd(stream), EV_CLOSED, hung_up, exchange);
    event_add(&exchange->hangup, NULL);
    program->asked(exchange, evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request)));
}

static void lost(struct evhttp_connection *connection, void *arg) {
    (void)connection, (void)arg;
    toro_gate_leave(in_hand);
}

static void sent(struct evhttp_request *request, void *arg) {
    (void)arg;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    toro_gate_leave(in_hand);
}

void http_answer(struct exchange *exchange, int status, const char *text) {
    struct evhttp_request *request = exchange->request;
    event_del(&exchange->hangup);
    free(exchange);
    /* One of these says that evhttp is done with it. */
    evhttp_request_set_on_complete_cb(request, sent, NULL);
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), lost, NULL);

    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", "text/plain; charset=utf-8");
    if (!bound) evhttp_add_header(headers, "Connection", "close");
    struct evbuffer *body = evbuffer_new();
    evbuffer_add_printf(body, "%s\n", text);
    evhttp_send_reply(request, status, NULL, body);
    evbuffer_free(body);
}

static void drained(int status, void *arg) {
    (void)arg;
    if (status == TORO_TIMED_OUT) warnx("%zu requests were not answered in time", toro_gate_count(in_hand));
    event_base_loopbreak(toro_reactor_base(reactor));
}

static void stop(evutil_socket_t number, short what, void *arg) {
    (void)number, (void)what, (void)arg;
    if (bound) {
        evhttp_del_accept_socket(http, bound);
        bound = NULL;
        toro_gate_close(in_hand);
        toro_gate_join(in_hand, toro_after_ms(GRACE_MS), drained, NULL, NULL);
    } else {
        event_base_loopbreak(toro_reactor_base(reactor));
    }
}

void http_open(toro_reactor *on, const char *port, const struct http_program *what) {
    struct event_base *base = toro_reactor_base(on);
    char *rest;
    long number = strtol(port, &rest, 10);
    if (number < 0 || number > 65535 || *port == 0 || *rest != 0) errx(64, "not a port: %s", port);

    signal(SIGPIPE, SIG_IGN); /* a client that has gone is an error of its connection */
    program = what;
    reactor = on;
    in_hand = toro_gate_new(reactor, TORO_DEFER_CALLBACKS);
    http = evhttp_new(base);
    if (in_hand == NULL || http == NULL) err(1, "no server");
    evhttp_set_gencb(http, received, NULL);
    evhttp_set_max_headers_size(http, 8192);
    evhttp_set_max_body_size(http, 8192);
    bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", number);
    if (bound == NULL) err(1, "port %s", port);
    interrupted = evsignal_new(base, SIGINT, stop, NULL);
    terminated = evsignal_new(base, SIGTERM, stop, NULL);
    event_add(interrupted, NULL);
    event_add(terminated, NULL);

    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size);
    printf("listening on http://127.0.0.1:%d/\n", ntohs(address.sin_port));
    fflush(stdout);
}

void http_close(struct event_base *base) {
    event_free(interrupted);
    event_free(terminated);
    event_base_loop(base, EVLOOP_NONBLOCK); /* sends what was answered last */
    evhttp_free(http);
    toro_gate_free(in_hand);
}
