#include "check.h"

static world w;
static void begin(void) { w = make_world(toro_reactor_new_virtual(), 0); }
static void end(void) { free_world(&w); }

static void locks(void) {
    begin();
    EQUAL(toro_lock_release(w.lock), TORO_NOT_LOCKED);
    OK(toro_lock_try_acquire(w.lock));
    CHECK(toro_lock_locked(w.lock));
    EQUAL(toro_lock_try_acquire(w.lock), TORO_WOULD_BLOCK);
    uint64_t id;
    OK(toro_lock_acquire(w.lock, FOREVER, told, "1", &id));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "2", NULL));
    EQUAL(toro_lock_waiters(w.lock), 2);
    EQUAL(toro_reactor_pending(w.reactor), 2);
    OK(toro_lock_release(w.lock));
    OK(toro_lock_release(w.lock));
    LOG("1 2");
    CHECK(toro_lock_locked(w.lock));
    OK(toro_lock_release(w.lock));
    CHECK(!toro_lock_locked(w.lock));
    EQUAL(toro_lock_release(w.lock), TORO_NOT_LOCKED);
    end();
}

// Scenarios 1, 2.
static void release_and_cancel(void) {
    for (int release_first = 0; release_first < 2; release_first++) {
        begin();
        uint64_t id, other;
        OK(toro_lock_try_acquire(w.lock));
        OK(toro_lock_acquire(w.lock, FOREVER, told, "1", &id));
        OK(toro_lock_acquire(w.lock, FOREVER, told, "2", &other));
        if (release_first) OK(toro_lock_release(w.lock));
        EQUAL(toro_cancel(w.reactor, id), release_first ? TORO_INVALID : TORO_OK);
        if (!release_first) OK(toro_lock_release(w.lock));
        LOG(release_first ? "1" : "1:cancelled 2");
        if (release_first) OK(toro_lock_release(w.lock));
        LOG(release_first ? "2" : "");
        OK(toro_lock_release(w.lock));
        OK(toro_lock_try_acquire(w.lock));
        OK(toro_lock_acquire(w.lock, FOREVER, told, "3", &id));
        OK(toro_cancel(w.reactor, id));
        OK(toro_lock_release(w.lock));
        OK(toro_lock_acquire(w.lock, FOREVER, told, "4", NULL));
        LOG("3:cancelled 4");
        end();
    }
}

static void rwlocks(void) {
    begin();
    EQUAL(toro_rwlock_release_read(w.rwlock), TORO_NOT_LOCKED);
    EQUAL(toro_rwlock_release_write(w.rwlock), TORO_NOT_LOCKED);
    EQUAL(toro_rwlock_downgrade(w.rwlock), TORO_NOT_LOCKED);
    OK(toro_rwlock_try_acquire_read(w.rwlock));
    OK(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "read", NULL));
    EQUAL(toro_rwlock_readers(w.rwlock), 2);
    EQUAL(toro_rwlock_try_acquire_write(w.rwlock), TORO_WOULD_BLOCK);
    EQUAL(toro_rwlock_release_write(w.rwlock), TORO_NOT_LOCKED);
    EQUAL(toro_rwlock_downgrade(w.rwlock), TORO_NOT_LOCKED);
    OK(toro_rwlock_acquire_write(w.rwlock, toro_after_ms(5), told, "write", NULL));  // scenario 12
    OK(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "behind", NULL));
    EQUAL(toro_rwlock_waiters(w.rwlock), 2);
    OK(toro_reactor_run(w.reactor));
    LOG("read write:timed-out behind");
    EQUAL(toro_rwlock_readers(w.rwlock), 3);
    for (int i = 0; i < 3; i++) OK(toro_rwlock_release_read(w.rwlock));
    EQUAL(toro_rwlock_release_read(w.rwlock), TORO_NOT_LOCKED);
    OK(toro_rwlock_try_acquire_write(w.rwlock));
    CHECK(toro_rwlock_write_locked(w.rwlock));
    EQUAL(toro_rwlock_try_acquire_read(w.rwlock), TORO_WOULD_BLOCK);
    EQUAL(toro_rwlock_try_acquire_write(w.rwlock), TORO_WOULD_BLOCK);
    OK(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "r1", NULL));
    OK(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "r2", NULL));
    OK(toro_rwlock_acquire_write(w.rwlock, FOREVER, told, "w", NULL));
    OK(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "r3", NULL));
    OK(toro_rwlock_downgrade(w.rwlock));
    LOG("r1 r2");
    EQUAL(toro_rwlock_readers(w.rwlock), 3);
    CHECK(!toro_rwlock_write_locked(w.rwlock));
    for (int i = 0; i < 3; i++) OK(toro_rwlock_release_read(w.rwlock));
    LOG("w");
    OK(toro_rwlock_release_write(w.rwlock));
    LOG("r3");
    end();
}

