#include "check.h"

static world w;

static void begin(unsigned flags) { w = make_world(toro_reactor_new_virtual(), flags); }
static void end(void) { free_world(&w); }

static void told_before_return(void) {
    begin(0);
    uint64_t id = 7;
    note("acquire");
    OK(toro_lock_acquire(w.lock, FOREVER, told, "first", &id));
    EQUAL(id, 0);
    OK(toro_lock_acquire(w.lock, FOREVER, told, "second", &id));
    CHECK(id != 0);
    note("release");
    OK(toro_lock_release(w.lock));
    note("released");
    EQUAL(toro_cancel(w.reactor, id), TORO_INVALID);
    LOG("acquire first release second released");
    end();
}

static void deferred(void) {
    begin(TORO_DEFER_CALLBACKS);
    uint64_t id = 7;
    OK(toro_lock_acquire(w.lock, FOREVER, told, "first", &id));
    EQUAL(id, 0);
    EQUAL(toro_reactor_pending(w.reactor), 0);
    OK(toro_lock_acquire(w.lock, FOREVER, told, "second", &id));
    EQUAL(toro_reactor_pending(w.reactor), 1);
    OK(toro_reactor_execute(w.reactor, called, "queued"));
    OK(toro_lock_release(w.lock));
    EQUAL(toro_reactor_pending(w.reactor), 0);
    EQUAL(toro_cancel(w.reactor, id), TORO_INVALID);
    CHECK(toro_lock_locked(w.lock));
    LOG("");
    OK(toro_reactor_run(w.reactor));
    LOG("first queued second");
    end();
}

// The seed's doctest.
static void wait_and_notify(void) {
    begin(0);
    OK(toro_condition_wait(w.condition, FOREVER, told, "I'm-done-waiting", NULL));
    note("About-to-notify");
    OK(toro_condition_notify(w.condition, 1));
    note("Done-notifying");
    LOG("About-to-notify I'm-done-waiting Done-notifying");
    end();
}

static int depth;
static void nested(int status, void *arg) {
    CHECK(depth == 0);
    depth++;
    told(status, arg);
    if (strcmp(arg, "1") == 0) {
        OK(toro_lock_release(w.lock));
        OK(toro_semaphore_acquire(w.semaphore, 1, FOREVER, nested, "3", NULL));
        OK(toro_event_set(w.event));
        note("(1-returns)");
    }
    depth--;
}

static void never_nested(void) {
    begin(0);
    OK(toro_event_wait(w.event, FOREVER, nested, "4", NULL));
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, nested, "1", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, nested, "2", NULL));
    OK(toro_lock_release(w.lock));
    LOG("1 (1-returns) 2 3 4");
    end();
}

static void release_in_function(void *arg) {
    OK(toro_lock_release(w.lock));
    called(arg);
}

static void functions_are_outermost(void) {
    begin(0);
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "1", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "2", NULL));
    OK(toro_reactor_execute(w.reactor, release_in_function, "executed"));
    OK(toro_reactor_call_at(w.reactor, toro_after_ms(1), release_in_function, "called", NULL));
    OK(toro_reactor_run(w.reactor));
    LOG("1 executed 2 called");
    end();
}

static void nobody_overtakes(void) {
    begin(0);
    OK(toro_semaphore_acquire(w.semaphore, 3, FOREVER, told, "three", NULL));
    EQUAL(toro_semaphore_try_acquire(w.semaphore, 1), TORO_WOULD_BLOCK);
    OK(toro_semaphore_acquire(w.semaphore, 1, FOREVER, told, "one", NULL));
    EQUAL(toro_semaphore_count(w.semaphore), 1);
    OK(toro_rwlock_try_acquire_read(w.rwlock));
    OK(toro_rwlock_acquire_write(w.rwlock, FOREVER, told, "write", NULL));
    EQUAL(toro_rwlock_try_acquire_read(w.rwlock), TORO_WOULD_BLOCK);
    OK(toro_rwlock_acquire_read(w.rwlock, FOREVER, told, "read", NULL));
    LOG("");
    OK(toro_semaphore_release(w.semaphore, 2));
    LOG("three");
    OK(toro_rwlock_release_read(w.rwlock));
    LOG("write");
    OK(toro_rwlock_downgrade(w.rwlock));
    LOG("read");
    OK(toro_semaphore_release(w.semaphore, 1));
    LOG("one");
    end();
}

