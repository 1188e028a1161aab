#include "check.h"

#include <event2/event.h>
#include <semaphore.h>
#include <sys/wait.h>

static void wait_for(pid_t child) {
    int status = 0;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
}

// Runs `body` in a forked child, which must end well.
static void in_child(void (*body)(world *), world *w) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(20);
        body(w);
        _exit(0);
    }
    wait_for(child);
}

static void refuses(world *w) {
    every_object_call(w, TORO_SYSTEM);
    every_look(w);
    every_reactor_call(w, TORO_SYSTEM);
    // Others can be made.
    world own = make_world(toro_reactor_new(), 0);
    OK(toro_lock_acquire(own.lock, FOREVER, told, "own", NULL));
    OK(toro_reactor_run(own.reactor));
    LOG("own");
    free_world(&own);
    free_objects(w);
    toro_reactor_free(w->reactor);
}

static int ends[2];
static sem_t was_told;

static void told_and_says_so(int status, void *arg) {
    told(status, arg);
    EQUAL(sem_post(&was_told), 0);
}

static void await_telling(void) {
    while (sem_wait(&was_told) != 0) EQUAL(errno, EINTR);
}

static world make_waiting(toro_reactor *r) {
    world w = make_world(r, 0);
    OK(toro_event_wait(w.event, FOREVER, told, "event", NULL));
    OK(toro_event_wait(w.event, toro_after_ms(20), told_and_says_so, "timed", NULL));
    EQUAL(sem_init(&was_told, 0, 0), 0);
    EQUAL(pipe(ends), 0);
    OK(toro_fd_wait(r, ends[0], TORO_READABLE, FOREVER, told_and_says_so, "readable", NULL));
    return w;
}

// One after the other, so that the order is the same on whatever machine.
static void *writes(void *arg) {
    await_telling();
    EQUAL(write(ends[1], "x", 1), 1);
    await_telling();
    OK(toro_reactor_execute(arg, called, "posted"));
    OK(toro_reactor_unhold(arg));
    return NULL;
}

// All of a reactor's events still fire in this process.
static void fires(world *w, struct event_base *host) {
    pthread_t thread;
    OK(toro_reactor_hold(w->reactor));
    pthread_create(&thread, NULL, writes, w->reactor);
    if (host) event_base_dispatch(host);
    else EQUAL(toro_reactor_run(w->reactor), TORO_DEADLOCK);
    pthread_join(thread, NULL);
    OK(toro_event_set(w->event));
}

// Scenario 33.
static void child_refuses(void) {
    world w = make_waiting(toro_reactor_new());
    in_child(refuses, &w);
    fires(&w, NULL);
    LOG("timed:timed-out readable posted event");
    free_world(&w);
}

static void child_refuses_adopted(void) {
    struct event_base *base = event_base_new();
    world w = make_waiting(toro_reactor_adopt(base));
    pid_t child = fork();
    if (child == 0) {
        CHECK(toro_reactor_adopt(base) == NULL);
        EQUAL(errno, ECHILD);
        EQUAL(toro_reactor_run(w.reactor), TORO_SYSTEM);
        refuses(&w);
        _exit(0);
    }
    wait_for(child);
    fires(&w, base);
    LOG("timed:timed-out readable posted event");
    free_world(&w);
    event_base_free(base);
}

static void frees_reactor_first(world *w) {
    toro_reactor_free(w->reactor);
    LOG("event:closed timed:closed readable:closed");
    every_object_call(w, TORO_CLOSED);
    free_objects(w);
}

static void child_frees(void) {
    world w = make_waiting(toro_reactor_new());
    in_child(frees_reactor_first, &w);
    fires(&w, NULL);
    LOG("timed:timed-out readable posted event");
    free_world(&w);
}

static void child_goes_on_with(world *w) {
    OK(toro_reactor_after_fork(w->reactor));
    CHECK(toro_reactor_is_current(w->reactor));
    fires(w, NULL);
    LOG("timed:timed-out readable posted event");
    free_world(w);
}

static void child_goes_on(void) {
    world w = make_waiting(toro_reactor_new());
    OK(toro_reactor_after_fork(w.reactor));  // not a child: nothing to do
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        EQUAL(toro_event_set(w.event), TORO_SYSTEM);
        child_goes_on_with(&w);
        _exit(0);
    }
    wait_for(child);
    char text[1];
    EQUAL(read(ends[0], text, 1), 1);  // the child's byte
    fires(&w, NULL);
    LOG("timed:timed-out readable posted event");
    free_world(&w);
}

