#include "check.h"

static world w;
static void begin(unsigned flags) { w = make_world(toro_reactor_new_virtual(), flags); }

static void wait_on_everything(void) {
    toro_deadline later = toro_after_ms(1000);
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_rwlock_try_acquire_write(w.rwlock));
    OK(toro_semaphore_try_acquire(w.semaphore, 1));
    OK(toro_async_result_get(w.result, FOREVER, handed, "result", NULL));
    OK(toro_lock_acquire(w.lock, later, told, "lock", NULL));
    OK(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "read", NULL));
    OK(toro_rwlock_acquire_write(w.rwlock, FOREVER, told, "write", NULL));
    OK(toro_semaphore_acquire(w.semaphore, 1, later, told, "semaphore", NULL));
    OK(toro_semaphore_wait(w.semaphore, FOREVER, told, "permit", NULL));
    OK(toro_condition_wait(w.condition, FOREVER, told, "condition", NULL));
    OK(toro_event_wait(w.event, later, told, "event", NULL));
    OK(toro_queue_get(w.queue, FOREVER, handed, "get", NULL));
    OK(toro_queue_put(w.channel, "x", FOREVER, told, "put", NULL));
    OK(toro_barrier_wait(w.barrier, FOREVER, told, "barrier", NULL));
    OK(toro_gate_enter(w.gate));
    OK(toro_gate_join(w.gate, FOREVER, told, "join", NULL));
    EQUAL(toro_reactor_pending(w.reactor), 12);
}
static const char all_closed[] =
    "result:closed lock:closed read:closed write:closed semaphore:closed permit:closed condition:closed event:closed "
    "get:closed put:closed barrier:closed join:closed";

static void freeing_objects(void) {
    for (unsigned flags = 0; flags < 2; flags++) {
        begin(flags);
        wait_on_everything();
        OK(toro_queue_try_put(w.queue, "item"));
        OK(toro_queue_try_put(w.queue, "item"));
        OK(toro_queue_join(w.queue, FOREVER, told, "queue-join", NULL));
        free_objects(&w);
        EQUAL(toro_reactor_pending(w.reactor), 0);
        if (flags) {
            LOG("");
            OK(toro_reactor_run(w.reactor));
            LOG("get=item result:closed lock:closed read:closed write:closed semaphore:closed permit:closed condition:closed "
                "event:closed queue-join:closed put:closed barrier:closed join:closed");
        } else {
            LOG("get=item result:closed lock:closed read:closed write:closed semaphore:closed permit:closed condition:closed "
                "event:closed queue-join:closed put:closed barrier:closed join:closed");
        }
        toro_reactor_free(w.reactor);
    }
}

static void freeing_the_reactor(void) {
    for (unsigned flags = 0; flags < 2; flags++) {
        begin(flags);
        wait_on_everything();
        OK(toro_reactor_execute(w.reactor, called, "dropped"));
        OK(toro_reactor_call_at(w.reactor, toro_after_ms(0), called, "dropped", NULL));
        OK(toro_reactor_call_at(w.reactor, toro_after_ms(5), called, "dropped", NULL));
        toro_reactor_free(w.reactor);
        LOG(all_closed);
        // From then on its objects answer so, on any thread, and may be freed.
        every_object_call(&w, TORO_CLOSED);
        every_look(&w);
        free_objects(&w);
    }
}

static void closed_elsewhere(void *arg) { every_object_call(arg, TORO_CLOSED); every_look(arg); free_objects(arg); }

static void closed_anywhere(void) {
    begin(0);
    toro_reactor_free(w.reactor);
    elsewhere(closed_elsewhere, &w);
}

static void frees_reactor_elsewhere(void *arg) { toro_reactor_free(arg); }

static void at_once_elsewhere(void) {
    begin(0);
    wait_on_everything();
    elsewhere(frees_reactor_elsewhere, w.reactor);
    LOG(all_closed);
    every_object_call(&w, TORO_CLOSED);
    free_objects(&w);
}