static void get_then_put(void) {
    begin(0);
    OK(toro_queue_put(w.channel, "a", FOREVER, told, "put-a", NULL));
    OK(toro_queue_put(w.channel, "b", FOREVER, told, "put-b", NULL));
    LOG("");
    OK(toro_queue_get(w.channel, FOREVER, handed, "get", NULL));
    LOG("get=a put-a");
    OK(toro_queue_get(w.channel, FOREVER, handed, "get", NULL));
    LOG("get=b put-b");
    OK(toro_queue_get(w.channel, FOREVER, handed, "get-1", NULL));
    OK(toro_queue_get(w.channel, FOREVER, handed, "get-2", NULL));
    OK(toro_queue_put(w.channel, "c", FOREVER, told, "put-c", NULL));
    LOG("get-1=c put-c");
    OK(toro_queue_put(w.channel, "d", FOREVER, told, "put-d", NULL));
    LOG("get-2=d put-d");
    end();
}

static void cancel_then_passed(void) {
    begin(0);
    uint64_t big;
    OK(toro_semaphore_acquire(w.semaphore, 5, toro_after_ms(10), told, "five", NULL));
    OK(toro_semaphore_acquire(w.semaphore, 1, FOREVER, told, "one", NULL));
    OK(toro_reactor_run(w.reactor));
    LOG("five:timed-out one");
    OK(toro_semaphore_acquire(w.semaphore, 5, FOREVER, told, "five", &big));
    OK(toro_semaphore_acquire(w.semaphore, 1, FOREVER, told, "one", NULL));
    OK(toro_semaphore_release(w.semaphore, 1));
    LOG("");
    OK(toro_cancel(w.reactor, big));
    LOG("five:cancelled one");
    EQUAL(toro_cancel(w.reactor, big), TORO_INVALID);
    end();
}

typedef struct { toro_deadline deadline; toro_lock *lock; uint64_t id; } owned_wait;
static void frees_itself(int status, void *arg) {
    owned_wait *o = arg;
    EQUAL(o->id, 0);
    EQUAL(status, TORO_OK);
    memset(o, 0xff, sizeof *o);
    free(o);
    note("freed");
}

static void id_before_callback(void) {
    begin(0);
    owned_wait *o = malloc(sizeof *o);
    o->id = 7;
    OK(toro_lock_acquire(w.lock, FOREVER, frees_itself, o, &o->id));
    LOG("freed");
    end();
}

static void frees_what_it_waits_on(int status, void *arg) {
    told(status, arg);
    if (strcmp(arg, "1") != 0) return;
    toro_semaphore_free(w.semaphore);
    toro_queue_free(w.queue);
    w.semaphore = NULL;
    w.queue = NULL;
    note("freed");
}

// Scenario 26.
static void any_call_in_a_callback(void) {
    begin(0);
    OK(toro_semaphore_try_acquire(w.semaphore, 1));
    for (int i = 0; i < 3; i++) OK(toro_queue_get(w.queue, FOREVER, handed, "get", NULL));
    OK(toro_semaphore_acquire(w.semaphore, 1, FOREVER, frees_what_it_waits_on, "1", NULL));
    OK(toro_semaphore_acquire(w.semaphore, 1, FOREVER, frees_what_it_waits_on, "2", NULL));
    OK(toro_semaphore_acquire(w.semaphore, 9, FOREVER, frees_what_it_waits_on, "3", NULL));
    OK(toro_semaphore_release(w.semaphore, 2));
    LOG("1 freed 2 3:closed get:closed get:closed get:closed");
    end();
}

