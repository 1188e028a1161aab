#include "check.h"

#include <event2/event.h>
#include <event2/thread.h>

static struct event_base *make_base(int locks) {
    struct event_config *config = event_config_new();
    if (!locks) event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

typedef enum { dispatch, once, nonblock, drives } drive;

// Drives until the base has nothing left; says whether it ended by itself within five seconds.
static void run(struct event_base *base, drive how) {
    long long start = now_ns();
    switch (how) {
    case dispatch: EQUAL(event_base_dispatch(base), 1); break;
    case once: while (event_base_loop(base, EVLOOP_ONCE) == 0) CHECK(now_ns() - start < 5000000000LL); break;
    default: while (event_base_loop(base, EVLOOP_NONBLOCK) == 0) CHECK(now_ns() - start < 5000000000LL);
    }
    CHECK(now_ns() - start < 5000000000LL);
}

static world w;
static void *posts(void *arg) { sleep_ms(5); OK(toro_reactor_execute(arg, called, "posted")); sleep_ms(5); OK(toro_reactor_unhold(arg)); return NULL; }
static void tick(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    OK(toro_lock_release(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "again", NULL));
    note(arg);
}
static void sets(void *arg) { (void)arg; OK(toro_event_set(w.event)); }

static void exercise(int locks, drive how) {
    struct event_base *base = make_base(locks);
    toro_reactor *r = toro_reactor_adopt(base);
    CHECK(r && toro_reactor_base(r) == base);
    EQUAL(toro_reactor_run(r), TORO_INVALID);
    EQUAL(toro_reactor_run_once(r, false), TORO_INVALID);
    EQUAL(toro_reactor_stop(r), TORO_INVALID);
    w = make_world(r, 0);
    run(base, how);  // nothing is there: the host's loop ends
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "handed", NULL));
    struct event *host = evtimer_new(base, tick, "tick");
    struct timeval soon = {0, 2000};
    evtimer_add(host, &soon);
    run(base, how);
    LOG("handed tick");
    OK(toro_event_wait(w.event, toro_after_ms(20000), told, "set", NULL));
    OK(toro_event_wait(w.event, toro_after_ms(1), told, "one", NULL));
    OK(toro_reactor_call_at(r, toro_after_ms(10), sets, NULL, NULL));
    run(base, how);
    LOG("one:timed-out set");
    OK(toro_reactor_execute(r, called, "executed"));
    run(base, how);
    LOG("executed");
    OK(toro_reactor_hold(r));
    pthread_t thread;
    pthread_create(&thread, NULL, posts, r);
    run(base, how);
    pthread_join(thread, NULL);
    LOG("posted");
    int ends[2];
    EQUAL(pipe(ends), 0);
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, toro_after_ms(5), told, "silent", NULL));
    run(base, how);
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, FOREVER, told, "readable", NULL));
    EQUAL(write(ends[1], "x", 1), 1);
    run(base, how);
    LOG("silent:timed-out readable");
    close(ends[0]);
    close(ends[1]);
    // A bare wait does not keep the host's loop, nor does a deadline that is gone.
    uint64_t id;
    OK(toro_condition_wait(w.condition, toro_after_ms(3600000), told, "hour", &id));
    OK(toro_condition_wait(w.condition, FOREVER, told, "bare", NULL));
    OK(toro_cancel(r, id));
    run(base, how);
    LOG("hour:cancelled");
    free_objects(&w);
    LOG("again:closed bare:closed");
    toro_reactor_free(r);
    event_free(host);
    event_base_free(base);
}

static void every_base(void) {
    for (int locks = 0; locks < 2; locks++)
        for (drive how = dispatch; how < drives; how++) exercise(locks, how);
}

static void every_base_with_threads(void) {
    EQUAL(evthread_use_pthreads(), 0);
    every_base();
}

static void counted(void) {
    struct event_base *base = make_base(0);
    toro_reactor *r = toro_reactor_adopt(base);
    CHECK(toro_reactor_adopt(base) == r && toro_reactor_adopt(base) == r);
    toro_event *e = toro_event_new(r, 0);
    OK(toro_event_wait(e, FOREVER, told, "wait", NULL));
    toro_reactor_free(r);
    toro_reactor_free(r);
    LOG("");
    EQUAL(toro_reactor_pending(r), 1);
    toro_reactor_free(r);
    LOG("wait:closed");
    EQUAL(toro_event_set(e), TORO_CLOSED);
    toro_event_free(e);
    r = toro_reactor_adopt(base);  // anew
    e = toro_event_new(r, 0);
    OK(toro_event_set(e));
    toro_event_free(e);
    toro_reactor_free(r);
    event_base_free(base);
}

