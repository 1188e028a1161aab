#include "check.h"

#include <dirent.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void nothing_to_do(void) {
    toro_reactor *r = toro_reactor_new();
    OK(toro_reactor_run(r));
    EQUAL(toro_reactor_run_once(r, false), TORO_WOULD_BLOCK);
    EQUAL(toro_reactor_run_once(r, true), TORO_WOULD_BLOCK);
    toro_event *e = toro_event_new(r, 0);
    OK(toro_event_wait(e, FOREVER, told, "wait", NULL));
    EQUAL(toro_reactor_run(r), TORO_DEADLOCK);
    EQUAL(toro_reactor_run(r), TORO_DEADLOCK);
    EQUAL(toro_reactor_run_once(r, true), TORO_WOULD_BLOCK);
    EQUAL(toro_reactor_pending(r), 1);
    OK(toro_event_set(e));
    LOG("wait");
    OK(toro_reactor_run(r));
    toro_event_free(e);
    toro_reactor_free(r);
}

static toro_reactor *current;
static void stops(void *arg) { called(arg); OK(toro_reactor_stop(current)); }

static void sticky_stop(void) {
    toro_reactor *r = current = toro_reactor_new();
    OK(toro_reactor_hold(r));
    OK(toro_reactor_stop(r));
    OK(toro_reactor_stop(r));
    OK(toro_reactor_run(r));  // ended at once by both: one flag
    OK(toro_reactor_execute(r, stops, "stop"));
    OK(toro_reactor_execute(r, called, "after"));
    OK(toro_reactor_run(r));
    LOG("stop after");
    // A stop made in a turn of run_once is left for the next, which it ends at once.
    OK(toro_reactor_execute(r, stops, "stop"));
    OK(toro_reactor_execute(r, called, "same-turn"));
    OK(toro_reactor_run_once(r, false));
    LOG("stop same-turn");
    OK(toro_reactor_execute(r, called, "not-yet"));
    OK(toro_reactor_run_once(r, true));
    LOG("");
    OK(toro_reactor_run_once(r, true));
    LOG("not-yet");
    OK(toro_reactor_unhold(r));
    OK(toro_reactor_stop(r));
    OK(toro_reactor_run_once(r, true));  // consumed, though there is nothing to do
    EQUAL(toro_reactor_run_once(r, true), TORO_WOULD_BLOCK);
    toro_reactor_free(r);
}

static void tries_to_run(void *arg) {
    EQUAL(toro_reactor_run(current), TORO_BUSY);
    EQUAL(toro_reactor_run_once(current, false), TORO_BUSY);
    called(arg);
}
static void tries_to_run_told(int status, void *arg) { (void)status; tries_to_run(arg); }
static void tries_to_run_active(evutil_socket_t fd, short what, void *arg) { (void)fd; (void)what; tries_to_run(arg); }
static void binds(void *arg) { EQUAL(toro_reactor_bind(current), TORO_BUSY); called(arg); }

static void busy(void) {
    toro_reactor *r = current = toro_reactor_new();
    toro_event *e = toro_event_new(r, 0), *d = toro_event_new(r, TORO_DEFER_CALLBACKS);
    OK(toro_reactor_execute(r, tries_to_run, "execute"));
    OK(toro_reactor_execute(r, binds, "bind"));
    OK(toro_reactor_run(r));
    OK(toro_event_wait(e, FOREVER, tries_to_run_told, "callback", NULL));
    OK(toro_event_set(e));  // outside any run
    OK(toro_event_wait(d, FOREVER, tries_to_run_told, "deferred", NULL));
    OK(toro_event_set(d));
    OK(toro_reactor_run(r));
    struct event *mine = event_new(toro_reactor_base(r), -1, 0, tries_to_run_active, "own-event");
    struct timeval soon = {0, 1000};
    event_add(mine, &soon);
    OK(toro_reactor_run(r));
    event_free(mine);
    LOG("execute bind callback deferred own-event");
    toro_event_free(e);
    toro_event_free(d);
    toro_reactor_free(r);
}

static void calls(void) {
    toro_reactor *r = toro_reactor_new_virtual();
    uint64_t a, b, c;
    OK(toro_reactor_call_at(r, toro_after_ms(20), called, "twenty", &a));
    OK(toro_reactor_call_at(r, toro_after_ms(10), called, "ten", &b));
    OK(toro_reactor_call_at(r, toro_after_ms(-10), called, "passed", &c));
    CHECK(a && b && c && a != b && b != c);
    EQUAL(toro_reactor_pending(r), 0);
    LOG("");
    OK(toro_cancel(r, b));
    EQUAL(toro_cancel(r, b), TORO_INVALID);
    OK(toro_reactor_run(r));
    LOG("passed twenty");
    EQUAL(toro_cancel(r, a), TORO_INVALID);
    EQUAL(toro_cancel(r, c), TORO_INVALID);
    // Due, queued, and cancelled before it runs.
    OK(toro_reactor_call_at(r, toro_after_ns(0), called, "no", &a));
    OK(toro_cancel(r, a));
    EQUAL(toro_cancel(r, a), TORO_INVALID);
    OK(toro_reactor_call_at(r, toro_after_ns(5), called, "no", &a));
    OK(toro_reactor_advance(r, 5));
    OK(toro_reactor_run_once(r, false));  // now it is queued
    OK(toro_cancel(r, a));
    OK(toro_reactor_call_at(r, toro_after_ns(5), called, "yes", NULL));
    OK(toro_reactor_run(r));
    LOG("yes");
    toro_reactor_free(r);
}