static uint64_t next_id;
static void cancels_the_next(int status, void *arg) {
    told(status, arg);
    if (status == TORO_OK) OK(toro_cancel(w.reactor, next_id));
}
static void closes(int status, void *arg) {
    told(status, arg);
    OK(toro_lock_close(w.lock));
}
static int again;
static void waits_again(int status, void *arg) {
    told(status, arg);
    if (status == TORO_OK && again++ < 2) OK(toro_condition_wait(w.condition, FOREVER, waits_again, arg, NULL));
}

static void re_entrancy(void) {
    begin(0);
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, FOREVER, cancels_the_next, "1", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "2", &next_id));
    OK(toro_lock_release(w.lock));
    LOG("1 2:cancelled");
    OK(toro_lock_acquire(w.lock, FOREVER, closes, "3", NULL));
    OK(toro_lock_acquire(w.lock, FOREVER, told, "4", NULL));
    OK(toro_lock_release(w.lock));
    LOG("3 4:closed");
    // One that waits again inside its own wake-up is not woken twice by the same call.
    OK(toro_condition_wait(w.condition, FOREVER, waits_again, "a", NULL));
    OK(toro_condition_wait(w.condition, FOREVER, told, "b", NULL));
    OK(toro_condition_notify_all(w.condition));
    LOG("a b");
    EQUAL(toro_condition_waiters(w.condition), 1);
    OK(toro_condition_notify(w.condition, 100));
    LOG("a");
    end();
}

static void clears(int status, void *arg) {
    told(status, arg);
    OK(toro_event_clear(w.event));
}

// Scenario 25.
static void clearing_in_a_callback(void) {
    begin(0);
    OK(toro_event_wait(w.event, FOREVER, clears, "1", NULL));
    OK(toro_event_wait(w.event, FOREVER, told, "2", NULL));
    OK(toro_event_set(w.event));
    LOG("1 2");
    CHECK(!toro_event_is_set(w.event));
    OK(toro_event_wait(w.event, FOREVER, told, "3", NULL));
    LOG("");
    end();
}

static void f3(void *arg) { called(arg); }
static void f2(void *arg) { called(arg); OK(toro_reactor_execute(w.reactor, f3, "f3")); }
static void f1(void *arg) {
    called(arg);
    OK(toro_reactor_execute(w.reactor, f2, "f2"));
    OK(toro_reactor_advance(w.reactor, 10));
}

// The clock is read as a turn begins: what an advance makes due ends with the next turn, after what that turn runs.
static void a_turn(void) {
    begin(0);
    OK(toro_event_wait(w.event, toro_after_ns(10), told, "late", NULL));
    OK(toro_event_wait(w.event, toro_after_ns(5), told, "early", NULL));
    OK(toro_event_wait(w.event, toro_after_ns(10), told, "later", NULL));
    OK(toro_reactor_execute(w.reactor, f1, "f1"));
    OK(toro_reactor_run(w.reactor));
    LOG("f1 f2 early:timed-out late:timed-out later:timed-out f3");
    end();
}

static void advances(void *arg) {
    called(arg);
    OK(toro_reactor_advance(w.reactor, 10));
    OK(toro_reactor_execute(w.reactor, called, "next"));
}
static void queues_that(void *arg) { called(arg); OK(toro_reactor_execute(w.reactor, advances, "advance")); }

static void a_later_turn(void) {
    begin(0);
    OK(toro_event_wait(w.event, toro_after_ns(10), told, "due", NULL));
    OK(toro_reactor_execute(w.reactor, queues_that, "first"));
    OK(toro_reactor_run(w.reactor));
    LOG("first advance next due:timed-out");
    end();
}

static void set_lock_free(int status, void *arg) { told(status, arg); OK(toro_event_set(w.event)); }

