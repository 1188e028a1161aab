#include "check.h"

#include <time.h>

static char log_text[1 << 16];
static size_t log_length;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

void check_failed(const char *file, int line, const char *what, long long found, long long expected) {
    const char *name = strrchr(file, '/');
    fprintf(stderr, "%s:%d: %s: found %lld, expected %lld; log: %s\n", name ? name + 1 : file, line, what, found, expected,
            log_text);
    _exit(1);
}

void note(const char *word) {
    pthread_mutex_lock(&log_lock);
    log_length += (size_t)snprintf(log_text + log_length, sizeof log_text - log_length, "%s%s", log_length ? " " : "", word);
    if (log_length >= sizeof log_text) abort();
    pthread_mutex_unlock(&log_lock);
}

void check_log(const char *file, int line, const char *expected) {
    if (strcmp(log_text, expected) != 0) {
        const char *name = strrchr(file, '/');
        fprintf(stderr, "%s:%d: log\n   found: %s\nexpected: %s\n", name ? name + 1 : file, line, log_text, expected);
        _exit(1);
    }
    log_text[0] = 0;
    log_length = 0;
}

static const char *suffix(int status) {
    switch (status) {
    case TORO_OK: return "";
    case TORO_TIMED_OUT: return ":timed-out";
    case TORO_CANCELLED: return ":cancelled";
    case TORO_CLOSED: return ":closed";
    default: return ":?";
    }
}

void told(int status, void *arg) {
    char word[100];
    snprintf(word, sizeof word, "%s%s", (const char *)arg, suffix(status));
    note(word);
}

void handed(int status, void *item, void *arg) {
    char word[100];
    CHECK(status == TORO_OK || item == NULL);
    snprintf(word, sizeof word, "%s%s%s%s", (const char *)arg, suffix(status), item ? "=" : "", item ? (const char *)item : "");
    note(word);
}

void called(void *arg) { note(arg); }

void ended(int status, void *arg) {
    result *r = arg;
    r->times++;
    r->status = status;
}

void got(int status, void *item, void *arg) {
    result *r = arg;
    r->times++;
    r->status = status;
    r->item = item;
}

typedef struct { void (*body)(void *); void *arg; } job;
static void *run_job(void *arg) { job *j = arg; j->body(j->arg); return NULL; }

void elsewhere(void (*body)(void *), void *arg) {
    job j = {body, arg};
    pthread_t thread;
    EQUAL(pthread_create(&thread, NULL, run_job, &j), 0);
    pthread_join(thread, NULL);
}

world make_world(toro_reactor *reactor, unsigned flags) {
    world w;
    w.reactor = reactor;
    w.result = toro_async_result_new(reactor, flags);
    w.lock = toro_lock_new(reactor, flags);
    w.rwlock = toro_rwlock_new(reactor, flags);
    w.semaphore = toro_semaphore_new(reactor, 1, flags);
    w.bounded = toro_bounded_semaphore_new(reactor, 1, flags);
    w.condition = toro_condition_new(reactor, flags);
    w.event = toro_event_new(reactor, flags);
    w.queue = toro_queue_new(reactor, TORO_FIFO, 2, NULL, NULL, flags);
    w.channel = toro_queue_new(reactor, TORO_FIFO, 0, NULL, NULL, flags);
    w.barrier = toro_barrier_new(reactor, 2, flags);
    w.gate = toro_gate_new(reactor, flags);
    CHECK(w.result && w.lock && w.rwlock && w.semaphore && w.bounded && w.condition && w.event && w.queue && w.channel);
    CHECK(w.barrier && w.gate);
    return w;
}

void free_objects(world *w) {
    toro_async_result_free(w->result);
    toro_lock_free(w->lock);
    toro_rwlock_free(w->rwlock);
    toro_semaphore_free(w->semaphore);
    toro_semaphore_free(w->bounded);
    toro_condition_free(w->condition);
    toro_event_free(w->event);
    toro_queue_free(w->queue);
    toro_queue_free(w->channel);
    toro_barrier_free(w->barrier);
    toro_gate_free(w->gate);
}

void free_world(world *w) {
    free_objects(w);
    toro_reactor_free(w->reactor);
}

static void never_told(int status, void *arg) { (void)arg; check_failed(__FILE__, __LINE__, "a refused wait was told", status, -1); }
static void never_handed(int status, void *item, void *arg) { (void)item; never_told(status, arg); }
static void never_called(void *arg) { never_told(-1, arg); }

