#include "check.h"

#include <event2/event.h>
#include <sys/wait.h>

static void descriptors(void) {
    toro_reactor *r = toro_reactor_new();
    int ends[2];
    uint64_t id;
    EQUAL(pipe(ends), 0);
    OK(toro_fd_wait(r, ends[1], TORO_WRITABLE, FOREVER, told, "writable", &id));
    LOG("writable");
    EQUAL(id, 0);
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, toro_after_ms(-1), told, "passed", &id));
    EQUAL(id, 0);
    OK(toro_reactor_run(r));
    LOG("passed:timed-out");
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, toro_after_ms(5), told, "timed", &id));
    EQUAL(toro_reactor_pending(r), 1);
    OK(toro_reactor_run(r));
    LOG("timed:timed-out");
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, FOREVER, told, "cancelled", &id));
    OK(toro_cancel(r, id));
    LOG("cancelled:cancelled");
    OK(toro_reactor_run(r));
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, FOREVER, told, "both", NULL));
    OK(toro_fd_wait(r, ends[0], TORO_READABLE | TORO_WRITABLE, FOREVER, told, "both", NULL));
    EQUAL(write(ends[1], "x", 1), 1);
    OK(toro_reactor_run(r));
    EQUAL(toro_reactor_pending(r), 0);
    char text[1];
    EQUAL(read(ends[0], text, 1), 1);
    int bad[] = {-1, -77, 99999};
    for (int i = 0; i < 3; i++) {
        errno = 0;
        id = 7;
        EQUAL(toro_fd_wait(r, bad[i], TORO_READABLE, FOREVER, told, "", &id), TORO_SYSTEM);
        EQUAL(errno, EBADF);
        EQUAL(id, 0);
    }
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, FOREVER, told, "closed", NULL));
    toro_reactor_free(r);
    close(ends[0]);
    close(ends[1]);
    LOG("both both closed:closed");
}

static int first_pipe[2], second_pipe[2];
static toro_reactor *reactor;
static uint64_t reading;

static void writes_first(void *arg) {
    (void)arg;
    EQUAL(write(first_pipe[1], "x", 1), 1);
}

static void writes_second(void *arg) {
    (void)arg;
    EQUAL(write(second_pipe[1], "x", 1), 1);
}

static void replaces_pipe(int status, void *arg) {
    told(status, arg);
    OK(toro_cancel(reactor, reading));
    int number = first_pipe[0];
    close(first_pipe[0]);
    close(first_pipe[1]);
    EQUAL(pipe(second_pipe), 0);
    EQUAL(second_pipe[0], number);
    OK(toro_fd_wait(reactor, number, TORO_READABLE, toro_after_ms(10000), told, "second", NULL));
    OK(toro_reactor_call_at(reactor, toro_after_ms(5), writes_second, NULL, NULL));
}

static void replaced_number_on(toro_reactor *r, void (*run)(toro_reactor *)) {
    reactor = r;
    toro_event *event = toro_event_new(r, 0);
    EQUAL(pipe(first_pipe), 0);
    OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, told, "first", &reading));
    OK(toro_event_wait(event, toro_after_ms(5), replaces_pipe, "replaces", NULL));
    run(r);
    LOG("replaces:timed-out first:cancelled second");
    toro_event_free(event);
    toro_reactor_free(r);
    close(second_pipe[0]);
    close(second_pipe[1]);
}

static void runs(toro_reactor *r) { OK(toro_reactor_run(r)); }

static struct event_base *host;
static void dispatches(toro_reactor *r) {
    (void)r;
    CHECK(event_base_dispatch(host) >= 0);
}

static void replaced_number(void) {
    replaced_number_on(toro_reactor_new(), runs);
    replaced_number_on(toro_reactor_new_virtual(), runs);
    host = event_base_new();
    replaced_number_on(toro_reactor_adopt(host), dispatches);
    event_base_free(host);
}

static void first_come(void) {
    for (int kind = 0; kind < 3; kind++) {
        host = kind == 2 ? event_base_new() : NULL;
        toro_reactor *r = kind == 0 ? toro_reactor_new() : kind == 1 ? toro_reactor_new_virtual() : toro_reactor_adopt(host);
        EQUAL(pipe(first_pipe), 0);
        uint64_t id;
        OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, told, "1", NULL));
        OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, told, "2", &id));
        OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, told, "3", NULL));
        OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE | TORO_WRITABLE, FOREVER, told, "4", NULL));
        OK(toro_cancel(r, id));
        OK(toro_reactor_execute(r, writes_first, NULL));
        if (host) dispatches(r); else runs(r);
        LOG("2:cancelled 1 3 4");
        toro_reactor_free(r);
        if (host) event_base_free(host);
        close(first_pipe[0]);
        close(first_pipe[1]);
    }
}