// Each is told, with what its callback does, before the next ends.
static void one_by_one(void) {
    begin(0);
    OK(toro_lock_try_acquire(w.lock));
    OK(toro_lock_acquire(w.lock, toro_after_ns(5), set_lock_free, "a", NULL));
    OK(toro_event_wait(w.event, toro_after_ns(5), told, "b", NULL));
    OK(toro_condition_wait(w.condition, toro_after_ns(4), told, "c", NULL));
    OK(toro_reactor_advance(w.reactor, 100));
    OK(toro_reactor_run_once(w.reactor, false));
    LOG("c:timed-out a:timed-out b");
    end();
}

static void deferred_passes(void) {
    begin(TORO_DEFER_CALLBACKS);
    OK(toro_semaphore_acquire(w.semaphore, 5, toro_after_ns(5), told, "five", NULL));
    OK(toro_semaphore_acquire(w.semaphore, 1, FOREVER, told, "one", NULL));
    OK(toro_reactor_advance(w.reactor, 5));
    OK(toro_reactor_run_once(w.reactor, false));
    LOG("");
    EQUAL(toro_reactor_pending(w.reactor), 0);
    OK(toro_reactor_run_once(w.reactor, false));
    LOG("five:timed-out one");
    end();
}

static void queues_called(void *arg) { OK(toro_reactor_execute(arg, called, "elsewhere")); }

static void queued_before(void) {
    toro_reactor *r = toro_reactor_new();
    elsewhere(queues_called, r);
    OK(toro_reactor_execute(r, called, "here"));
    elsewhere(queues_called, r);
    OK(toro_reactor_execute(r, called, "here"));
    OK(toro_reactor_run(r));
    LOG("elsewhere here elsewhere here");
    // What is told on the next turn comes after what was queued before as well.
    toro_event *event = toro_event_new(r, 0), *deferring = toro_event_new(r, TORO_DEFER_CALLBACKS);
    OK(toro_event_wait(deferring, FOREVER, told, "deferred", NULL));
    elsewhere(queues_called, r);
    OK(toro_event_wait(event, toro_after_ns(0), told, "here", NULL));
    elsewhere(queues_called, r);
    OK(toro_event_set(deferring));
    elsewhere(queues_called, r);
    OK(toro_reactor_call_at(r, toro_after_ns(0), called, "scheduled", NULL));
    OK(toro_reactor_run(r));
    LOG("elsewhere here:timed-out elsewhere deferred elsewhere scheduled");
    toro_event_free(event);
    toro_event_free(deferring);
    toro_reactor_free(r);
}

const scenario order_scenarios[] = {
    {"A callback runs before the call that ended its wait returns", told_before_return},
    {"Deferred callbacks run on the next turn, after what was queued before; the waits have ended before", deferred},
    {"Waiting and notifying prints in the order of the seed's doctest", wait_and_notify},
    {"Callbacks never nest: the outermost call runs those that follow, in order", never_nested},
    {"Functions given to execute and call_at are outermost calls", functions_are_outermost},
    {"Nobody overtakes, try-calls included", nobody_overtakes},
    {"A get is told before the put that it let in, a getter before the put that served it (scenario 28)", get_then_put},
    {"The ended wait is told before those that it lets pass", cancel_then_passed},
    {"The id is stored before the callback runs, which may free where it is", id_before_callback},
    {"A callback may free what it waits on (scenario 26)", any_call_in_a_callback},
    {"A callback may cancel the next, close, and wait again (scenarios 15, 26)", re_entrancy},
    {"Clearing an event in its first waiter does not strand the others (scenario 25)", clearing_in_a_callback},
    {"What another thread queued before runs before what is queued here", queued_before},
    {"A turn runs what was queued when it began, then ends what is due", a_turn},
    {"What becomes due within a turn ends on the next one", a_later_turn},
    {"Waits that are due end one by one, with what their callbacks do", one_by_one},
    {"What a time-out lets pass on a deferred object is told on the next turn", deferred_passes},
    {NULL, NULL},
};
