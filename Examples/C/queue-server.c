/*
 * A daemon with an event_base of its own, which Toro adopts: bufferevents, signals and waits with deadlines share one loop.
 * The server itself is queue-service.c; glib-host.c and uv-host.c run the same on other loops.
 *
 *     queue-server 7311, then nc 127.0.0.1 7311
 *
 * SIGINT and SIGTERM end it, with status 0; 1: it cannot listen; 64: how to call it.
 */
#include <err.h>
#include <event2/event.h>
#include <signal.h>

#include "queue-service.h"

static void stop(evutil_socket_t number, short what, void *base) {
    (void)number, (void)what;
    event_base_loopbreak(base);
}

int main(int argc, char **argv) {
    struct event_base *base = event_base_new();
    if (base == NULL) errx(1, "event_base_new");
    struct event *interrupted = evsignal_new(base, SIGINT, stop, base);
    struct event *terminated = evsignal_new(base, SIGTERM, stop, base);
    event_add(interrupted, NULL);
    event_add(terminated, NULL);

    toro_reactor *reactor = toro_reactor_adopt(base);
    queue_service_open(reactor, argc, argv);
    event_base_dispatch(base); /* as ever: Toro's events are among the base's */

    queue_service_close();
    toro_reactor_free(reactor); /* before the base, whose events it takes back */
    event_free(interrupted);
    event_free(terminated);
    event_base_free(base);
    return 0;
}