static void dumps(void) {
    toro_reactor *r = toro_reactor_new_virtual();
    toro_lock *l = toro_lock_new(r, 0);
    OK(toro_lock_set_name(l, "cache"));
    OK(toro_lock_try_acquire(l));
    OK(toro_lock_acquire(l, toro_after_ms(5000), told, "", NULL));
    char text[500], part[10];
    size_t length = toro_reactor_dump(r, NULL, 0);
    EQUAL(toro_reactor_dump(r, text, sizeof text), length);
    EQUAL(strlen(text), length);
    CHECK(strstr(text, "cache") && strstr(text, "acquire") && strstr(text, "5 s"));
    memset(part, 'x', sizeof part);
    EQUAL(toro_reactor_dump(r, part, 5), length);
    CHECK(memcmp(part, text, 4) == 0 && part[4] == 0 && part[5] == 'x');
    EQUAL(toro_reactor_dump(r, part, 0), length);
    EQUAL(toro_reactor_dump(r, part, 1), length);
    EQUAL(part[0], 0);
    char exact[500];
    EQUAL(toro_reactor_dump(r, exact, length + 1), length);
    CHECK(strcmp(exact, text) == 0);
    OK(toro_lock_set_name(l, NULL));
    toro_reactor_dump(r, text, sizeof text);
    CHECK(!strstr(text, "cache"));
    toro_lock_free(l);
    toro_reactor_free(r);
}

static void *unholds(void *arg) { sleep_ms(20); OK(toro_reactor_unhold(arg)); return NULL; }
static void *executes(void *arg) { sleep_ms(20); OK(toro_reactor_execute(arg, called, "posted")); sleep_ms(10); OK(toro_reactor_unhold(arg)); return NULL; }

static void holds(void) {
    for (int virtually = 0; virtually < 2; virtually++) {
        toro_reactor *r = virtually ? toro_reactor_new_virtual() : toro_reactor_new();
        EQUAL(toro_reactor_unhold(r), TORO_NOT_LOCKED);
        OK(toro_reactor_hold(r));
        OK(toro_reactor_hold(r));
        OK(toro_reactor_unhold(r));
        EQUAL(toro_reactor_run_once(r, false), TORO_OK);
        toro_event *e = toro_event_new(r, 0);
        OK(toro_event_wait(e, FOREVER, told, "wait", NULL));
        pthread_t thread;
        pthread_create(&thread, NULL, unholds, r);
        EQUAL(toro_reactor_run(r), TORO_DEADLOCK);
        pthread_join(thread, NULL);
        EQUAL(toro_reactor_unhold(r), TORO_NOT_LOCKED);
        OK(toro_event_set(e));
        LOG("wait");
        OK(toro_reactor_hold(r));
        pthread_create(&thread, NULL, executes, r);
        OK(toro_reactor_run(r));
        pthread_join(thread, NULL);
        LOG("posted");
        toro_event_free(e);
        toro_reactor_free(r);
    }
    // Virtual time jumps under a hold.
    toro_reactor *r = current = toro_reactor_new_virtual();
    OK(toro_reactor_hold(r));
    OK(toro_reactor_call_at(r, toro_after_ms(3600000), stops, "an-hour", NULL));
    OK(toro_reactor_run(r));
    LOG("an-hour");
    toro_reactor_free(r);
}

static int polls(int fd, int ms) { struct pollfd p = {fd, POLLIN, 0}; return poll(&p, 1, ms); }
static void *posts(void *arg) { sleep_ms(10); OK(toro_reactor_execute(arg, called, "posted")); return NULL; }

