#include "queue-service.h"

#include <arpa/inet.h>
#include <err.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { CAPACITY = 4, LONGEST_LINE = 4096, LONGEST_OUTPUT = 65536 };

/* A client does one thing after the other: what it says while it waits is read when it has been answered. */
struct client {
    struct bufferevent *stream;
    char *text;    /* what it puts, until that is in the queue */
    uint64_t wait; /* what toro_cancel takes */
    bool is_waiting, is_served;
    LIST_ENTRY(client) others;
};

static toro_reactor *reactor;
static toro_queue *queue;
static struct evconnlistener *listener;
static LIST_HEAD(, client) clients = LIST_HEAD_INITIALIZER(clients);

static void serve(struct bufferevent *stream, void *arg);
static void leave(struct bufferevent *stream, void *arg);

static void answer(struct client *client, const char *word, const char *text) {
    evbuffer_add_printf(bufferevent_get_output(client->stream), "%s%s\n", word, text);
    client->is_waiting = false;
    if (!client->is_served) serve(client->stream, client);
}

/* A callback runs once, whatever becomes of its wait. Cancelled: the client has gone, and is freed by who cancelled. */
static void put_ended(int status, void *arg) {
    struct client *client = arg;
    if (status != TORO_OK) free(client->text); /* still ours: only TORO_OK has put it */
    if (status != TORO_CANCELLED) answer(client, status == TORO_OK ? "ok" : "full", "");
}

static void take_ended(int status, void *text, void *arg) {
    if (status != TORO_CANCELLED) answer(arg, status == TORO_OK ? "text " : "none", status == TORO_OK ? text : "");
    free(text); /* NULL unless the status is TORO_OK */
}

static void perform(struct client *client, const char *line) {
    long ms;
    int end = 0, status = TORO_OK;
    client->is_waiting = true;
    if (sscanf(line, "take %ld%n", &ms, &end) == 1 && line[end] == 0) {
        status = toro_queue_get(queue, toro_after_ms(ms), take_ended, client, &client->wait);
    } else if (sscanf(line, "put %ld %n", &ms, &end) == 1 && line[end] != 0) {
        client->text = strdup(line + end);
        status = toro_queue_put(queue, client->text, toro_after_ms(ms), put_ended, client, &client->wait);
    } else {
        answer(client, "error put <milliseconds> <text>, or take <milliseconds>", "");
    }
    if (status != TORO_OK) err(1, "%s", toro_strerror(status)); /* the wait was not accepted: only a mistake of ours */
}

/* The client has said something, or has read what it was told: answers line after line, until one has to wait. */
static void serve(struct bufferevent *stream, void *arg) {
    struct client *client = arg;
    struct evbuffer *input = bufferevent_get_input(stream), *output = bufferevent_get_output(stream);
    char *line;
    client->is_served = true;
    while (!client->is_waiting && evbuffer_get_length(output) < LONGEST_OUTPUT &&
           (line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF))) {
        perform(client, line);
        free(line);
    }
    client->is_served = false;
    if (evbuffer_get_length(input) < LONGEST_LINE) {
        bufferevent_enable(stream, EV_READ);
    } else if (evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_CRLF).pos < 0) {
        leave(stream, client); /* a line that does not end */
    } else {
        /* Enough for now. A high water mark would not do: while it is reached, libevent calls this again and again. */
        bufferevent_disable(stream, EV_READ);
    }
}

static void leave(struct bufferevent *stream, void *arg) {
    struct client *client = arg;
    toro_cancel(reactor, client->wait); /* its callback runs before this returns; too late is no harm */
    bufferevent_free(stream);
    LIST_REMOVE(client, others);
    free(client);
}

static void end(struct bufferevent *stream, short what, void *arg) {
    struct client *client = arg;
    if ((what & BEV_EVENT_EOF) && !client->is_waiting && evbuffer_get_length(bufferevent_get_output(stream)) > 0) {
        bufferevent_setcb(stream, NULL, leave, end, client); /* it may still read the last answers */
    } else {
        leave(stream, client);
    }
}

static void accepted(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *peer, int size, void *arg) {
    (void)from, (void)peer, (void)size, (void)arg;
    struct client *client = calloc(1, sizeof *client);
    client->stream = bufferevent_socket_new(toro_reactor_base(reactor), fd, BEV_OPT_CLOSE_ON_FREE);
    LIST_INSERT_HEAD(&clients, client, others);
    bufferevent_setcb(client->stream, serve, serve, end, client);
    bufferevent_enable(client->stream, EV_READ);
}

static void accept_again(void *arg) {
    evconnlistener_enable(arg);
}

/* Out of descriptors, most likely: some client will leave. */
static void not_accepted(struct evconnlistener *from, void *arg) {
    (void)arg;
    evconnlistener_disable(from);
    toro_reactor_call_at(reactor, toro_after_ms(100), accept_again, from, NULL);
}

void queue_service_open(toro_reactor *on, int argc, char **argv) {
    char *rest = "";
    long port = argc == 2 ? strtol(argv[1], &rest, 10) : -1;
    if (port < 0 || port > 65535 || *rest != 0) errx(64, "usage: %s <port>, 0 for one that is free", argv[0]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;

    signal(SIGPIPE, SIG_IGN); /* a client that has gone is an error of its connection */
    reactor = on;
    if (reactor == NULL || (queue = toro_queue_new(reactor, TORO_FIFO, CAPACITY, NULL, NULL, 0)) == NULL) err(1, "toro");
    listener = evconnlistener_new_bind(toro_reactor_base(reactor), accepted, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE,
                                       -1, (struct sockaddr *)&address, size);
    if (listener == NULL) err(1, "port %ld", port);
    evconnlistener_set_error_cb(listener, not_accepted);
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

void queue_service_close(void) {
    void *text;
    evconnlistener_free(listener);
    while (!LIST_EMPTY(&clients)) leave(LIST_FIRST(&clients)->stream, LIST_FIRST(&clients));
    while (toro_queue_try_get(queue, &text) == TORO_OK) free(text);
    toro_queue_free(queue);
}