static void the_last(void) {
    toro_reactor *r = toro_reactor_new_virtual();
    EQUAL(pipe(first_pipe), 0);
    OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, told, "told", NULL));
    OK(toro_reactor_execute(r, writes_first, NULL));
    OK(toro_reactor_run(r));
    OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, told, "again", NULL));
    while (toro_reactor_run_once(r, true) == TORO_OK && toro_reactor_pending(r)) {}
    LOG("told again");
    toro_reactor_free(r);
    close(first_pipe[0]);
    close(first_pipe[1]);
}

static void own_event_once(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    called(arg);
}

static void the_last_event(void) {
    toro_reactor *r = toro_reactor_new_virtual();
    EQUAL(event_base_once(toro_reactor_base(r), -1, EV_TIMEOUT, own_event_once, "once", NULL), 0);
    OK(toro_reactor_run(r));
    LOG("once");
    toro_reactor_free(r);
}

static void passes_on(int status, void *arg) {
    told(status, arg);
    writes_second(NULL);
}

static void made_ready_by_another(void) {
    toro_reactor *r = toro_reactor_new_virtual();
    EQUAL(pipe(first_pipe), 0);
    EQUAL(pipe(second_pipe), 0);
    OK(toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, passes_on, "first", NULL));
    OK(toro_fd_wait(r, second_pipe[0], TORO_READABLE, toro_after_ms(3600000), told, "second", NULL));
    OK(toro_reactor_execute(r, writes_first, NULL));
    OK(toro_reactor_run(r));
    LOG("first second");
    toro_reactor_free(r);
    for (int i = 0; i < 2; i++) {
        close(first_pipe[i]);
        close(second_pipe[i]);
    }
}

static void takes_its_time(void *arg) {
    writes_first(arg);
    sleep_ms(30);
    OK(toro_reactor_execute(reactor, called, "queued"));
}

static void readable_and_due(void) {
    for (int steps = 0; steps < 2; steps++) {
        reactor = toro_reactor_new();
        EQUAL(pipe(first_pipe), 0);
        OK(toro_fd_wait(reactor, first_pipe[0], TORO_READABLE, toro_after_ms(15), told, "readable", NULL));
        OK(toro_reactor_execute(reactor, takes_its_time, NULL));
        if (steps) while (toro_reactor_run_once(reactor, true) == TORO_OK) {}
        else runs(reactor);
        LOG("readable queued");
        toro_reactor_free(reactor);
        close(first_pipe[0]);
        close(first_pipe[1]);
    }
}

static void binds(void *arg) { EQUAL(toro_reactor_bind(arg), TORO_BUSY); }

static void has_another_bind(int status, void *arg) {
    told(status, arg);
    elsewhere(binds, reactor);
    CHECK(toro_reactor_is_current(reactor));
}

static void busy_in_an_event(void) {
    host = event_base_new();
    reactor = toro_reactor_adopt(host);
    EQUAL(pipe(first_pipe), 0);
    OK(toro_fd_wait(reactor, first_pipe[0], TORO_READABLE, FOREVER, has_another_bind, "event", NULL));
    writes_first(NULL);
    dispatches(reactor);
    LOG("event");
    toro_reactor_free(reactor);
    event_base_free(host);
    close(first_pipe[0]);
    close(first_pipe[1]);
}

const scenario descriptor_scenarios[] = {
    {"Descriptors are waited for, with deadlines, cancels, errors and close", descriptors},
    {"Once a wait has been cancelled its descriptor's number may be used again at once", replaced_number},
    {"Who waits for one descriptor is told in the order in which they came", first_come},
    {"In virtual time a run ends when a descriptor was the last thing waited for", the_last},
    {"In virtual time a run ends when an event of the program's was the last thing", the_last_event},
    {"Virtual time stands still while a descriptor is ready, be it made so by another's callback", made_ready_by_another},
    {"What is readable when its deadline is looked at is not late", readable_and_due},
    {"A reactor is busy while the event of a descriptor runs", busy_in_an_event},
    {NULL, NULL},
};