static void hosted(void) {
    toro_reactor *r = toro_reactor_new();
    OK(toro_reactor_execute(r, called, "before"));
    int fd = toro_reactor_fd(r);
    CHECK(fd >= 0);
    EQUAL(toro_reactor_fd(r), fd);
    EQUAL(polls(fd, 0), 1);
    while (polls(fd, 0) == 1) OK(toro_reactor_run_once(r, false));
    LOG("before");
    OK(toro_reactor_execute(r, called, "after"));
    EQUAL(polls(fd, 0), 1);
    while (polls(fd, 0) == 1) toro_reactor_run_once(r, false);
    LOG("after");
    pthread_t thread;
    pthread_create(&thread, NULL, posts, r);
    EQUAL(polls(fd, 5000), 1);
    pthread_join(thread, NULL);
    while (polls(fd, 0) == 1) toro_reactor_run_once(r, false);
    LOG("posted");
    int ends[2];
    EQUAL(pipe(ends), 0);
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, FOREVER, told, "readable", NULL));
    EQUAL(polls(fd, 0), 0);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(polls(fd, 0), 1);
    while (polls(fd, 0) == 1) toro_reactor_run_once(r, false);
    LOG("readable");
    EQUAL(toro_reactor_next_deadline_ns(r), -1);
    OK(toro_reactor_call_at(r, toro_after_ms(1000), called, "timer", NULL));
    int64_t left = toro_reactor_next_deadline_ns(r);
    CHECK(left > 0 && left <= 1000000000);
    EQUAL(polls(fd, 0), 0);
    sleep_ms(1001);
    EQUAL(toro_reactor_next_deadline_ns(r), 0);
    toro_reactor_run_once(r, false);
    while (polls(fd, 0) == 1) toro_reactor_run_once(r, false);
    LOG("timer");
    close(ends[0]);
    close(ends[1]);
    toro_reactor_free(r);
}

static int turns;
static void renews(void *arg) {
    turns++;
    if (!*(int *)arg) OK(toro_reactor_execute(current, renews, arg));
}
static void ends_flood(int status, void *arg) { (void)status; *(int *)arg = 1; }

// Scenario 31.
static void flood(void) {
    toro_reactor *r = current = toro_reactor_new();
    int over = 0, ends[2];
    EQUAL(pipe(ends), 0);
    toro_event *e = toro_event_new(r, 0);
    OK(toro_event_wait(e, toro_after_ms(10), ends_flood, &over, NULL));
    for (int i = 0; i < 1000; i++) OK(toro_reactor_execute(r, renews, &over));
    OK(toro_reactor_run(r));
    CHECK(turns > 1000);
    over = 0;
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, FOREVER, ends_flood, &over, NULL));
    OK(toro_reactor_execute(r, renews, &over));
    EQUAL(write(ends[1], "x", 1), 1);
    OK(toro_reactor_run(r));
    toro_event_free(e);
    toro_reactor_free(r);
}

static int open_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    int count = -3;  // the directory's own, . and ..
    while (readdir(directory)) count++;
    closedir(directory);
    return count;
}

// libevent would end the program where it gets some of the descriptors of a base, and not all.
static void out_of_descriptors(void) {
    for (int fd = 3; fd < 256; fd++) close(fd);  // what was inherited: then the lowest free is the end of those in use
    int used = open_descriptors(), made = 0;
    struct rlimit limit;
    EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t most = limit.rlim_cur;
    struct event_base *base = event_base_new();
    for (int spare = 0; spare < 8; spare++) {
        limit.rlim_cur = most;
        setrlimit(RLIMIT_NOFILE, &limit);
        int next = dup(0);
        close(next);
        limit.rlim_cur = (rlim_t)(next + spare);
        EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
        errno = 0;
        toro_reactor *r = toro_reactor_new();
        if (r) made++; else EQUAL(errno, EMFILE);
        CHECK(!r == (spare < 5));
        toro_reactor_free(r);
        errno = 0;
        r = toro_reactor_adopt(base);
        if (!r) EQUAL(errno, EMFILE);
        CHECK(!r == (spare < 1));
        toro_reactor_free(r);
    }
    EQUAL(made, 3);
    event_base_free(base);
    limit.rlim_cur = most;
    setrlimit(RLIMIT_NOFILE, &limit);
    EQUAL(open_descriptors(), used);
}

static void no_epoll(void) {
    EQUAL(setenv("EVENT_NOEPOLL", "1", 1), 0);
    errno = 0;
    CHECK(!toro_reactor_new());
    EQUAL(errno, ENOTSUP);
    struct event_base *base = event_base_new();
    toro_reactor *r = toro_reactor_adopt(base);
    errno = 0;
    EQUAL(toro_reactor_fd(r), -1);
    EQUAL(errno, ENOTSUP);
    OK(toro_reactor_call_at(r, toro_after_ms(1), called, "call", NULL));
    EQUAL(event_base_dispatch(base), 1);
    LOG("call");
    toro_reactor_free(r);
    event_base_free(base);
    unsetenv("EVENT_NOEPOLL");
    // A base that tells epoll of its events in the next turn: the descriptor is found after that.
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    base = event_base_new_with_config(config);
    event_config_free(config);
    r = toro_reactor_adopt(base);
    toro_reactor_fd(r);
    OK(toro_reactor_execute(r, called, "call"));
    EQUAL(event_base_dispatch(base), 1);
    CHECK(toro_reactor_fd(r) >= 0);
    LOG("call");
    toro_reactor_free(r);
    event_base_free(base);
}

