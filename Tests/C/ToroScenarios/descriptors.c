#include "check.h"

#include <event2/event.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
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

// Were a wait for a descriptor to look at the others for the same one, this would take minutes.
static void many_for_one(void) {
    enum { COUNT = 50000 };
    static uint64_t ids[COUNT];
    static result results[COUNT];
    toro_reactor *r = toro_reactor_new();
    int descriptor = eventfd(0, EFD_NONBLOCK);
    for (int i = 0; i < COUNT; i++)
        OK(toro_fd_wait(r, descriptor, TORO_READABLE, FOREVER, ended, &results[i], &ids[i]));
    // The youngest first, the oldest first, and from the middle.
    for (int i = COUNT - 1; i >= COUNT - 5000; i--) OK(toro_cancel(r, ids[i]));
    for (int i = 0; i < 5000; i++) OK(toro_cancel(r, ids[i]));
    for (int i = 5000; i < COUNT - 5000; i += 3) OK(toro_cancel(r, ids[i]));
    uint64_t one = 1;
    EQUAL(write(descriptor, &one, sizeof one), sizeof one);
    OK(toro_reactor_run(r));
    for (int i = 0; i < COUNT; i++) {
        EQUAL(results[i].times, 1);
        bool is_cancelled = i < 5000 || i >= COUNT - 5000 || (i - 5000) % 3 == 0;
        EQUAL(results[i].status, is_cancelled ? TORO_CANCELLED : TORO_OK);
    }
    toro_reactor_free(r);
    close(descriptor);
}

static toro_semaphore *semaphore;

static void releases(void *arg) { OK(toro_semaphore_release(arg, 1)); }

static void comes_meanwhile(void *arg) {
    (void)arg;
    EQUAL(write(second_pipe[1], "x", 1), 1);
    OK(toro_reactor_execute(reactor, releases, semaphore));
}

static void is_slow(int status, void *arg) {
    told(status, arg);
    elsewhere(comes_meanwhile, NULL);
    sleep_ms(30);
}

static void was_slow(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    char text[1];
    EQUAL(read(fd, text, 1), 1);
    is_slow(TORO_OK, arg);
}

// In a callback of a descriptor's, in an event of the program's, and on a host's loop.
static void comes_during_an_event(void) {
    for (int kind = 0; kind < 3; kind++) {
        host = kind == 2 ? event_base_new() : NULL;
        reactor = host ? toro_reactor_adopt(host) : toro_reactor_new();
        semaphore = toro_semaphore_new(reactor, 0, 0);
        result readable = {0}, permit = {0};
        EQUAL(pipe(first_pipe), 0);
        EQUAL(pipe(second_pipe), 0);
        OK(toro_fd_wait(reactor, second_pipe[0], TORO_READABLE, toro_after_ms(20), ended, &readable, NULL));
        struct event *own = NULL;
        if (kind == 1) {
            own = event_new(toro_reactor_base(reactor), first_pipe[0], EV_READ, was_slow, "slow");
            EQUAL(event_add(own, NULL), 0);
        } else {
            OK(toro_fd_wait(reactor, first_pipe[0], TORO_READABLE, FOREVER, is_slow, "slow", NULL));
            OK(toro_semaphore_acquire(semaphore, 1, toro_after_ms(20), ended, &permit, NULL));
        }
        writes_first(NULL);
        if (host) dispatches(reactor); else runs(reactor);
        LOG("slow");
        EQUAL(readable.times, 1);
        EQUAL(readable.status, TORO_OK);
        EQUAL(permit.status, TORO_OK);
        if (own) event_free(own);
        toro_semaphore_free(semaphore);
        toro_reactor_free(reactor);
        if (host) event_base_free(host);
        for (int i = 0; i < 2; i++) { close(first_pipe[i]); close(second_pipe[i]); }
    }
}

// The kernel's list of what an epoll instance watches is long then.
static void hosted_with_many(void) {
    enum { COUNT = 4000 };
    struct rlimit limit;
    EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int count = limit.rlim_cur < COUNT + 100 ? (int)limit.rlim_cur - 100 : COUNT;
    static int watched[COUNT];
    toro_reactor *r = toro_reactor_new();
    for (int i = 0; i < count; i++) {
        CHECK((watched[i] = eventfd(0, EFD_NONBLOCK)) >= 0);
        OK(toro_fd_wait(r, watched[i], TORO_READABLE, FOREVER, told, "readable", NULL));
    }
    OK(toro_reactor_run_once(r, false));
    int descriptor = toro_reactor_fd(r);
    CHECK(descriptor >= 0);
    struct pollfd request = {.fd = descriptor, .events = POLLIN};
    EQUAL(poll(&request, 1, 0), 0);
    uint64_t one = 1;
    EQUAL(write(watched[count - 1], &one, sizeof one), sizeof one);
    EQUAL(poll(&request, 1, 1000), 1);
    OK(toro_reactor_run_once(r, false));
    LOG("readable");
    OK(toro_reactor_execute(r, called, "executed"));
    EQUAL(poll(&request, 1, 1000), 1);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        OK(toro_reactor_after_fork(r));
        // A host that goes on with the descriptor's number hears of what is queued.
        request.fd = toro_reactor_fd(r);
        for (int i = 0; i < 3; i++) OK(toro_reactor_run_once(r, false));
        LOG("executed");
        EQUAL(poll(&request, 1, 0), 0);
        OK(toro_reactor_execute(r, called, "in the child"));
        EQUAL(poll(&request, 1, 1000), 1);
        _exit(0);
    }
    int status = 0;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    _exit(0);  // what is watched is closed with the process
}

static void refused_by_libevent(void) {
    struct event_base *base = event_base_new();
    toro_reactor *r = toro_reactor_adopt(base);
    EQUAL(pipe(first_pipe), 0);
    struct event *edge = event_new(base, first_pipe[0], EV_READ | EV_ET, own_event_once, NULL);
    EQUAL(event_add(edge, NULL), 0);
    event_enable_debug_logging(EVENT_DBG_NONE);
    errno = 0;
    int status = toro_fd_wait(r, first_pipe[0], TORO_READABLE, FOREVER, told, "edge", NULL);
    if (status != TORO_OK) {
        EQUAL(status, TORO_SYSTEM);
        CHECK(errno != 0);
        EQUAL(toro_reactor_pending(r), 0);
    }
    event_free(edge);
    toro_reactor_free(r);
    event_base_free(base);
    LOG(status == TORO_OK ? "edge:closed" : "");
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
    {"What comes while the callback of an event takes its time is not late", comes_during_an_event},
    {"Tens of thousands wait for one descriptor, and leave in any order", many_for_one},
    {"A loop is found by its descriptor among thousands, and in a child", hosted_with_many},
    {"A descriptor that libevent refuses is an error that says why", refused_by_libevent},
    {"A reactor is busy while the event of a descriptor runs", busy_in_an_event},
    {NULL, NULL},
};
