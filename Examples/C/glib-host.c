/*
 * The server of queue-service.c on a GLib main loop. The reactor has a base of its own, which nobody dispatches: GLib polls
 * the reactor's descriptor and keeps its deadlines, and gives it a turn when either says so.
 */
#include <glib-unix.h>
#include <glib.h>

#include "queue-service.h"

struct toro_source {
    GSource source;
    toro_reactor *reactor;
    gpointer poll;
};

/* Before each poll: for how long at most? */
static gboolean prepare(GSource *source, gint *milliseconds) {
    int64_t ns = toro_reactor_next_deadline_ns(((struct toro_source *)source)->reactor);
    /* Rounded up, lest the loop spin through the last millisecond. */
    *milliseconds = ns < 0 ? -1 : MIN((ns + 999999) / 1000000, G_MAXINT);
    return ns == 0;
}

/* After each poll: is there work? */
static gboolean check(GSource *source) {
    struct toro_source *self = (struct toro_source *)source;
    return g_source_query_unix_fd(source, self->poll) != 0 || toro_reactor_next_deadline_ns(self->reactor) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc fn, gpointer arg) {
    (void)fn, (void)arg;
    toro_reactor_run_once(((struct toro_source *)source)->reactor, false);
    return G_SOURCE_CONTINUE;
}

static gboolean stop(gpointer loop) {
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, stop, loop);
    g_unix_signal_add(SIGTERM, stop, loop);

    toro_reactor *reactor = toro_reactor_new();
    queue_service_open(reactor, argc, argv);
    GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};
    GSource *source = g_source_new(&functions, sizeof(struct toro_source));
    ((struct toro_source *)source)->reactor = reactor;
    ((struct toro_source *)source)->poll = g_source_add_unix_fd(source, toro_reactor_fd(reactor), G_IO_IN);
    g_source_attach(source, NULL);
    g_main_loop_run(loop);

    g_source_destroy(source);
    g_source_unref(source);
    queue_service_close();
    toro_reactor_free(reactor);
    g_main_loop_unref(loop);
    return 0;
}
