/*
 * The server of queue-service.c on libuv's loop. The reactor has a base of its own, which nobody dispatches: libuv polls the
 * reactor's descriptor and keeps its deadlines, and gives it a turn when either says so.
 */
#include <err.h>
#include <signal.h>
#include <uv.h>

#include "queue-service.h"

static toro_reactor *reactor;
static uv_poll_t poll_handle;
static uv_timer_t timer;
static uv_prepare_t before_poll;
static uv_signal_t signals[2];

static void readable(uv_poll_t *handle, int status, int events) {
    (void)handle, (void)status, (void)events;
    toro_reactor_run_once(reactor, false);
}

static void due(uv_timer_t *handle) {
    (void)handle;
    toro_reactor_run_once(reactor, false);
}

/* Before each poll, since anything that ran may have changed it: when is the next deadline? */
static void set_timer(uv_prepare_t *handle) {
    int64_t ns = toro_reactor_next_deadline_ns(reactor);
    uv_update_time(handle->loop);
    if (ns < 0) {
        uv_timer_stop(&timer);
    } else {
        uv_timer_start(&timer, due, (ns + 999999) / 1000000, 0); /* rounded up: not before it has passed */
    }
}

static void stop(uv_signal_t *handle, int number) {
    (void)number;
    uv_stop(handle->loop);
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    uv_close(handle, NULL);
}

int main(int argc, char **argv) {
    uv_loop_t *loop = uv_default_loop();
    reactor = toro_reactor_new();
    queue_service_open(reactor, argc, argv);
    if (uv_poll_init(loop, &poll_handle, toro_reactor_fd(reactor)) != 0) errx(1, "uv_poll_init");
    uv_timer_init(loop, &timer);
    uv_prepare_init(loop, &before_poll);
    uv_poll_start(&poll_handle, UV_READABLE, readable);
    uv_prepare_start(&before_poll, set_timer);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop, &signals[i]);
        uv_signal_start(&signals[i], stop, i == 0 ? SIGINT : SIGTERM);
    }
    uv_run(loop, UV_RUN_DEFAULT);

    uv_walk(loop, close_handle, NULL);
    uv_run(loop, UV_RUN_DEFAULT); /* until the handles are closed */
    uv_loop_close(loop);
    queue_service_close();
    toro_reactor_free(reactor);
    return 0;
}
