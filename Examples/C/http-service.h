/*
 * What lookup-server.c and mixed-server.c have in common: an evhttp server on 127.0.0.1 whose requests are answered later.
 *
 * On SIGINT or SIGTERM it accepts no more clients, waits for the requests in hand, for a few seconds at most, and breaks the
 * loop. A second signal breaks it at once.
 */
#ifndef HTTP_SERVICE_H
#define HTTP_SERVICE_H

#include <event2/event_struct.h>
#include <event2/http.h>
#include <toro.h>

/* A request, from the call of `asked` until it is answered. */
struct exchange {
    struct evhttp_request *request;
    struct event hangup;
    void *task; /* the program's */
    uint64_t wait; /* the program's */
};

struct http_program {
    /* Takes a request, to be answered once, now or later. The path begins with a slash. */
    void (*asked)(struct exchange *exchange, const char *path);
    /* Its client has gone: ends the work on it. It is still to be answered, though nobody will read that. */
    void (*gone)(struct exchange *exchange);
};

/* Listens on the reactor's base; ends the program if it cannot. */
void http_open(toro_reactor *reactor, const char *port, const struct http_program *program);
/* The exchange is not to be used any more. */
void http_answer(struct exchange *exchange, int status, const char *text);
/* After the reactor was freed, which tells all who wait, so that they answer; before the base is. */
void http_close(struct event_base *base);

#endif