static void decided_first(void) {
    begin(TORO_DEFER_CALLBACKS);
    OK(toro_condition_wait(w.condition, FOREVER, told, "left", NULL));
    OK(toro_event_wait(w.event, toro_after_ms(0), told, "passed", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "granted", NULL));
    uint64_t id;
    OK(toro_lock_acquire(w.lock, FOREVER, told, "cancelled", &id));
    OK(toro_cancel(w.reactor, id));
    OK(toro_queue_try_put(w.queue, "item"));
    OK(toro_queue_get(w.queue, FOREVER, handed, "get", NULL));
    OK(toro_reactor_execute(w.reactor, called, "dropped"));
    toro_reactor_free(w.reactor);
    LOG("passed:timed-out granted cancelled:cancelled get=item left:closed");
    free_objects(&w);
}

static void frees_reactor(int status, void *arg) {
    told(status, arg);
    toro_reactor_free(w.reactor);
    note("(freed)");
    OK(toro_lock_release(w.lock));  // not yet
}

static void inside_a_callback(void) {
    begin(0);
    OK(toro_event_wait(w.event, FOREVER, told, "event", NULL));
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, frees_reactor, "1", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "2", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "3", NULL));
    OK(toro_lock_release(w.lock));
    LOG("1 (freed) 2 event:closed 3:closed");
    every_object_call(&w, TORO_CLOSED);
    free_objects(&w);
}

static void frees_everything(int status, void *arg) {
    told(status, arg);
    free_world(&w);
    note("(freed)");
}

static void everything_inside_a_callback(void) {
    begin(0);
    OK(toro_event_wait(w.event, FOREVER, told, "event", NULL));
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, frees_everything, "1", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "2", NULL));
    OK(toro_lock_release(w.lock));
    LOG("1 (freed) 2:closed event:closed");
}

static void frees_reactor_in_function(void *arg) {
    toro_reactor_free(w.reactor);
    called(arg);
}
static void frees_everything_in_function(void *arg) {
    free_world(&w);
    called(arg);
}

static void inside_a_run(void) {
    for (int once = 0; once < 2; once++) {
        begin(0);
        OK(toro_event_wait(w.event, FOREVER, told, "event", NULL));
        OK(toro_reactor_execute(w.reactor, frees_reactor_in_function, "freed"));
        OK(toro_reactor_execute(w.reactor, called, "same-turn"));
        if (once) OK(toro_reactor_run_once(w.reactor, true));
        else OK(toro_reactor_run(w.reactor));
        LOG("freed same-turn event:closed");
        every_object_call(&w, TORO_CLOSED);
        free_objects(&w);
        begin(0);
        OK(toro_event_wait(w.event, FOREVER, told, "event", NULL));
        OK(toro_reactor_call_at(w.reactor, toro_after_ms(1), frees_everything_in_function, "freed", NULL));
        OK(toro_reactor_run(w.reactor));
        LOG("event:closed freed");
    }
}

static void tries_everything(int status, void *arg) {
    told(status, arg);
    if (status != TORO_CLOSED) return;
    uint64_t id = 7;
    EQUAL(toro_event_wait(w.event, FOREVER, told, "", &id), TORO_CLOSED);
    EQUAL(id, 0);
    EQUAL(toro_queue_get(w.queue, FOREVER, handed, "", NULL), TORO_CLOSED);
}

static void no_wait_begins(void) {
    begin(0);
    OK(toro_queue_try_put(w.queue, "item"));
    OK(toro_condition_wait(w.condition, FOREVER, tries_everything, "1", NULL));
    OK(toro_condition_wait(w.condition, FOREVER, tries_everything, "2", NULL));
    toro_reactor_free(w.reactor);
    LOG("1:closed 2:closed");
    free_objects(&w);
}

static void frees_the_objects(int status, void *arg) { told(status, arg); free_objects(&w); }

static void objects_freed_while_closing(void) {
    begin(0);
    OK(toro_queue_get(w.queue, FOREVER, handed, "get", NULL));
    OK(toro_condition_wait(w.condition, FOREVER, frees_the_objects, "condition", NULL));
    OK(toro_queue_put(w.channel, "x", FOREVER, told, "put", NULL));
    OK(toro_semaphore_wait(w.semaphore, FOREVER, told, "permit", NULL));
    OK(toro_semaphore_try_acquire(w.semaphore, 1));
    OK(toro_semaphore_wait(w.semaphore, FOREVER, told, "wait", NULL));
    toro_reactor_free(w.reactor);
    LOG("permit get:closed condition:closed put:closed wait:closed");
}