static void semaphores(void) {
    begin();
    EQUAL(toro_semaphore_count(w.semaphore), 1);
    CHECK(!toro_semaphore_locked(w.semaphore));
    OK(toro_semaphore_wait(w.semaphore, FOREVER, told, "free", NULL));
    EQUAL(toro_semaphore_count(w.semaphore), 1);
    OK(toro_semaphore_try_acquire(w.semaphore, 1));
    CHECK(toro_semaphore_locked(w.semaphore));
    OK(toro_semaphore_wait(w.semaphore, FOREVER, told, "wait-1", NULL));
    OK(toro_semaphore_acquire(w.semaphore, 2, FOREVER, told, "two", NULL));
    OK(toro_semaphore_wait(w.semaphore, FOREVER, told, "wait-2", NULL));
    EQUAL(toro_semaphore_waiters(w.semaphore), 3);
    OK(toro_semaphore_release(w.semaphore, 1));
    LOG("free wait-1");
    EQUAL(toro_semaphore_count(w.semaphore), 1);
    OK(toro_semaphore_release(w.semaphore, 1));
    LOG("two");
    OK(toro_semaphore_release(w.semaphore, 5));
    LOG("wait-2");
    EQUAL(toro_semaphore_count(w.semaphore), 5);
    OK(toro_semaphore_try_acquire(w.semaphore, 5));
    EQUAL(toro_semaphore_release(w.bounded, 1), TORO_OVER_RELEASED);
    OK(toro_semaphore_try_acquire(w.bounded, 1));
    OK(toro_semaphore_acquire(w.bounded, 1, FOREVER, told, "bounded", NULL));
    EQUAL(toro_semaphore_release(w.bounded, 2), TORO_OVER_RELEASED);
    EQUAL(toro_semaphore_release(w.bounded, INT64_MAX), TORO_OVER_RELEASED);
    LOG("");
    OK(toro_semaphore_release(w.bounded, 1));
    LOG("bounded");
    OK(toro_semaphore_release(w.bounded, 1));
    EQUAL(toro_semaphore_count(w.bounded), 1);
    end();
}

// Scenarios 7, 15.
static void conditions(void) {
    begin();
    OK(toro_condition_notify(w.condition, 1));
    uint64_t id;
    OK(toro_condition_wait(w.condition, FOREVER, told, "1", &id));
    OK(toro_condition_wait(w.condition, FOREVER, told, "2", NULL));
    OK(toro_condition_wait(w.condition, toro_after_ms(5), told, "3", NULL));
    OK(toro_condition_notify(w.condition, 0));
    EQUAL(toro_condition_waiters(w.condition), 3);
    OK(toro_cancel(w.reactor, id));
    OK(toro_condition_notify(w.condition, 1));
    LOG("1:cancelled 2");
    OK(toro_reactor_run(w.reactor));
    LOG("3:timed-out");
    for (int i = 0; i < 3; i++) OK(toro_condition_wait(w.condition, FOREVER, told, "n", NULL));
    OK(toro_condition_notify(w.condition, SIZE_MAX));
    LOG("n n n");
    for (int i = 0; i < 2; i++) OK(toro_condition_wait(w.condition, FOREVER, told, "n", NULL));
    OK(toro_condition_notify_all(w.condition));
    LOG("n n");
    end();
}

static void events(void) {
    begin();
    CHECK(!toro_event_is_set(w.event));
    OK(toro_event_wait(w.event, FOREVER, told, "1", NULL));
    OK(toro_event_wait(w.event, FOREVER, told, "2", NULL));
    EQUAL(toro_event_waiters(w.event), 2);
    OK(toro_event_set(w.event));
    OK(toro_event_set(w.event));
    LOG("1 2");
    CHECK(toro_event_is_set(w.event));
    OK(toro_event_wait(w.event, FOREVER, told, "3", NULL));
    LOG("3");
    OK(toro_event_clear(w.event));
    OK(toro_event_clear(w.event));
    OK(toro_event_wait(w.event, toro_after_ms(1), told, "4", NULL));
    OK(toro_reactor_run(w.reactor));
    LOG("4:timed-out");
    end();
}