static int ticks;
static toro_reactor *freed;
static void counts(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    (void)arg;
    if (++ticks == 3 && freed) {
        toro_reactor_free(freed);
        freed = NULL;
        LOG("wait:closed timed:closed");
    }
}

// Scenario 34.
static void host_goes_on(void) {
    struct event_base *base = make_base(1);
    toro_reactor *r = freed = toro_reactor_adopt(base);
    toro_event *e = toro_event_new(r, 0);
    OK(toro_event_wait(e, FOREVER, told, "wait", NULL));
    OK(toro_event_wait(e, toro_after_ms(3600000), told, "timed", NULL));
    OK(toro_reactor_call_at(r, toro_after_ms(3600000), called, "call", NULL));
    OK(toro_reactor_hold(r));
    struct event *host = event_new(base, -1, EV_PERSIST, counts, NULL);
    struct timeval interval = {0, 1000};
    event_add(host, &interval);
    while (ticks < 10) event_base_loop(base, EVLOOP_ONCE);
    CHECK(freed == NULL);
    event_free(host);
    EQUAL(event_base_dispatch(base), 1);
    EQUAL(toro_event_wait(e, FOREVER, told, "", NULL), TORO_CLOSED);
    toro_event_free(e);
    event_base_free(base);
}

static void frees(void *arg) { toro_reactor_free(arg); }
static void closes_elsewhere(void) {
    struct event_base *base = make_base(0);
    toro_reactor *r = toro_reactor_adopt(base);
    toro_event *e = toro_event_new(r, 0);
    OK(toro_event_wait(e, FOREVER, told, "wait", NULL));
    elsewhere(frees, r);
    LOG("");
    EQUAL(toro_event_waiters(e), 1);
    struct event *host = event_new(base, -1, EV_PERSIST, counts, NULL);
    struct timeval interval = {0, 1000};
    event_add(host, &interval);
    while (toro_event_waiters(e)) event_base_loop(base, EVLOOP_NONBLOCK);
    event_free(host);
    LOG("wait:closed");
    toro_event_free(e);
    // A host whose loop has ended binds first.
    r = toro_reactor_adopt(base);
    e = toro_event_new(r, 0);
    OK(toro_event_wait(e, FOREVER, told, "wait", NULL));
    OK(toro_reactor_bind(r));
    toro_reactor_free(r);
    LOG("wait:closed");
    toro_event_free(e);
    event_base_free(base);
}

static void readopts(int status, void *arg) {
    told(status, arg);
    struct event_base *base = toro_reactor_base(w.reactor);
    toro_reactor_free(w.reactor);
    CHECK(toro_reactor_adopt(base) == w.reactor);
}

static void adopted_again(void) {
    struct event_base *base = make_base(0);
    w = make_world(toro_reactor_adopt(base), 0);
    OK(toro_event_wait(w.event, FOREVER, readopts, "1", NULL));
    OK(toro_condition_wait(w.condition, FOREVER, told, "2", NULL));
    OK(toro_event_set(w.event));
    LOG("1");
    OK(toro_condition_notify(w.condition, 1));
    LOG("2");
    free_world(&w);
    event_base_free(base);
}

static void frees_reactor(int status, void *arg) { told(status, arg); toro_reactor_free(w.reactor); }

static void frees_in_descriptor_event(void) {
    struct event_base *base = make_base(1);
    w = make_world(toro_reactor_adopt(base), 0);
    int ends[2];
    EQUAL(pipe(ends), 0);
    EQUAL(write(ends[1], "x", 1), 1);
    OK(toro_event_wait(w.event, FOREVER, told, "event", NULL));
    OK(toro_fd_wait(w.reactor, ends[1], TORO_READABLE, FOREVER, told, "never", NULL));
    char text[1];
    EQUAL(read(ends[0], text, 1), 1);
    OK(toro_fd_wait(w.reactor, ends[0], TORO_READABLE, FOREVER, frees_reactor, "readable", NULL));
    EQUAL(write(ends[1], "x", 1), 1);
    run(base, dispatch);
    LOG("readable event:closed never:closed");
    free_objects(&w);
    close(ends[0]);
    close(ends[1]);
    event_base_free(base);
}

static toro_reactor *bare;
static void frees_bare(int status, void *arg) { told(status, arg); toro_reactor_free(bare); }