static void child_goes_on_adopted(void) {
    struct event_base *base = event_base_new();
    world w = make_waiting(toro_reactor_adopt(base));
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        EQUAL(event_reinit(base), 0);
        OK(toro_reactor_after_fork(w.reactor));
        fires(&w, base);
        LOG("timed:timed-out readable posted event");
        free_world(&w);
        event_base_free(base);
        _exit(0);
    }
    wait_for(child);
    char text[1];
    EQUAL(read(ends[0], text, 1), 1);
    fires(&w, base);
    LOG("timed:timed-out readable posted event");
    free_world(&w);
    event_base_free(base);
}

static void frees_an_object_first(world *w) {
    toro_event_free(w->event);  // takes effect on its next turn
    LOG("");
    OK(toro_reactor_after_fork(w->reactor));
    OK(toro_reactor_execute(w->reactor, called, "executed"));
    OK(toro_reactor_run_once(w->reactor, false));
    LOG("event:closed timed:closed executed");
    w->event = NULL;
    free_world(w);
}

static void child_frees_an_object(void) {
    world w = make_waiting(toro_reactor_new());
    in_child(frees_an_object_first, &w);
    fires(&w, NULL);
    LOG("timed:timed-out readable posted event");
    free_world(&w);
}

static pid_t forked;
static void forks(void *arg) {
    world *w = arg;
    forked = fork();
    if (forked != 0) return;
    alarm(20);
    EQUAL(toro_event_set(w->event), TORO_SYSTEM);
    // A pipe of its own, so that neither hears what the other writes.
    int own[2];
    OK(pipe(own));
    for (int i = 0; i < 2; i++) {
        dup2(own[i], ends[i]);
        close(own[i]);
    }
    OK(toro_reactor_after_fork(w->reactor));
    note("child");
}

static void writes_byte(void *arg) { EQUAL(write(ends[1], arg, 1), 1); }

static void forks_in_a_run(void) {
    world w = make_waiting(toro_reactor_new());
    char byte = 'x';
    OK(toro_reactor_execute(w.reactor, forks, &w));
    OK(toro_reactor_call_at(w.reactor, toro_after_ms(40), writes_byte, &byte, NULL));
    EQUAL(toro_reactor_run(w.reactor), TORO_DEADLOCK);
    LOG(forked ? "timed:timed-out readable" : "child timed:timed-out readable");
    free_world(&w);
    LOG("event:closed");
    if (!forked) _exit(0);
    wait_for(forked);
}

static void *runs(void *arg) { toro_reactor_run(arg); return NULL; }

// Forked by another thread than the one that the reactor runs on, which is not in the child.
static void forks_elsewhere(void) {
    world w = make_waiting(toro_reactor_new());
    OK(toro_reactor_hold(w.reactor));
    pthread_t thread;
    pthread_create(&thread, NULL, runs, w.reactor);
    await_telling();
    sleep_ms(20);  // asleep in the poll again
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        EQUAL(toro_reactor_execute(w.reactor, called, ""), TORO_SYSTEM);
        EQUAL(toro_reactor_after_fork(w.reactor), TORO_SYSTEM);
        EQUAL(errno, EBUSY);
        toro_reactor_free(w.reactor);
        LOG("timed:timed-out event:closed readable:closed");
        free_objects(&w);
        _exit(0);
    }
    wait_for(child);
    OK(toro_reactor_stop(w.reactor));
    pthread_join(thread, NULL);
    OK(toro_reactor_bind(w.reactor));
    free_world(&w);
    LOG("timed:timed-out event:closed readable:closed");
}

static void *queues(void *arg) {
    world *w = arg;
    OK(toro_reactor_execute(w->reactor, called, "queued"));
    toro_event_free(w->event);
    w->event = NULL;
    return NULL;
}

// What other threads queued before the fork is the child's too.
static void queued_elsewhere_on(toro_reactor *r, struct event_base *base) {
    world w = make_world(r, 0);
    OK(toro_event_wait(w.event, FOREVER, told, "event", NULL));
    pthread_t thread;
    pthread_create(&thread, NULL, queues, &w);
    pthread_join(thread, NULL);
    for (int child = 1; child >= 0; child--) {
        pid_t pid = child ? fork() : 0;
        CHECK(pid >= 0);
        if (pid > 0) {
            wait_for(pid);
            continue;
        }
        if (child) {
            alarm(20);
            if (base) EQUAL(event_reinit(base), 0);
            OK(toro_reactor_after_fork(r));
        }
        if (base) {
            OK(toro_reactor_execute(r, called, "own"));  // keeps the loop going
            CHECK(event_base_dispatch(base) >= 0);
            LOG("queued event:closed own");
        } else {
            OK(toro_reactor_run(r));
            LOG("queued event:closed");
        }
        EQUAL(toro_reactor_pending(r), 0);
        if (child) _exit(0);
    }
    free_objects(&w);
    toro_reactor_free(r);
}

