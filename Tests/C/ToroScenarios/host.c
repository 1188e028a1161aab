#include "check.h"

#include <event2/event.h>

static int calls;
static void counts(void *arg) {
    calls++;
    if (calls < 5) toro_reactor_call_at(arg, toro_after_ms(1), counts, arg, NULL);
}

int run_host(void (*start_job)(struct toro_reactor *reactor)) {
    struct event_base *base = event_base_new();
    toro_reactor *reactor = toro_reactor_adopt(base);
    if (!reactor) return -1;
    calls = 0;
    start_job(reactor);
    toro_reactor_call_at(reactor, toro_after_ms(1), counts, reactor, NULL);
    event_base_dispatch(base);
    toro_reactor_free(reactor);
    event_base_free(base);
    return calls;
}