static int reads;
static void leaves_input(struct bufferevent *stream, void *arg) {
    (void)stream;
    (void)arg;
    CHECK(++reads < 500000000);
}
static void note_and_stop(int status, void *arg) { told(status, arg); OK(toro_reactor_stop(current)); }
static void note_and_unhold(void *arg) { called(arg); OK(toro_reactor_unhold(current)); }
static void *posts_soon(void *arg) { sleep_ms(5); OK(toro_reactor_execute(arg, note_and_unhold, "posted")); return NULL; }

// libevent calls the reader of a bufferevent again and again that leaves its input at the high-water mark, if callbacks are
// deferred, and would not come back from a turn.
static void waits_in_event(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    OK(toro_reactor_execute(current, called, "asked"));
    OK(toro_event_wait(arg, toro_after_ms(30), note_and_stop, "wait", NULL));
}

static void renewing_events(void) {
    toro_reactor *r = current = toro_reactor_new();
    int ends[2];
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    evutil_make_socket_nonblocking(ends[0]);
    struct bufferevent *stream = bufferevent_socket_new(toro_reactor_base(r), ends[0], BEV_OPT_DEFER_CALLBACKS);
    bufferevent_setwatermark(stream, EV_READ, 0, 16);
    bufferevent_setcb(stream, leaves_input, NULL, NULL, NULL);
    bufferevent_enable(stream, EV_READ);
    EQUAL(write(ends[1], "more than sixteen bytes of it", 29), 29);
    toro_event *e = toro_event_new(r, TORO_DEFER_CALLBACKS);
    pthread_t thread;
    OK(toro_reactor_hold(r));
    pthread_create(&thread, NULL, posts_soon, r);
    while (toro_reactor_unhold(r) == TORO_OK) {
        OK(toro_reactor_hold(r));
        OK(toro_reactor_run_once(r, true));
    }
    pthread_join(thread, NULL);
    LOG("posted");
    // What an event queues and times while the poll goes on.
    struct event *mine = event_new(toro_reactor_base(r), -1, 0, waits_in_event, e);
    struct timeval soon = {0, 2000};
    event_add(mine, &soon);
    OK(toro_reactor_run(r));
    LOG("asked wait:timed-out");
    CHECK(reads > 100);
    event_free(mine);
    bufferevent_free(stream);
    // A callback that libevent has deferred keeps the stream until its turn.
    toro_reactor_run_once(r, false);
    toro_event_free(e);
    toro_reactor_free(r);
    close(ends[0]);
    close(ends[1]);
}

static void notes(evutil_socket_t fd, short what, void *arg) { (void)fd; (void)what; note(arg); }
static void activates(evutil_socket_t fd, short what, void *arg) { (void)fd; (void)what; note("first"); event_active(arg, EV_READ, 0); }

static void activated_under_a_host(void) {
    toro_reactor *r = toro_reactor_new();
    int fd = toro_reactor_fd(r), ends[2];
    EQUAL(pipe(ends), 0);
    struct event *second = event_new(toro_reactor_base(r), -1, 0, notes, "second");
    struct event *first = event_new(toro_reactor_base(r), ends[0], EV_READ, activates, second);
    event_add(first, NULL);
    EQUAL(write(ends[1], "x", 1), 1);
    while (polls(fd, 0) == 1) toro_reactor_run_once(r, false);
    LOG("first second");
    event_free(first);
    event_free(second);
    toro_reactor_free(r);
    close(ends[0]);
    close(ends[1]);
}

const scenario reactor_scenarios[] = {
    {"A run ends when nothing is left to do, and calls waits that nothing could end a deadlock", nothing_to_do},
    {"A stop lets the turn finish, and one before a run ends it at once (scenario 30)", sticky_stop},
    {"Run inside a run, a callback or an own event is busy", busy},
    {"A scheduled call runs when it is due, and can be cancelled until it runs", calls},
    {"A dump tells who waits where, as snprintf does, with names", dumps},
    {"A hold keeps a run from ending, real or virtual; virtual time jumps under it", holds},
    {"Another loop hosts a reactor by its descriptor and its next deadline", hosted},
    {"A flood of functions starves neither a timer nor a descriptor (scenario 31)", flood},
    {"A reactor that gets no descriptors is not made, and the program goes on", out_of_descriptors},
    {"Where libevent has no epoll, a reactor has no base of its own and no descriptor", no_epoll},
    {"What an event makes active is run by the turn that another loop gives", activated_under_a_host},
    {"Events that renew themselves hold up neither time-outs, nor posts, nor a stop", renewing_events},
    {NULL, NULL},
};
