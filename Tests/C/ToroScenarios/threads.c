#include "check.h"

#include <sched.h>

static void all_refused(void *arg) {
    every_object_call(arg, TORO_WRONG_THREAD);
    every_look(arg);
    every_reactor_call(arg, TORO_WRONG_THREAD);
}

static void wrong_thread(void) {
    for (int virtually = 0; virtually < 2; virtually++) {
        world w = make_world(virtually ? toro_reactor_new_virtual() : toro_reactor_new(), 0);
        EQUAL(toro_rwlock_try_acquire_read(w.rwlock), TORO_OK);
        elsewhere(all_refused, &w);
        OK(toro_lock_close(w.lock));
        elsewhere(all_refused, &w);  // closed or not
        CHECK(!toro_lock_locked(w.lock));
        EQUAL(toro_rwlock_readers(w.rwlock), 1);
        EQUAL(toro_reactor_pending(w.reactor), 0);
        free_world(&w);
    }
}

static void binds(void *arg) {
    toro_reactor *r = arg;
    CHECK(!toro_reactor_is_current(r));
    OK(toro_reactor_bind(r));
    CHECK(toro_reactor_is_current(r));
    OK(toro_reactor_run(r));
}

static void binding(void) {
    toro_reactor *r = toro_reactor_new();
    CHECK(toro_reactor_is_current(r));
    elsewhere(binds, r);
    CHECK(!toro_reactor_is_current(r));
    toro_lock *l = toro_lock_new(r, 0);
    CHECK(l == NULL);
    OK(toro_reactor_run(r));
    CHECK(toro_reactor_is_current(r));
    elsewhere(binds, r);
    EQUAL(toro_reactor_run_once(r, true), TORO_WOULD_BLOCK);
    CHECK(toro_reactor_is_current(r));
    toro_reactor_free(r);
}

static void busy_here(void *arg) {
    EQUAL(toro_reactor_run(arg), TORO_BUSY);
    EQUAL(toro_reactor_run_once(arg, false), TORO_BUSY);
    EQUAL(toro_reactor_bind(arg), TORO_BUSY);
    CHECK(!toro_reactor_is_current(arg));
    OK(toro_reactor_stop(arg));
}
static void *busy_thread(void *arg) { busy_here(arg); return NULL; }
static pthread_t busy;
static void starts_busy_thread(void *arg) { pthread_create(&busy, NULL, busy_thread, arg); }

static void busy_elsewhere(void) {
    toro_reactor *r = toro_reactor_new();
    OK(toro_reactor_hold(r));
    OK(toro_reactor_execute(r, starts_busy_thread, r));
    OK(toro_reactor_run(r));
    pthread_join(busy, NULL);
    CHECK(toro_reactor_is_current(r));
    toro_reactor_free(r);
}

static world shared;
static void releases(void *arg) { (void)arg; OK(toro_lock_release(shared.lock)); OK(toro_reactor_unhold(shared.reactor)); }
static void *posts_release(void *arg) { sleep_ms(10); OK(toro_reactor_execute(arg, releases, NULL)); return NULL; }

// Scenario 29.
static void from_elsewhere(void) {
    shared = make_world(toro_reactor_new(), 0);
    OK(toro_lock_try_acquire(shared.lock));
    OK(toro_lock_acquire(shared.lock, FOREVER, told, "handed", NULL));
    OK(toro_reactor_hold(shared.reactor));
    pthread_t thread;
    pthread_create(&thread, NULL, posts_release, shared.reactor);
    OK(toro_reactor_run(shared.reactor));
    pthread_join(thread, NULL);
    LOG("handed");
    free_world(&shared);
}

static void frees(void *arg) { free_objects(arg); }

static void frees_elsewhere(void) {
    world w = make_world(toro_reactor_new(), 0);
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "lock", NULL));
    OK(toro_queue_get(w.queue, FOREVER, handed, "get", NULL));
    OK(toro_queue_put(w.channel, "x", FOREVER, told, "put", NULL));
    OK(toro_event_wait(w.event, toro_after_ms(1000), told, "event", NULL));
    elsewhere(frees, &w);
    LOG("");
    EQUAL(toro_reactor_pending(w.reactor), 4);
    OK(toro_reactor_run(w.reactor));
    LOG("lock:closed event:closed get:closed put:closed");
    toro_reactor_free(w.reactor);
}

static int count;
static void counts(void *arg) { (void)arg; count++; }
enum { posters = 4, posts_each = 20000 };
static void *posts_many(void *arg) {
    for (int i = 0; i < posts_each; i++) OK(toro_reactor_execute(arg, counts, NULL));
    OK(toro_reactor_unhold(arg));
    return NULL;
}

static void many_posts(void) {
    toro_reactor *r = toro_reactor_new();
    pthread_t threads[posters];
    for (int i = 0; i < posters; i++) OK(toro_reactor_hold(r));
    for (int i = 0; i < posters; i++) pthread_create(&threads[i], NULL, posts_many, r);
    OK(toro_reactor_run(r));
    EQUAL(count, posters * posts_each);
    for (int i = 0; i < posters; i++) pthread_join(threads[i], NULL);
    toro_reactor_free(r);
}

static void tells(void *arg) { __atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE); }
static void *runs(void *arg) { OK(toro_reactor_run(arg)); return NULL; }

// A stop, and a free, of a reactor that is about to run, runs, or has just ended its run.
static void frees_running(void) {
    for (int i = 0; i < 300; i++) {
        toro_reactor *r = toro_reactor_new();
        toro_event *e = toro_event_new(r, 0);
        result end = {0, 0, 0};
        OK(toro_event_wait(e, FOREVER, ended, &end, NULL));
        OK(toro_reactor_hold(r));
        pthread_t thread;
        int is_running = 0;
        OK(toro_reactor_execute(r, tells, &is_running));
        pthread_create(&thread, NULL, runs, r);
        while (!__atomic_load_n(&is_running, __ATOMIC_ACQUIRE)) sched_yield();
        if (i % 3 == 0) sleep_ms(1);
        if (i % 3 == 1) OK(toro_reactor_stop(r));  // so that the run may be over, or not
        toro_reactor_free(r);
        pthread_join(thread, NULL);
        CHECK(end.times == 1 && end.status == TORO_CLOSED);
        EQUAL(toro_event_set(e), TORO_CLOSED);
        toro_event_free(e);
    }
}

const scenario thread_scenarios[] = {
    {"Off the reactor's thread every call answers so, and changes nothing", wrong_thread},
    {"Bind, run and run_once make the calling thread the reactor's", binding},
    {"While a reactor runs, run, run_once and bind elsewhere are busy, and a stop ends it", busy_elsewhere},
    {"A release that another thread posts wakes the waiter (scenario 29)", from_elsewhere},
    {"Objects freed on another thread end their waits on the next turn", frees_elsewhere},
    {"What threads post is run, all of it, once", many_posts},
    {"A reactor freed while it runs elsewhere closes when the turn ends, and the run returns", frees_running},
    {NULL, NULL},
};