// With nothing beside the wait that holds the reactor.
static void frees_bare_in_descriptor_event(void) {
    struct event_base *base = make_base(1);
    bare = toro_reactor_adopt(base);
    int ends[2];
    EQUAL(pipe(ends), 0);
    OK(toro_fd_wait(bare, ends[0], TORO_READABLE, FOREVER, frees_bare, "readable", NULL));
    EQUAL(write(ends[1], "x", 1), 1);
    run(base, dispatch);
    LOG("readable");
    close(ends[0]);
    close(ends[1]);
    event_base_free(base);
}

static void *drives_elsewhere(void *arg) { event_base_dispatch(arg); return NULL; }
static void on_thread(void *arg) { CHECK(toro_reactor_is_current(arg)); EQUAL(toro_reactor_bind(arg), TORO_BUSY); OK(toro_reactor_unhold(arg)); note("there"); }

static void a_turn_binds(void) {
    EQUAL(evthread_use_pthreads(), 0);
    struct event_base *base = make_base(1);
    toro_reactor *r = toro_reactor_adopt(base);
    OK(toro_reactor_hold(r));
    pthread_t thread;
    pthread_create(&thread, NULL, drives_elsewhere, base);
    OK(toro_reactor_execute(r, on_thread, r));
    pthread_join(thread, NULL);
    LOG("there");
    CHECK(!toro_reactor_is_current(r));
    OK(toro_reactor_bind(r));
    CHECK(toro_reactor_is_current(r));
    toro_reactor_free(r);
    event_base_free(base);
}

static void counts_post(void *arg) { (void)arg; ticks++; }
static void *posts_and_unholds(void *arg) {
    OK(toro_reactor_execute(arg, counts_post, NULL));
    OK(toro_reactor_unhold(arg));
    return NULL;
}

static void posted_under_a_hold(void) {
    struct event_base *base = make_base(0);
    toro_reactor *r = toro_reactor_adopt(base);
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        OK(toro_reactor_hold(r));
        OK(toro_reactor_call_at(r, toro_after_ns(20000), counts_post, NULL, NULL));
        pthread_create(&thread, NULL, posts_and_unholds, r);
        EQUAL(event_base_dispatch(base), 1);
        pthread_join(thread, NULL);
        EQUAL(ticks, 2 * (i + 1));
    }
    toro_reactor_free(r);
    event_base_free(base);
}

static void noting(evutil_socket_t fd, short what, void *arg) { (void)fd; (void)what; note(arg); }

// The host's events keep their order and priority.
static void priorities(void) {
    struct event_base *base = make_base(1);
    EQUAL(event_base_priority_init(base, 3), 0);
    toro_reactor *r = toro_reactor_adopt(base);
    struct event *events[3];
    const char *names[] = {"urgent", "normal", "idle"};
    for (int i = 0; i < 3; i++) {
        events[i] = event_new(base, -1, 0, noting, (void *)(uintptr_t)names[i]);
        event_priority_set(events[i], i);
    }
    OK(toro_reactor_execute(r, called, "toro"));
    for (int i = 2; i >= 0; i--) event_active(events[i], EV_READ, 0);
    EQUAL(event_base_get_npriorities(base), 3);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_dispatch(base);
    for (int i = 0; i < 3; i++) event_free(events[i]);
    toro_reactor_free(r);
    event_base_free(base);
}
static void priorities_log(void) {
    priorities();
    LOG("urgent normal toro idle");
}

const scenario adopting_scenarios[] = {
    {"A host drives its base in any way, with locks or without (scenario 34)", every_base},
    {"The same where the program has libevent use threads", every_base_with_threads},
    {"A base that is adopted again gives the same reactor, to be freed as often", counted},
    {"A reactor is freed while its host goes on, whose events are untouched (scenario 34)", host_goes_on},
    {"Freed off its thread an adopted reactor closes on its next turn, or after a bind", closes_elsewhere},
    {"A base that is adopted again before its reactor could close stays adopted", adopted_again},
    {"An adopted reactor is freed inside the callback of a descriptor's event", frees_in_descriptor_event},
    {"Freed there it ends well, though nothing else holds it", frees_bare_in_descriptor_event},
    {"What was posted before a hold ended is run before the host's loop ends", posted_under_a_hold},
    {"A turn that the host gives binds its thread", a_turn_binds},
    {"The host's events keep their order and priority", priorities_log},
    {NULL, NULL},
};
