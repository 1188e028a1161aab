#include "check.h"

static toro_wait_fn const none = NULL;
static toro_item_fn const no_item = NULL;

static void versions(void) {
    CHECK(strcmp(toro_version(), "0.1.0") == 0);
    char text[40];
    snprintf(text, sizeof text, "%d.%d.%d", TORO_VERSION_MAJOR, TORO_VERSION_MINOR, TORO_VERSION_PATCH);
    CHECK(strcmp(toro_version(), text) == 0);
    for (int status = -2; status < 20; status++) CHECK(toro_strerror(status) != NULL && *toro_strerror(status));
    CHECK(strcmp(toro_strerror(99), "unknown status 99") == 0);
    CHECK(strcmp(toro_strerror(INT32_MIN), "unknown status -2147483648") == 0 && toro_strerror(INT32_MAX) != NULL);
    for (int a = 0; a <= TORO_SYSTEM; a++)
        for (int b = 0; b < a; b++) CHECK(strcmp(toro_strerror(a), toro_strerror(b)) != 0);
}

static void null_handles(void) {
    uint64_t id = 7;
    void *item = &id;
    EQUAL(toro_reactor_advance(NULL, 1), TORO_INVALID);
    EQUAL(toro_reactor_now_unix_ns(NULL), 0);
    EQUAL(toro_reactor_after_fork(NULL), TORO_INVALID);
    EQUAL(toro_reactor_bind(NULL), TORO_INVALID);
    CHECK(!toro_reactor_is_current(NULL));
    CHECK(toro_reactor_base(NULL) == NULL);
    EQUAL(toro_reactor_run(NULL), TORO_INVALID);
    EQUAL(toro_reactor_run_once(NULL, true), TORO_INVALID);
    EQUAL(toro_reactor_stop(NULL), TORO_INVALID);
    EQUAL(toro_reactor_execute(NULL, called, NULL), TORO_INVALID);
    EQUAL(toro_reactor_call_at(NULL, FOREVER, called, NULL, &id), TORO_INVALID);
    EQUAL(id, 0);
    EQUAL(toro_reactor_hold(NULL), TORO_INVALID);
    EQUAL(toro_reactor_unhold(NULL), TORO_INVALID);
    EQUAL(toro_reactor_fd(NULL), -1);
    EQUAL(toro_reactor_next_deadline_ns(NULL), -1);
    EQUAL(toro_reactor_pending(NULL), 0);
    char text[4] = "abc";
    EQUAL(toro_reactor_dump(NULL, text, sizeof text), 0);
    EQUAL(text[0], 0);
    EQUAL(toro_cancel(NULL, 1), TORO_INVALID);
    EQUAL(toro_fd_wait(NULL, 0, TORO_READABLE, FOREVER, told, "", &id), TORO_INVALID);
    CHECK(!toro_reactor_adopt(NULL) && !toro_async_result_new(NULL, 0) && !toro_lock_new(NULL, 0) && !toro_rwlock_new(NULL, 0));
    CHECK(!toro_semaphore_new(NULL, 1, 0) && !toro_bounded_semaphore_new(NULL, 1, 0) && !toro_condition_new(NULL, 0));
    CHECK(!toro_event_new(NULL, 0) && !toro_queue_new(NULL, TORO_FIFO, 1, NULL, NULL, 0) && !toro_barrier_new(NULL, 1, 0));
    CHECK(!toro_gate_new(NULL, 0));
    world w;
    memset(&w, 0, sizeof w);
    toro_deadline soon = toro_after_ms(1);
    id = 7;
    EQUAL(toro_async_result_get(w.result, soon, handed, "", &id), TORO_INVALID);
    EQUAL(id, 0);
    id = 7;
    EQUAL(toro_lock_acquire(w.lock, soon, told, "", &id), TORO_INVALID);
    EQUAL(id, 0);
    EQUAL(toro_rwlock_acquire_read(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_rwlock_acquire_write(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_semaphore_acquire(NULL, 1, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_semaphore_wait(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_condition_wait(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_event_wait(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_queue_put(NULL, NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_queue_get(NULL, soon, handed, "", &id), TORO_INVALID);
    EQUAL(toro_queue_join(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_barrier_wait(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_gate_join(NULL, soon, told, "", &id), TORO_INVALID);
    EQUAL(toro_async_result_set(NULL, NULL), TORO_INVALID);
    EQUAL(toro_async_result_try_get(NULL, &item), TORO_INVALID);
    EQUAL(toro_async_result_close(NULL), TORO_INVALID);
    EQUAL(toro_async_result_set_name(NULL, ""), TORO_INVALID);
    EQUAL(toro_lock_try_acquire(NULL), TORO_INVALID);
    EQUAL(toro_lock_release(NULL), TORO_INVALID);
    EQUAL(toro_lock_close(NULL), TORO_INVALID);
    EQUAL(toro_rwlock_try_acquire_read(NULL), TORO_INVALID);
    EQUAL(toro_rwlock_try_acquire_write(NULL), TORO_INVALID);
    EQUAL(toro_rwlock_release_read(NULL), TORO_INVALID);
    EQUAL(toro_rwlock_release_write(NULL), TORO_INVALID);
    EQUAL(toro_rwlock_downgrade(NULL), TORO_INVALID);
    EQUAL(toro_rwlock_close(NULL), TORO_INVALID);
    EQUAL(toro_semaphore_try_acquire(NULL, 1), TORO_INVALID);
    EQUAL(toro_semaphore_release(NULL, 1), TORO_INVALID);
    EQUAL(toro_semaphore_close(NULL), TORO_INVALID);
    EQUAL(toro_condition_notify(NULL, 1), TORO_INVALID);
    EQUAL(toro_condition_notify_all(NULL), TORO_INVALID);
    EQUAL(toro_condition_close(NULL), TORO_INVALID);
    EQUAL(toro_event_set(NULL), TORO_INVALID);
    EQUAL(toro_event_clear(NULL), TORO_INVALID);
    EQUAL(toro_event_close(NULL), TORO_INVALID);
    EQUAL(toro_queue_try_put(NULL, NULL), TORO_INVALID);
    EQUAL(toro_queue_try_get(NULL, &item), TORO_INVALID);
    EQUAL(toro_queue_set_capacity(NULL, 1), TORO_INVALID);
    EQUAL(toro_queue_task_done(NULL), TORO_INVALID);
    EQUAL(toro_queue_close(NULL), TORO_INVALID);
    EQUAL(toro_barrier_close(NULL), TORO_INVALID);
    EQUAL(toro_gate_enter(NULL), TORO_INVALID);
    EQUAL(toro_gate_leave(NULL), TORO_INVALID);
    EQUAL(toro_gate_close(NULL), TORO_INVALID);
    every_look(&w);
    free_world(&w);
    CHECK(item == &id);
}

// Each call with one bad argument, on its thread or not: the argument comes first.
static void bad_arguments_of(void *arg) {
    world *w = arg;
    uint64_t id;
    toro_deadline soon = toro_after_ms(1), odd = {3, 1}, odder = {-1, 1};
#define REFUSED(call) \
    do { \
        id = 7; \
        EQUAL(call, TORO_INVALID); \
        EQUAL(id, 0); \
    } while (0)
    REFUSED(toro_lock_acquire(w->lock, soon, none, "", &id));
    REFUSED(toro_lock_acquire(w->lock, odd, told, "", &id));
    REFUSED(toro_lock_acquire(w->lock, odder, told, "", &id));
    REFUSED(toro_rwlock_acquire_read(w->rwlock, soon, none, "", &id));
    REFUSED(toro_rwlock_acquire_write(w->rwlock, odd, told, "", &id));
    REFUSED(toro_semaphore_acquire(w->semaphore, 1, soon, none, "", &id));
    REFUSED(toro_semaphore_acquire(w->semaphore, 1, odd, told, "", &id));
    REFUSED(toro_semaphore_acquire(w->semaphore, 0, soon, told, "", &id));
    REFUSED(toro_semaphore_acquire(w->semaphore, -1, soon, told, "", &id));
    REFUSED(toro_semaphore_acquire(w->semaphore, INT64_MIN, soon, told, "", &id));
    REFUSED(toro_semaphore_acquire(w->bounded, 2, soon, told, "", &id));
    REFUSED(toro_semaphore_acquire(w->bounded, INT64_MAX, soon, told, "", &id));
    REFUSED(toro_semaphore_wait(w->semaphore, soon, none, "", &id));
    REFUSED(toro_condition_wait(w->condition, soon, none, "", &id));
    REFUSED(toro_event_wait(w->event, odd, told, "", &id));
    REFUSED(toro_async_result_get(w->result, soon, no_item, "", &id));
    REFUSED(toro_async_result_get(w->result, odd, handed, "", &id));
    REFUSED(toro_queue_put(w->queue, w, soon, none, "", &id));
    REFUSED(toro_queue_put(w->queue, w, odd, told, "", &id));
    REFUSED(toro_queue_get(w->queue, soon, no_item, "", &id));
    REFUSED(toro_queue_get(w->queue, odder, handed, "", &id));
    REFUSED(toro_queue_join(w->queue, soon, none, "", &id));
    REFUSED(toro_barrier_wait(w->barrier, soon, none, "", &id));
    REFUSED(toro_gate_join(w->gate, soon, none, "", &id));
    REFUSED(toro_reactor_call_at(w->reactor, soon, NULL, "", &id));
    REFUSED(toro_reactor_call_at(w->reactor, odd, called, "", &id));
    REFUSED(toro_fd_wait(w->reactor, 0, TORO_READABLE, soon, none, "", &id));
    REFUSED(toro_fd_wait(w->reactor, 0, 0, soon, told, "", &id));
    REFUSED(toro_fd_wait(w->reactor, 0, 4, soon, told, "", &id));
    REFUSED(toro_fd_wait(w->reactor, 0, TORO_READABLE, odd, told, "", &id));
    EQUAL(toro_reactor_execute(w->reactor, NULL, ""), TORO_INVALID);
    EQUAL(toro_reactor_advance(w->reactor, -1), TORO_INVALID);
    EQUAL(toro_semaphore_try_acquire(w->semaphore, 0), TORO_INVALID);
    EQUAL(toro_semaphore_try_acquire(w->bounded, 2), TORO_INVALID);
    EQUAL(toro_semaphore_release(w->semaphore, 0), TORO_INVALID);
    EQUAL(toro_semaphore_release(w->semaphore, -5), TORO_INVALID);
    EQUAL(toro_semaphore_release(w->bounded, INT64_MIN), TORO_INVALID);
    EQUAL(toro_queue_try_get(w->queue, NULL), TORO_INVALID);
    EQUAL(toro_async_result_try_get(w->result, NULL), TORO_INVALID);
}

static void bad_arguments(void) {
    world w = make_world(toro_reactor_new_virtual(), 0);
    bad_arguments_of(&w);
    EQUAL(toro_reactor_pending(w.reactor), 0);
    EQUAL(toro_semaphore_count(w.semaphore), 1);
    CHECK(!toro_lock_locked(w.lock));
    free_world(&w);
}

static void bad_arguments_elsewhere(void) {
    world w = make_world(toro_reactor_new_virtual(), 0);
    elsewhere(bad_arguments_of, &w);
    free_world(&w);
}

static void bad_arguments_closed(void) {
    world w = make_world(toro_reactor_new_virtual(), 0);
    OK(toro_lock_close(w.lock));
    OK(toro_semaphore_close(w.semaphore));
    OK(toro_semaphore_close(w.bounded));
    OK(toro_queue_close(w.queue));
    OK(toro_event_close(w.event));
    bad_arguments_of(&w);
    toro_reactor_free(w.reactor);
    w.reactor = toro_reactor_new_virtual();
    bad_arguments_of(&w);
    free_world(&w);
}

static int by_address(const void *a, const void *b, void *arg) { (void)arg; return a < b ? -1 : a > b; }

static void bad_constructions(void) {
    toro_reactor *r = toro_reactor_new();
    for (unsigned flags = 2; flags; flags <<= 1) {
        CHECK(!toro_lock_new(r, flags) && !toro_rwlock_new(r, flags | 1) && !toro_event_new(r, flags) && !toro_condition_new(r, flags));
        CHECK(!toro_semaphore_new(r, 1, flags) && !toro_bounded_semaphore_new(r, 1, flags) && !toro_async_result_new(r, flags));
        CHECK(!toro_queue_new(r, TORO_FIFO, 1, NULL, NULL, flags) && !toro_barrier_new(r, 1, flags) && !toro_gate_new(r, flags));
    }
    errno = 0;
    CHECK(!toro_semaphore_new(r, -1, 0) && !toro_bounded_semaphore_new(r, INT64_MIN, 0) && !toro_barrier_new(r, 0, 0));
    EQUAL(errno, EINVAL);
    CHECK(!toro_queue_new(r, 3, 1, NULL, NULL, 0) && !toro_queue_new(r, -1, 1, NULL, NULL, 0));
    CHECK(!toro_queue_new(r, TORO_PRIORITY, 1, NULL, NULL, 0));
    CHECK(!toro_queue_new(r, TORO_FIFO, 1, by_address, NULL, 0) && !toro_queue_new(r, TORO_LIFO, 1, by_address, NULL, 0));
    EQUAL(toro_reactor_advance(r, 1), TORO_INVALID);  // its time is real
    toro_semaphore *s = toro_semaphore_new(r, INT64_MAX, 0);
    EQUAL(toro_semaphore_count(s), INT64_MAX);
    EQUAL(toro_semaphore_release(s, 1), TORO_OVER_RELEASED);
    OK(toro_semaphore_try_acquire(s, INT64_MAX));
    OK(toro_semaphore_release(s, INT64_MAX));
    toro_semaphore_free(s);
    s = toro_bounded_semaphore_new(r, 0, 0);
    EQUAL(toro_semaphore_try_acquire(s, 1), TORO_INVALID);
    EQUAL(toro_semaphore_release(s, 1), TORO_OVER_RELEASED);
    CHECK(toro_semaphore_locked(s));
    toro_semaphore_free(s);
    toro_reactor_free(r);
}

static void null_items(void) {
    world w = make_world(toro_reactor_new_virtual(), 0);
    result r = {0, -1, &r};
    void *item = &r;
    OK(toro_queue_try_put(w.queue, NULL));
    OK(toro_queue_get(w.queue, FOREVER, got, &r, NULL));
    CHECK(r.times == 1 && r.status == TORO_OK && r.item == NULL);
    OK(toro_queue_try_put(w.queue, NULL));
    OK(toro_queue_try_get(w.queue, &item));
    CHECK(item == NULL);
    OK(toro_async_result_set(w.result, NULL));
    CHECK(toro_async_result_ready(w.result));
    item = &r;
    OK(toro_async_result_try_get(w.result, &item));
    CHECK(item == NULL);
    OK(toro_lock_acquire(w.lock, FOREVER, ended, &r, NULL));
    EQUAL(r.times, 2);
    free_world(&w);
}

static void unspent_ids(void) {
    toro_reactor *r = toro_reactor_new_virtual();
    EQUAL(toro_cancel(r, 0), TORO_INVALID);
    EQUAL(toro_cancel(r, 1), TORO_INVALID);
    EQUAL(toro_cancel(r, UINT64_MAX), TORO_INVALID);
    toro_event *e = toro_event_new(r, 0);
    uint64_t seen[2000];
    result end = {0, 0, 0};
    for (int i = 0; i < 2000; i++) {
        OK(toro_event_wait(e, FOREVER, ended, &end, &seen[i]));
        CHECK(seen[i] != 0);
        for (int k = 0; k < i; k++) CHECK(seen[k] != seen[i]);
        if (i % 3 == 0) OK(toro_cancel(r, seen[i]));
        if (i % 50 == 49) {
            OK(toro_event_set(e));
            OK(toro_event_clear(e));
        }
        for (int k = 0; k < i; k += 37) {
            if (k % 3 == 0) EQUAL(toro_cancel(r, seen[k]), TORO_INVALID);
        }
    }
    EQUAL(end.times, 2000);
    toro_event_free(e);
    toro_reactor_free(r);
}

const scenario argument_scenarios[] = {
    {"The version is told as text and as numbers, and every status has words of its own", versions},
    {"A NULL handle is told as invalid by every call, and freeing NULL does nothing", null_handles},
    {"A bad argument is told as invalid, changes nothing, and leaves 0 as the id", bad_arguments},
    {"A bad argument comes before the wrong thread", bad_arguments_elsewhere},
    {"A bad argument comes before a closed object or reactor", bad_arguments_closed},
    {"Constructors refuse unknown flags and orders, negative counts, and a comparison where none belongs", bad_constructions},
    {"NULL items, values and arguments are legal", null_items},
    {"An id is never used twice, and one that is spent is invalid", unspent_ids},
    {NULL, NULL},
};