// Each with the errno that goes with TORO_SYSTEM in a forked child, which is where that is the expected status.
#define ANSWERS(call) \
    do { \
        errno = 0; \
        EQUAL(call, status); \
        if (status == TORO_SYSTEM) EQUAL(errno, ECHILD); \
    } while (0)
#define REFUSES(call) \
    do { \
        id = 99; \
        ANSWERS(call); \
        EQUAL(id, 0); \
    } while (0)

void every_object_call(world *w, int status) {
    uint64_t id;
    void *item = w;
    toro_deadline soon = toro_after_ms(1);
    REFUSES(toro_async_result_get(w->result, soon, never_handed, NULL, &id));
    REFUSES(toro_lock_acquire(w->lock, soon, never_told, NULL, &id));
    REFUSES(toro_rwlock_acquire_read(w->rwlock, soon, never_told, NULL, &id));
    REFUSES(toro_rwlock_acquire_write(w->rwlock, soon, never_told, NULL, &id));
    REFUSES(toro_semaphore_acquire(w->semaphore, 1, soon, never_told, NULL, &id));
    REFUSES(toro_semaphore_acquire(w->bounded, 1, soon, never_told, NULL, &id));
    REFUSES(toro_semaphore_wait(w->semaphore, soon, never_told, NULL, &id));
    REFUSES(toro_condition_wait(w->condition, soon, never_told, NULL, &id));
    REFUSES(toro_event_wait(w->event, soon, never_told, NULL, &id));
    REFUSES(toro_queue_put(w->queue, w, soon, never_told, NULL, &id));
    REFUSES(toro_queue_get(w->queue, soon, never_handed, NULL, &id));
    REFUSES(toro_queue_join(w->queue, soon, never_told, NULL, &id));
    REFUSES(toro_queue_put(w->channel, w, soon, never_told, NULL, &id));
    REFUSES(toro_queue_get(w->channel, soon, never_handed, NULL, &id));
    REFUSES(toro_barrier_wait(w->barrier, soon, never_told, NULL, &id));
    REFUSES(toro_gate_join(w->gate, soon, never_told, NULL, &id));
    ANSWERS(toro_async_result_set(w->result, w));
    ANSWERS(toro_async_result_try_get(w->result, &item));
    ANSWERS(toro_async_result_close(w->result));
    ANSWERS(toro_async_result_set_name(w->result, "a"));
    ANSWERS(toro_lock_try_acquire(w->lock));
    ANSWERS(toro_lock_release(w->lock));
    ANSWERS(toro_lock_close(w->lock));
    ANSWERS(toro_lock_set_name(w->lock, "a"));
    ANSWERS(toro_rwlock_try_acquire_read(w->rwlock));
    ANSWERS(toro_rwlock_try_acquire_write(w->rwlock));
    ANSWERS(toro_rwlock_release_read(w->rwlock));
    ANSWERS(toro_rwlock_release_write(w->rwlock));
    ANSWERS(toro_rwlock_downgrade(w->rwlock));
    ANSWERS(toro_rwlock_close(w->rwlock));
    ANSWERS(toro_rwlock_set_name(w->rwlock, "a"));
    ANSWERS(toro_semaphore_try_acquire(w->semaphore, 1));
    ANSWERS(toro_semaphore_release(w->semaphore, 1));
    ANSWERS(toro_semaphore_release(w->bounded, 1));
    ANSWERS(toro_semaphore_close(w->semaphore));
    ANSWERS(toro_semaphore_set_name(w->semaphore, "a"));
    ANSWERS(toro_condition_notify(w->condition, 1));
    ANSWERS(toro_condition_notify_all(w->condition));
    ANSWERS(toro_condition_close(w->condition));
    ANSWERS(toro_condition_set_name(w->condition, "a"));
    ANSWERS(toro_event_set(w->event));
    ANSWERS(toro_event_clear(w->event));
    ANSWERS(toro_event_close(w->event));
    ANSWERS(toro_event_set_name(w->event, "a"));
    ANSWERS(toro_queue_try_put(w->queue, w));
    ANSWERS(toro_queue_try_get(w->queue, &item));
    ANSWERS(toro_queue_set_capacity(w->queue, 9));
    ANSWERS(toro_queue_task_done(w->queue));
    ANSWERS(toro_queue_close(w->queue));
    ANSWERS(toro_queue_set_name(w->queue, "a"));
    ANSWERS(toro_barrier_close(w->barrier));
    ANSWERS(toro_barrier_set_name(w->barrier, "a"));
    ANSWERS(toro_gate_enter(w->gate));
    ANSWERS(toro_gate_leave(w->gate));
    ANSWERS(toro_gate_close(w->gate));
    ANSWERS(toro_gate_set_name(w->gate, "a"));
    CHECK(item == w);
}

