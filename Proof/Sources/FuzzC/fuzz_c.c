// Calls of toro.h as bytes say, with whatever arguments: every wait that was accepted has to be told exactly once, none that
// was refused, and every answer has to be one that the header knows. Callbacks make calls as well.
//
// Handles are NULL or good, since a program that passes others is beyond help; and a run that would wait for somebody outside
// is not begun.

#include "fuzz_c.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <toro.h>

enum { MAX_WAITS = 512, PER_KIND = 3 };

static struct {
    const uint8_t *next, *end;
} input;

static uint8_t byte(void) { return input.next < input.end ? *input.next++ : 0; }
static bool is_spent(void) { return input.next >= input.end; }

static struct {
    bool is_accepted;
    unsigned tellings;
    uint64_t id;
    uint8_t reaction;
} waits[MAX_WAITS];
static int wait_count;
static int holds;
static int runs; // that go on, and would wait for the end of a hold
static int depth;
static char flaw[256];

static toro_reactor *reactor;
static toro_lock *locks[PER_KIND];
static toro_rwlock *rwlocks[PER_KIND];
static toro_semaphore *semaphores[PER_KIND];
static toro_condition *conditions[PER_KIND];
static toro_event *events[PER_KIND];
static toro_queue *queues[PER_KIND];
static toro_async_result *results[PER_KIND];

#define FAIL(...) do { if (!flaw[0]) snprintf(flaw, sizeof flaw, __VA_ARGS__); } while (0)

// Numbers that programs get wrong, and a few plain ones.
static int64_t number(void)
{
    static const int64_t numbers[] = {
        0, 1, 2, 3, 5, 100, 1000, -1, -2, INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, INT32_MAX, UINT32_MAX, 1000000000,
    };
    return numbers[byte() % (sizeof numbers / sizeof *numbers)];
}

static toro_deadline deadline(void)
{
    uint8_t choice = byte();
    toro_deadline deadline = { choice & 3, number() };
    if (choice > 250)
        deadline.kind = (int32_t)number();
    return deadline;
}

static unsigned flags(void)
{
    uint8_t choice = byte();
    return choice < 200 ? choice & TORO_DEFER_CALLBACKS : (unsigned)number();
}

static int which(void)
{
    uint8_t choice = byte();
    return choice % PER_KIND;
}

static void act(void);

static void told(int status, void *argument)
{
    int wait = (int)(intptr_t)argument;
    if (status != TORO_OK && status != TORO_TIMED_OUT && status != TORO_CANCELLED && status != TORO_CLOSED)
        FAIL("wait %d was told %d", wait, status);
    if (++waits[wait].tellings > 1)
        FAIL("wait %d was told %u times", wait, waits[wait].tellings);
    if (waits[wait].reaction % 3 == 0 && depth < 3) {
        depth++;
        act();
        depth--;
    }
}

static void told_item(int status, void *item, void *argument)
{
    if (status != TORO_OK && item)
        FAIL("an item came with %d", status);
    told(status, argument);
}

static void called(void *argument)
{
    (void)argument;
    if (depth < 3) {
        depth++;
        act();
        depth--;
    }
}

static void check(int status)
{
    if (status < TORO_OK || status > TORO_SYSTEM)
        FAIL("an answer that is none: %d", status);
}

// Makes the call with a wait's number for an argument and a place for its id.
#define WAIT(call) do {                                                                                                      \
        if (wait_count == MAX_WAITS)                                                                                         \
            break;                                                                                                           \
        int wait = wait_count++;                                                                                             \
        void *arg = (void *)(intptr_t)wait;                                                                                  \
        waits[wait].reaction = byte();                                                                                       \
        uint64_t *id = waits[wait].reaction == 255 ? NULL : &waits[wait].id;                                                 \
        toro_wait_fn fn = waits[wait].reaction == 254 ? NULL : told;                                                         \
        toro_item_fn item_fn = waits[wait].reaction == 254 ? NULL : told_item;                                               \
        (void)fn, (void)item_fn;                                                                                             \
        int status = (call);                                                                                                 \
        check(status);                                                                                                       \
        waits[wait].is_accepted = status == TORO_OK;                                                                         \
        if (status != TORO_OK && waits[wait].id != 0)                                                                        \
            FAIL("a wait that was refused has an id");                                                                       \
    } while (0)