static void queued_elsewhere(void) {
    queued_elsewhere_on(toro_reactor_new(), NULL);
    struct event_base *base = event_base_new();
    queued_elsewhere_on(toro_reactor_adopt(base), base);
    event_base_free(base);
}

static _Atomic int adopts_no_more;

static void *adopts(void *arg) {
    (void)arg;
    struct event_base *base = event_base_new();
    while (!adopts_no_more) {
        toro_reactor *r = toro_reactor_adopt(base);
        for (int i = 0; i < 50; i++) toro_reactor_free(toro_reactor_adopt(base));
        toro_reactor_free(r);
    }
    event_base_free(base);
    return NULL;
}

static void adopted_elsewhere(void) {
    struct event_base *base = event_base_new(), *other = event_base_new();
    // Whatever the language's runtime does only once, under locks that a child cannot take over, is done before.
    toro_reactor_free(toro_reactor_adopt(other));
    toro_reactor *r = toro_reactor_adopt(base);
    pthread_t thread;
    pthread_create(&thread, NULL, adopts, NULL);
    for (int i = 0; i < 200; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(20);
            EQUAL(event_reinit(base), 0);
            EQUAL(event_reinit(other), 0);
            if (i % 2) OK(toro_reactor_after_fork(r));
            toro_reactor_free(r);
            toro_reactor *own = toro_reactor_adopt(other);
            CHECK(own != NULL);
            toro_reactor_free(own);
            _exit(0);
        }
        wait_for(child);
    }
    adopts_no_more = 1;
    pthread_join(thread, NULL);
    toro_reactor_free(r);
    event_base_free(base);
    event_base_free(other);
}

enum { CALLS = 5000, CALLERS = 3 };

static void counts(void *arg) { ++*(int *)arg; }

typedef struct { toro_reactor *reactor; int count; } counted;

static void *calls_often(void *arg) {
    counted *c = arg;
    for (int i = 0; i < CALLS; i++) OK(toro_reactor_execute(c->reactor, counts, &c->count));
    OK(toro_reactor_unhold(c->reactor));
    return NULL;
}

// Three threads and the reactor's own, at what they share.
static void is_called_often(toro_reactor *r) {
    counted c = {r, 0};
    pthread_t threads[CALLERS];
    for (int i = 0; i < CALLERS; i++) OK(toro_reactor_hold(r));
    for (int i = 0; i < CALLERS; i++) pthread_create(&threads[i], NULL, calls_often, &c);
    OK(toro_reactor_run(r));
    for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
    EQUAL(c.count, CALLERS * CALLS);
}

static void child_is_called_often(void) {
    toro_reactor *r = toro_reactor_new();
    is_called_often(r);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(20);
            OK(toro_reactor_after_fork(r));
            is_called_often(r);
            toro_reactor *own = toro_reactor_new();
            is_called_often(own);
            toro_reactor_free(own);
            toro_reactor_free(r);
            _exit(0);
        }
        wait_for(child);
    }
    toro_reactor_free(r);
}

const scenario fork_scenarios[] = {
    {"In a child every call is refused, frees excepted; the parent's events all fire (scenario 33)", child_refuses},
    {"The same with an adopted base that the child did not re-initialise", child_refuses_adopted},
    {"A child may free the reactor, then its objects", child_frees},
    {"A child that re-initialised the reactor goes on with its copies of the waits", child_goes_on},
    {"The same with an adopted base after event_reinit", child_goes_on_adopted},
    {"An object freed in a child ends its waits on the next turn", child_frees_an_object},
    {"A function may fork, and the run go on in both", forks_in_a_run},
    {"What other threads queued before the fork is the child's too", queued_elsewhere},
    {"Threads of a child call its reactors, many at a time, as the parent's do", child_is_called_often},
    {"A child frees and adopts whatever another thread was at as the process forked", adopted_elsewhere},
    {"Where another thread forks while the reactor runs, the child can only free it", forks_elsewhere},
    {NULL, NULL},
};