static void closing_twice(void) {
    begin(0);
    wait_on_everything();
    OK(toro_async_result_close(w.result));
    OK(toro_lock_close(w.lock));
    OK(toro_rwlock_close(w.rwlock));
    OK(toro_semaphore_close(w.semaphore));
    OK(toro_condition_close(w.condition));
    OK(toro_event_close(w.event));
    OK(toro_queue_close(w.queue));
    OK(toro_queue_close(w.channel));
    OK(toro_barrier_close(w.barrier));
    OK(toro_gate_close(w.gate));
    LOG("result:closed lock:closed read:closed write:closed semaphore:closed permit:closed condition:closed event:closed "
        "get:closed put:closed barrier:closed");
    OK(toro_async_result_close(w.result));
    OK(toro_lock_close(w.lock));
    OK(toro_rwlock_close(w.rwlock));
    OK(toro_semaphore_close(w.semaphore));
    OK(toro_condition_close(w.condition));
    OK(toro_event_close(w.event));
    OK(toro_queue_close(w.queue));
    OK(toro_barrier_close(w.barrier));
    OK(toro_gate_close(w.gate));
    // Waits and try-calls are refused; who holds something may give it back.
    uint64_t id = 7;
    void *item;
    EQUAL(toro_lock_acquire(w.lock, FOREVER, told, "", &id), TORO_CLOSED);
    EQUAL(id, 0);
    EQUAL(toro_lock_try_acquire(w.lock), TORO_CLOSED);
    EQUAL(toro_semaphore_acquire(w.semaphore, 1, FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_semaphore_wait(w.semaphore, FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_semaphore_try_acquire(w.semaphore, 1), TORO_CLOSED);
    EQUAL(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_rwlock_acquire_write(w.rwlock, FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_rwlock_try_acquire_read(w.rwlock), TORO_CLOSED);
    EQUAL(toro_rwlock_try_acquire_write(w.rwlock), TORO_CLOSED);
    EQUAL(toro_condition_wait(w.condition, FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_event_wait(w.event, FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_async_result_get(w.result, FOREVER, handed, "", NULL), TORO_CLOSED);
    EQUAL(toro_async_result_try_get(w.result, &item), TORO_CLOSED);
    EQUAL(toro_async_result_set(w.result, &item), TORO_CLOSED);
    EQUAL(toro_queue_put(w.queue, "x", FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_queue_get(w.queue, FOREVER, handed, "", NULL), TORO_CLOSED);
    EQUAL(toro_queue_try_put(w.queue, "x"), TORO_CLOSED);
    EQUAL(toro_queue_try_get(w.queue, &item), TORO_CLOSED);
    EQUAL(toro_barrier_wait(w.barrier, FOREVER, told, "", NULL), TORO_CLOSED);
    EQUAL(toro_gate_enter(w.gate), TORO_CLOSED);
    LOG("");
    OK(toro_lock_release(w.lock));
    EQUAL(toro_lock_release(w.lock), TORO_NOT_LOCKED);
    OK(toro_semaphore_release(w.semaphore, 1));
    OK(toro_rwlock_release_write(w.rwlock));
    OK(toro_gate_leave(w.gate));
    LOG("join");
    free_world(&w);
}

const scenario closing_scenarios[] = {
    {"An object that is freed ends its waits as closed", freeing_objects},
    {"A reactor that is freed ends every wait as closed and drops functions; its objects answer so afterwards", freeing_the_reactor},
    {"The objects of a freed reactor answer so, and may be freed, on any thread", closed_anywhere},
    {"A reactor that does not run is freed at once on another thread", at_once_elsewhere},
    {"Outcomes that were decided are told first, unchanged, when the reactor is freed", decided_first},
    {"Freed inside a callback, a reactor closes when the outermost call ends", inside_a_callback},
    {"Reactor and objects may all be freed inside a callback", everything_inside_a_callback},
    {"Freed inside a run, a reactor closes when the turn ends, and the run is OK", inside_a_run},
    {"No wait begins while a reactor closes", no_wait_begins},
    {"Objects may be freed by callbacks of the reactor's free", objects_freed_while_closing},
    {"Closing ends waits and refuses later ones; again it is OK; what is held may be given back", closing_twice},
    {NULL, NULL},
};