static void results(void) {
    begin();
    void *value = &w;
    EQUAL(toro_async_result_try_get(w.result, &value), TORO_WOULD_BLOCK);
    CHECK(value == &w);
    CHECK(!toro_async_result_ready(w.result));
    OK(toro_async_result_get(w.result, FOREVER, handed, "1", NULL));
    OK(toro_async_result_get(w.result, toro_after_ms(1), handed, "2", NULL));
    OK(toro_reactor_run(w.reactor) == TORO_DEADLOCK ? TORO_OK : TORO_INVALID);
    LOG("2:timed-out");
    OK(toro_async_result_get(w.result, FOREVER, handed, "3", NULL));
    OK(toro_async_result_set(w.result, "page"));
    LOG("1=page 3=page");
    EQUAL(toro_async_result_set(w.result, "other"), TORO_ALREADY_SET);
    OK(toro_async_result_get(w.result, toro_after_ms(-1), handed, "4", NULL));
    LOG("4=page");
    OK(toro_async_result_try_get(w.result, &value));
    CHECK(strcmp(value, "page") == 0);
    end();
}

// Only a queue lets what it holds be got after it is closed.
static void closed_results(void) {
    begin();
    void *value = &w;
    uint64_t id = 7;
    OK(toro_async_result_set(w.result, "page"));
    OK(toro_async_result_close(w.result));
    OK(toro_async_result_close(w.result));
    EQUAL(toro_async_result_get(w.result, FOREVER, handed, "", &id), TORO_CLOSED);
    EQUAL(id, 0);
    EQUAL(toro_async_result_try_get(w.result, &value), TORO_CLOSED);
    CHECK(value == &w);
    EQUAL(toro_async_result_set(w.result, "other"), TORO_CLOSED);
    CHECK(toro_async_result_ready(w.result));
    LOG("");
    end();
}

static void barriers(void) {
    begin();
    EQUAL(toro_barrier_parties(w.barrier), 2);
    for (int i = 0; i < 2; i++) {
        OK(toro_barrier_wait(w.barrier, FOREVER, told, "first", NULL));
        EQUAL(toro_barrier_waiters(w.barrier), 1);
        LOG("");
        OK(toro_barrier_wait(w.barrier, toro_after_ms(-1), told, "last", NULL));
        LOG("first last");
    }
    uint64_t id;
    OK(toro_barrier_wait(w.barrier, toro_after_ms(1), told, "late", NULL));
    OK(toro_reactor_run(w.reactor));
    LOG("late:timed-out");
    OK(toro_barrier_wait(w.barrier, FOREVER, told, "a", &id));
    OK(toro_cancel(w.reactor, id));
    OK(toro_barrier_wait(w.barrier, FOREVER, told, "b", &id));
    LOG("a:cancelled");
    end();
    LOG("b:closed");
}

static void gates(void) {
    begin();
    EQUAL(toro_gate_leave(w.gate), TORO_OVER_RELEASED);
    OK(toro_gate_join(w.gate, FOREVER, told, "empty", NULL));
    OK(toro_gate_enter(w.gate));
    OK(toro_gate_enter(w.gate));
    EQUAL(toro_gate_count(w.gate), 2);
    OK(toro_gate_join(w.gate, FOREVER, told, "joined", NULL));
    OK(toro_gate_join(w.gate, toro_after_ms(1), told, "timed", NULL));
    EQUAL(toro_gate_waiters(w.gate), 2);
    EQUAL(toro_reactor_run(w.reactor), TORO_DEADLOCK);
    OK(toro_gate_close(w.gate));
    CHECK(toro_gate_is_closed(w.gate));
    EQUAL(toro_gate_enter(w.gate), TORO_CLOSED);
    OK(toro_gate_leave(w.gate));
    OK(toro_gate_join(w.gate, FOREVER, told, "late", NULL));
    LOG("empty timed:timed-out");
    OK(toro_gate_leave(w.gate));
    LOG("joined late");
    EQUAL(toro_gate_leave(w.gate), TORO_OVER_RELEASED);
    end();
}

const scenario primitive_scenarios[] = {
    {"A lock goes to the longest waiter; one that nobody holds cannot be released", locks},
    {"A release and the cancel of the first waiter, in either order, strand nobody (scenarios 1, 2)", release_and_cancel},
    {"Readers share, writers do not, and a downgrade lets readers join (scenario 12)", rwlocks},
    {"Permits go to those who wait, in order, and never above a bound", semaphores},
    {"A notification wakes the longest waiters, and is lost if nobody waits (scenario 7)", conditions},
    {"An event lets all pass until it is cleared", events},
    {"A result is set once, and got by all", results},
    {"A closed result answers that it is closed, though it has its value", closed_results},
    {"A barrier opens for the last to come, and starts over", barriers},
    {"A gate counts who is in it, and is waited for to be empty", gates},
    {NULL, NULL},
};