void every_reactor_call(world *w, int status) {
    uint64_t id;
    int ends[2];
    EQUAL(pipe(ends), 0);
    REFUSES(toro_reactor_call_at(w->reactor, toro_after_ms(1), never_called, NULL, &id));
    REFUSES(toro_fd_wait(w->reactor, ends[0], TORO_READABLE, toro_after_ms(1), never_told, NULL, &id));
    ANSWERS(toro_cancel(w->reactor, 1));
    close(ends[0]);
    close(ends[1]);
    if (status == TORO_SYSTEM) {  // what is for any thread, in a forked child
        ANSWERS(toro_reactor_advance(w->reactor, 1));
        ANSWERS(toro_reactor_execute(w->reactor, never_called, NULL));
        ANSWERS(toro_reactor_hold(w->reactor));
        ANSWERS(toro_reactor_unhold(w->reactor));
        ANSWERS(toro_reactor_bind(w->reactor));
        ANSWERS(toro_reactor_run(w->reactor));
        ANSWERS(toro_reactor_run_once(w->reactor, false));
        ANSWERS(toro_reactor_stop(w->reactor));
    }
    char text[10];
    CHECK(!toro_reactor_is_current(w->reactor));
    CHECK(toro_reactor_base(w->reactor) == NULL);
    EQUAL(toro_reactor_now_unix_ns(w->reactor), 0);
    EQUAL(toro_reactor_fd(w->reactor), -1);
    EQUAL(toro_reactor_next_deadline_ns(w->reactor), -1);
    EQUAL(toro_reactor_pending(w->reactor), 0);
    EQUAL(toro_reactor_dump(w->reactor, text, sizeof text), 0);
    CHECK(toro_lock_new(w->reactor, 0) == NULL);
    CHECK(toro_queue_new(w->reactor, TORO_FIFO, 1, NULL, NULL, 0) == NULL);
    CHECK(toro_semaphore_new(w->reactor, 1, 0) == NULL);
}

void every_look(world *w) {
    CHECK(!toro_async_result_ready(w->result));
    CHECK(!toro_lock_locked(w->lock));
    EQUAL(toro_lock_waiters(w->lock), 0);
    EQUAL(toro_rwlock_readers(w->rwlock), 0);
    CHECK(!toro_rwlock_write_locked(w->rwlock));
    EQUAL(toro_rwlock_waiters(w->rwlock), 0);
    EQUAL(toro_semaphore_count(w->semaphore), 0);
    CHECK(!toro_semaphore_locked(w->semaphore));
    EQUAL(toro_semaphore_waiters(w->semaphore), 0);
    EQUAL(toro_condition_waiters(w->condition), 0);
    CHECK(!toro_event_is_set(w->event));
    EQUAL(toro_event_waiters(w->event), 0);
    EQUAL(toro_queue_count(w->queue), 0);
    EQUAL(toro_queue_capacity(w->queue), 0);
    CHECK(!toro_queue_full(w->channel));
    CHECK(!toro_queue_is_closed(w->queue));
    EQUAL(toro_queue_getters(w->queue), 0);
    EQUAL(toro_queue_putters(w->queue), 0);
    EQUAL(toro_queue_unfinished(w->queue), 0);
    EQUAL(toro_barrier_parties(w->barrier), 0);
    EQUAL(toro_barrier_waiters(w->barrier), 0);
    CHECK(!toro_gate_is_closed(w->gate));
    EQUAL(toro_gate_count(w->gate), 0);
    EQUAL(toro_gate_waiters(w->gate), 0);
}

long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// For threads beside the reactor's, and for hosts whose own clock is real.
void sleep_ms(int ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {}
}

static const scenario *const groups[] = {
    argument_scenarios, order_scenarios, deadline_scenarios, reactor_scenarios, thread_scenarios, closing_scenarios,
    primitive_scenarios, queue_scenarios, descriptor_scenarios, adopting_scenarios, fork_scenarios, inspector_scenarios,
    load_scenarios,
};

const scenario *scenario_at(size_t index) {
    for (size_t group = 0; group < sizeof groups / sizeof *groups; group++) {
        const scenario *s = groups[group];
        for (; s->sentence; s++)
            if (index-- == 0) return s;
    }
    return NULL;
}