static int compare(const void *a, const void *b, void *argument)
{
    (void)argument;
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

// (What waits is told in the call, and may free the same again.)
#define FREE(type, place) do { type *freed = *(place); *(place) = NULL; type##_free(freed); } while (0)

static void act_on_lock(toro_lock **lock)
{
    switch (byte() % 9) {
    case 0: if (!*lock) *lock = toro_lock_new(reactor, flags()); break;
    case 1: FREE(toro_lock, lock); break;
    case 2: check(toro_lock_close(*lock)); break;
    case 3: case 4: WAIT(toro_lock_acquire(*lock, deadline(), fn, arg, id)); break;
    case 5: check(toro_lock_try_acquire(*lock)); break;
    case 6: case 7: check(toro_lock_release(*lock)); break;
    default: toro_lock_locked(*lock); toro_lock_waiters(*lock);
    }
}

static void act_on_rwlock(toro_rwlock **lock)
{
    switch (byte() % 11) {
    case 0: if (!*lock) *lock = toro_rwlock_new(reactor, flags()); break;
    case 1: FREE(toro_rwlock, lock); break;
    case 2: check(toro_rwlock_close(*lock)); break;
    case 3: WAIT(toro_rwlock_acquire_read(*lock, deadline(), fn, arg, id)); break;
    case 4: WAIT(toro_rwlock_acquire_write(*lock, deadline(), fn, arg, id)); break;
    case 5: check(toro_rwlock_try_acquire_read(*lock)); break;
    case 6: check(toro_rwlock_try_acquire_write(*lock)); break;
    case 7: check(toro_rwlock_release_read(*lock)); break;
    case 8: check(toro_rwlock_release_write(*lock)); break;
    case 9: check(toro_rwlock_downgrade(*lock)); break;
    default: toro_rwlock_readers(*lock); toro_rwlock_write_locked(*lock); toro_rwlock_waiters(*lock);
    }
}

static void act_on_semaphore(toro_semaphore **semaphore)
{
    switch (byte() % 10) {
    case 0: if (!*semaphore) *semaphore = toro_semaphore_new(reactor, number(), flags()); break;
    case 1: if (!*semaphore) *semaphore = toro_bounded_semaphore_new(reactor, number(), flags()); break;
    case 2: FREE(toro_semaphore, semaphore); break;
    case 3: check(toro_semaphore_close(*semaphore)); break;
    case 4: case 5: WAIT(toro_semaphore_acquire(*semaphore, number(), deadline(), fn, arg, id)); break;
    case 6: check(toro_semaphore_try_acquire(*semaphore, number())); break;
    case 7: check(toro_semaphore_release(*semaphore, number())); break;
    case 8: WAIT(toro_semaphore_wait(*semaphore, deadline(), fn, arg, id)); break;
    default:
        if (toro_semaphore_count(*semaphore) < 0)
            FAIL("a count below 0");
        toro_semaphore_locked(*semaphore);
        toro_semaphore_waiters(*semaphore);
    }
}

static void act_on_condition(toro_condition **condition)
{
    switch (byte() % 7) {
    case 0: if (!*condition) *condition = toro_condition_new(reactor, flags()); break;
    case 1: FREE(toro_condition, condition); break;
    case 2: check(toro_condition_close(*condition)); break;
    case 3: case 4: WAIT(toro_condition_wait(*condition, deadline(), fn, arg, id)); break;
    case 5: check(toro_condition_notify(*condition, (size_t)number())); break;
    default: check(toro_condition_notify_all(*condition)); toro_condition_waiters(*condition);
    }
}

static void act_on_event(toro_event **event)
{
    switch (byte() % 7) {
    case 0: if (!*event) *event = toro_event_new(reactor, flags()); break;
    case 1: FREE(toro_event, event); break;
    case 2: check(toro_event_close(*event)); break;
    case 3: case 4: WAIT(toro_event_wait(*event, deadline(), fn, arg, id)); break;
    case 5: check(toro_event_set(*event)); break;
    default: check(toro_event_clear(*event)); toro_event_is_set(*event); toro_event_waiters(*event);
    }
}

static void act_on_queue(toro_queue **queue)
{
    void *item = (void *)(uintptr_t)byte();
    switch (byte() % 13) {
    case 0: case 1: {
        uint8_t order = byte();
        if (!*queue)
            *queue = toro_queue_new(
                reactor, order < 240 ? order % 3 : (int)number(), byte() % 5 ? (size_t)number() : TORO_UNBOUNDED,
                order & 8 ? NULL : compare, NULL, flags());
        break;
    }
    case 2: FREE(toro_queue, queue); break;
    case 3: check(toro_queue_close(*queue)); break;
    case 4: case 5: WAIT(toro_queue_put(*queue, item, deadline(), fn, arg, id)); break;
    case 6: case 7: WAIT(toro_queue_get(*queue, deadline(), item_fn, arg, id)); break;
    case 8: check(toro_queue_try_put(*queue, item)); break;
    case 9: check(toro_queue_try_get(*queue, byte() == 255 ? NULL : &item)); break;
    case 10: check(toro_queue_set_capacity(*queue, (size_t)number())); break;
    case 11: check(toro_queue_task_done(*queue)); toro_queue_unfinished(*queue); break;
    default: WAIT(toro_queue_join(*queue, deadline(), fn, arg, id));
    }
    if (toro_queue_count(*queue) > toro_queue_capacity(*queue))
        FAIL("%zu items in a queue of %zu", toro_queue_count(*queue), toro_queue_capacity(*queue));
    toro_queue_full(*queue);
    toro_queue_is_closed(*queue);
    if (toro_queue_getters(*queue) > 0 && toro_queue_putters(*queue) > 0)
        FAIL("puts and gets wait for each other");
}

static void act_on_result(toro_async_result **result)
{
    void *value = (void *)(uintptr_t)byte();
    switch (byte() % 7) {
    case 0: if (!*result) *result = toro_async_result_new(reactor, flags()); break;
    case 1: FREE(toro_async_result, result); break;
    case 2: check(toro_async_result_close(*result)); break;
    case 3: check(toro_async_result_set(*result, value)); break;
    case 4: check(toro_async_result_try_get(*result, byte() == 255 ? NULL : &value)); break;
    case 5: toro_async_result_ready(*result); break;
    default: WAIT(toro_async_result_get(*result, deadline(), item_fn, arg, id));
    }
}

static void act_on_reactor(void)
{
    switch (byte() % 13) {
    case 0: check(toro_reactor_advance(reactor, number())); break;
    case 1: toro_reactor_now_unix_ns(reactor); toro_reactor_next_deadline_ns(reactor); break;
    case 2: check(toro_reactor_bind(reactor)); toro_reactor_is_current(reactor); break;
    case 3:
        if (holds > 0)
            break;
        runs++;
        check(toro_reactor_run(reactor));
        runs--;
        break;
    case 4:
        runs++;
        check(toro_reactor_run_once(reactor, holds == 0 && byte() & 1));
        runs--;
        break;
    case 5: check(toro_reactor_stop(reactor)); break;
    case 6: check(toro_reactor_execute(reactor, byte() == 255 ? NULL : called, NULL)); break;
    case 7: {
        uint64_t id = 0;
        check(toro_reactor_call_at(reactor, deadline(), byte() == 255 ? NULL : called, NULL, byte() & 1 ? &id : NULL));
        if (byte() % 4 == 0)
            check(toro_cancel(reactor, id));
        break;
    }
    case 8: if (runs == 0 && toro_reactor_hold(reactor) == TORO_OK) holds++; break;
    case 9: {
        int status = toro_reactor_unhold(reactor);
        check(status);
        if (status == TORO_OK)
            holds--;
        if (holds < 0)
            FAIL("more holds were ended than begun");
        break;
    }
    case 10: {
        char text[64];
        size_t room = byte() % (sizeof text + 1);
        toro_reactor_dump(reactor, room ? text : NULL, room);
        break;
    }
    case 11: {
        uint8_t choice = byte();
        check(toro_cancel(reactor, choice == 255 ? (uint64_t)number() : wait_count ? waits[choice % wait_count].id : 0));
        break;
    }
    default: toro_reactor_pending(reactor); toro_strerror((int)number());
    }
}

static void act(void)
{
    switch (byte() & 7) {
    case 0: act_on_lock(&locks[which()]); break;
    case 1: act_on_rwlock(&rwlocks[which()]); break;
    case 2: act_on_semaphore(&semaphores[which()]); break;
    case 3: act_on_condition(&conditions[which()]); break;
    case 4: act_on_event(&events[which()]); break;
    case 5: act_on_queue(&queues[which()]); break;
    case 6: act_on_result(&results[which()]); break;
    default: act_on_reactor();
    }
}

static void free_all(void)
{
    for (int i = 0; i < PER_KIND; i++) {
        FREE(toro_lock, &locks[i]);
        FREE(toro_rwlock, &rwlocks[i]);
        FREE(toro_semaphore, &semaphores[i]);
        FREE(toro_condition, &conditions[i]);
        FREE(toro_event, &events[i]);
        FREE(toro_queue, &queues[i]);
        FREE(toro_async_result, &results[i]);
    }
}

const char *fuzz_c(const uint8_t *data, size_t size)
{
    input.next = data;
    input.end = data + size;
    memset(waits, 0, sizeof *waits * (size_t)wait_count);
    wait_count = holds = runs = depth = 0;
    flaw[0] = 0;
    if (!(reactor = toro_reactor_new_virtual()))
        return "no reactor";
    unsigned order = byte();
    for (int i = 0; i < PER_KIND - 1; i++) {
        locks[i] = toro_lock_new(reactor, order & 1);
        rwlocks[i] = toro_rwlock_new(reactor, order & 1);
        semaphores[i] = i ? toro_bounded_semaphore_new(reactor, 2, 0) : toro_semaphore_new(reactor, 1, order & 1);
        conditions[i] = toro_condition_new(reactor, order & 1);
        events[i] = toro_event_new(reactor, order & 1);
        queues[i] = toro_queue_new(reactor, i ? TORO_PRIORITY : TORO_FIFO, order >> 6, compare, NULL, order & 1);
        results[i] = toro_async_result_new(reactor, order & 1);
    }
    while (!is_spent() && !flaw[0])
        act();
    // What callbacks do from now on they do without bytes: nothing.
    depth = 3;
    if (order & 2)
        free_all();
    toro_reactor_free(reactor);
    for (int i = 0; i < wait_count; i++) {
        if (waits[i].tellings != (waits[i].is_accepted ? 1u : 0u))
            FAIL("wait %d, %s, was told %u times", i, waits[i].is_accepted ? "accepted" : "refused", waits[i].tellings);
    }
    free_all();
    reactor = NULL;
    return flaw[0] ? flaw : NULL;
}
