/*
 * toro.h: locks, queues, semaphores and their kin for programs on a libevent loop, every wait with a deadline.
 *
 *     static void got_it(int status, void *arg) {
 *         toro_lock *lock = arg;
 *         if (status == TORO_OK) toro_lock_release(lock);     // it is ours until then
 *     }
 *
 *     toro_reactor *reactor = toro_reactor_adopt(base);       // or toro_reactor_new()
 *     toro_lock *lock = toro_lock_new(reactor, 0);
 *     toro_lock_acquire(lock, toro_after_ms(250), got_it, lock, NULL);
 *     event_base_dispatch(base);                              // or toro_reactor_run(reactor)
 *     toro_lock_free(lock);
 *     toro_reactor_free(reactor);
 *
 * Reactors and threads
 *   Every object belongs to one reactor, and a reactor has one thread: the one that created or adopted it, until
 *   toro_reactor_run, toro_reactor_run_once or toro_reactor_bind is called on another while it does not run. Calls are
 *   made on that thread. On another one they answer TORO_WRONG_THREAD and change nothing, unless "any thread" is stated;
 *   those that return a bool answer false, those that return a size, a number or a pointer 0 or NULL. The way to the
 *   thread is toro_reactor_execute. While a reactor runs, run, run_once and bind are TORO_BUSY.
 *
 * Waits
 *   A wait call that returns TORO_OK has been accepted: its callback runs exactly once, with TORO_OK, TORO_TIMED_OUT,
 *   TORO_CANCELLED or TORO_CLOSED. After any other return value the callback never runs and nothing has changed. With
 *   TORO_OK the wait got what it asked for, and owns it; with any other status it owns nothing. A wait has ended once
 *   its outcome is decided, even where its callback comes later: it is then no longer pending and its id is spent. On a
 *   closed object the wait call itself answers TORO_CLOSED, as does toro_async_result_set; other calls say what they do.
 *
 *   A wait call stores an id through its last argument, which may be NULL: what toro_cancel takes. It is 0 where the wait
 *   had ended when the call returned, and is stored before any callback runs, so that a callback may free what holds it.
 *
 * Order
 *   Waiters are served first in, first out; nobody overtakes, try-calls included. A callback runs before the call that
 *   ended its wait returns (one whose wait need not wait: before the wait call returns), unless the object was made with
 *   TORO_DEFER_CALLBACKS: then on the reactor's next turn. Callbacks of waits never nest: those of waits that end while
 *   one runs are run by the outermost call, afterwards, in order, in constant stack. Functions given to
 *   toro_reactor_execute and toro_reactor_call_at, and your own events, are not callbacks of waits: calls made in them run
 *   what they end before they return. Within one call: a get's own callback runs first, then that of the put which it let
 *   in; for a put, the getter's, then its own; for a cancel or a time-out, the ended wait's, then those of the waits that
 *   it lets pass. Any call is legal in any callback, freeing the object or the reactor included.
 *
 * A turn
 *   A turn of the reactor is: the events of the base; then what was queued when it began, in order, up to a limit (the
 *   rest leads the next turn, which does not block); then what is due by one reading of the clock, by deadline, then by
 *   age: the waits end one by one, and each is told, with what its callback does, before the next ends. "Next turn" means:
 *   after all that was queued before. On an adopted base, whose host decides, only the order among Toro's own work holds.
 *
 * Deadlines
 *   A wait that can succeed at once does so, whatever its deadline. Otherwise one whose deadline has passed at the call
 *   has ended there, as TORO_TIMED_OUT, and is told on the next turn. A wait never times out early. A moment at or beyond
 *   INT64_MAX never comes.
 *
 * Arguments
 *   A NULL handle, function or result pointer, permits below 1, more permits than a semaphore's bound, an unknown order,
 *   flag or kind of deadline: TORO_INVALID (constructors: NULL, with errno), and nothing has changed but *id, which is 0.
 *   NULL items and values are legal. TORO_INVALID comes before TORO_WRONG_THREAD, and that before TORO_CLOSED.
 *
 * Ownership
 *   What a constructor returns is yours until its free. Freeing NULL does nothing. Every free may be called on any thread,
 *   and inside any callback: off the reactor's thread it takes effect there, on the next turn (toro_reactor_free: see
 *   there). An object that is freed ends its waits as TORO_CLOSED. Items, values and arguments stay yours: Toro passes
 *   pointers on and never looks behind them.
 *
 * Fork
 *   In a child, every call on what was made before the fork, but free and toro_reactor_after_fork, answers TORO_SYSTEM
 *   with errno ECHILD. Fork while no other thread of the process is in Toro for the first time: what the Swift runtime does
 *   once, it does under locks that a child cannot take over.
 */
#ifndef TORO_H
#define TORO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

#define TORO_VERSION_MAJOR 0
#define TORO_VERSION_MINOR 1
#define TORO_VERSION_PATCH 0

/* The library's version, as in "0.1.0". Any thread. */
const char *toro_version(void);

/* What calls answer, and how waits end. */
typedef enum toro_status {
    TORO_OK = 0,
    TORO_TIMED_OUT = 1,      /* the deadline passed first */
    TORO_CANCELLED = 2,      /* toro_cancel() came first */
    TORO_CLOSED = 3,         /* the object, or its reactor, was closed or freed */
    TORO_WOULD_BLOCK = 4,    /* a try-call cannot succeed now */
    TORO_ALREADY_SET = 5,    /* an async result has its value */
    TORO_NOT_LOCKED = 6,     /* released what is not held */
    TORO_OVER_RELEASED = 7,  /* more was released or done than the bound, or the count's range, allows */
    TORO_INVALID = 8,        /* an argument that makes no sense, or a call that is not for such a reactor */
    TORO_WRONG_THREAD = 9,   /* not on the reactor's thread */
    TORO_BUSY = 10,          /* the reactor is running already; a capacity below the count */
    TORO_DEADLOCK = 11,      /* toro_reactor_run: waits are left, and nothing could end one */
    TORO_SYSTEM = 12         /* the operating system or libevent refused; see errno */
} toro_status;

/* A status in words, for people. Never NULL: one that is unknown is told by its number, in a text that is the thread's until it
 * asks again. Any thread. */
const char *toro_strerror(int status);

/* ---- deadlines ------------------------------------------------------------------------------- */

typedef enum toro_deadline_kind { TORO_NEVER = 0, TORO_AFTER = 1, TORO_AT_UNIX = 2 } toro_deadline_kind;

/* Until when to wait: made by the functions below, read once, at the call that takes it. */
typedef struct toro_deadline {
    int32_t kind; /* a toro_deadline_kind */
    int64_t nanoseconds;
} toro_deadline;

/* No deadline. */
static inline toro_deadline toro_never(void) { toro_deadline d = { TORO_NEVER, 0 }; return d; }

/* So many nanoseconds from the call; zero and less has passed already. */
static inline toro_deadline toro_after_ns(int64_t ns) { toro_deadline d = { TORO_AFTER, ns }; return d; }

/* So many milliseconds from the call. What is too long to count never passes. */
static inline toro_deadline toro_after_ms(int64_t ms) {
    toro_deadline d = { TORO_AFTER, ms > INT64_MAX / 1000000 ? INT64_MAX
                                  : ms < INT64_MIN / 1000000 ? INT64_MIN : ms * 1000000 };
    return d;
}

/* A moment in nanoseconds since the Unix epoch, as CLOCK_REALTIME reads at the call. */
static inline toro_deadline toro_at_unix_ns(int64_t ns) { toro_deadline d = { TORO_AT_UNIX, ns }; return d; }

/* ---- the reactor ----------------------------------------------------------------------------- */

/* A libevent loop, and whose thread the objects that it has are used on. */
typedef struct toro_reactor toro_reactor;
typedef void (*toro_fn)(void *arg);

/* A reactor with an event_base of its own, on the calling thread. NULL: errno says why. */
toro_reactor *toro_reactor_new(void);

/*
 * A reactor on your event_base, on the calling thread. The base must outlive the reactor. It may have locks or none, and
 * is driven by you: by event_base_dispatch or event_base_loop with any flags. Toro adds events of its own to it, and never
 * dispatches, breaks, frees or re-prioritises it; toro_reactor_run, _run_once and _stop are TORO_INVALID. Timed and queued
 * work, descriptor waits and holds keep your loop going, a bare wait does not. A turn that you give the base binds the
 * thread that it is on. Adopting a base again gives the same reactor, to be freed as often. NULL: errno says why.
 *
 * What another thread queues is run while something keeps your loop going. libevent does not even look where there is no
 * event but Toro's own wake-up: hold the reactor where threads post to it, or give the loop EVLOOP_NO_EXIT_ON_EMPTY. With
 * EVLOOP_NONBLOCK alone libevent goes round for as long as anything is ready, and so for ever where a function queues itself
 * again: EVLOOP_ONCE | EVLOOP_NONBLOCK is one turn.
 */
toro_reactor *toro_reactor_adopt(struct event_base *base);

/* A reactor for tests: its time stands still until run has nothing ready, then jumps to the next deadline. */
toro_reactor *toro_reactor_new_virtual(void);

/*
 * Moves virtual time on by `ns`, which is not negative. What becomes due ends on the next turn, in order. TORO_INVALID if
 * the reactor's time is real.
 */
int toro_reactor_advance(toro_reactor *reactor, int64_t ns);

/* The time on the clock that deadlines are read on, real or virtual, in nanoseconds since the Unix epoch. */
int64_t toro_reactor_now_unix_ns(const toro_reactor *reactor);

/*
 * Frees the reactor. Outcomes that were decided are told first, unchanged; then every wait left ends as TORO_CLOSED and is
 * told, deferred ones too, before this returns. Functions that were queued and have not run are dropped.
 *
 * Inside a callback, or while the reactor runs on another thread, it takes effect when the outermost call or the turn
 * ends, and the run returns TORO_OK. Otherwise it does at once, on the calling thread. An adopted reactor that is freed off
 * its thread closes on its next turn; a host whose loop has ended calls toro_reactor_bind first.
 *
 * The handle is not to be used any more. The reactor's objects may be freed before or after: they answer TORO_CLOSED,
 * false or 0 from then on, on any thread.
 */
void toro_reactor_free(toro_reactor *reactor);

/*
 * Makes the reactor usable in a forked child, on the calling thread: there every other call answers TORO_SYSTEM with
 * errno ECHILD before. On an adopted base call event_reinit first. What waits and what is queued are the child's copies.
 * TORO_SYSTEM with errno EBUSY: another thread forked while the reactor ran; the child can only free it.
 */
int toro_reactor_after_fork(toro_reactor *reactor);

/* Makes the calling thread the reactor's. TORO_BUSY while it runs. Any thread. */
int toro_reactor_bind(toro_reactor *reactor);

/* Whether the calling thread is the reactor's. Any thread. */
bool toro_reactor_is_current(const toro_reactor *reactor);

/*
 * The reactor's event_base, its own or the adopted one: add your own events to it. It lives as long as the reactor. Give an own
 * base no priorities: turns that do not block run the events of the first alone.
 */
struct event_base *toro_reactor_base(toro_reactor *reactor);

/*
 * Runs the loop until it is stopped (TORO_OK) or nothing is left to do: nothing ready, timed, watched or held, and no wait
 * (TORO_OK), or only waits that nothing could end (TORO_DEADLOCK; toro_reactor_dump says which). Binds the calling thread.
 * TORO_BUSY inside itself or a callback, or while it runs on another thread.
 */
int toro_reactor_run(toro_reactor *reactor);

/*
 * Makes one turn, which waits for something to happen if `block` is set and nothing is ready. TORO_WOULD_BLOCK, whichever
 * `block` is: nothing is ready, timed, watched or held, so that no turn could have done anything. A stop that was made
 * before is consumed and ends it at once, TORO_OK. Binds the calling thread. TORO_BUSY as for toro_reactor_run.
 */
int toro_reactor_run_once(toro_reactor *reactor, bool block);

/* Ends the run when its turn ends; if none goes on, the next one at once. Any thread. */
int toro_reactor_stop(toro_reactor *reactor);

/* Runs `fn(arg)` on the reactor's thread, on the next turn. Any thread. */
int toro_reactor_execute(toro_reactor *reactor, toro_fn fn, void *arg);

/*
 * Runs `fn(arg)` on the reactor's thread when the deadline has passed. When it is due it is queued; until it runs it can be
 * cancelled by its id, and is then forgotten.
 */
int toro_reactor_call_at(toro_reactor *reactor, toro_deadline when, toro_fn fn, void *arg, uint64_t *id);

/*
 * Says that something outside will wake the reactor: while it is held, run neither ends for want of work nor calls that a
 * deadlock, and an adopted base's loop goes on. Virtual time still jumps. Counted: each hold is ended by one unhold, which
 * is TORO_NOT_LOCKED without a hold. Any thread; but a host's loop that has not begun when another thread holds its reactor
 * does not hear of it before its first turn, and may end for want of work: make that first hold on the host's own thread.
 */
int toro_reactor_hold(toro_reactor *reactor);
int toro_reactor_unhold(toro_reactor *reactor);

/*
 * For another loop (GLib's, libuv's, asyncio's) to host a reactor: a descriptor that polls readable when a turn has work
 * other than timers, or -1 with errno; and how many nanoseconds from now the next deadline is, 0 if it has passed, -1 if
 * there is none. When either says so, call toro_reactor_run_once(reactor, false). They tell of Toro's timers and of the
 * base's descriptors, not of timers or activations that others put on the base.
 */
int toro_reactor_fd(const toro_reactor *reactor);
int64_t toro_reactor_next_deadline_ns(const toro_reactor *reactor);

/* How many waits have not ended. */
size_t toro_reactor_pending(toro_reactor *reactor);

/*
 * Writes who waits where, a line each, as snprintf does: at most `size` bytes with the 0 at the end, and returns the
 * length of the whole text without it.
 */
size_t toro_reactor_dump(toro_reactor *reactor, char *buffer, size_t size);

/*
 * Ends the wait or the call that `id` names. TORO_OK: the wait's callback runs with TORO_CANCELLED; a call never runs.
 * TORO_INVALID: it has ended already, whatever came of it. A reactor never uses an id twice; to another reactor the same
 * number may name another wait. O(log n) in the number of timed waits.
 */
int toro_cancel(toro_reactor *reactor, uint64_t id);

/* What a wait calls when it has ended: `status` is TORO_OK, TORO_TIMED_OUT, TORO_CANCELLED or TORO_CLOSED. */
typedef void (*toro_wait_fn)(int status, void *arg);
/* The same where something is handed over: `item` is NULL unless the status is TORO_OK. */
typedef void (*toro_item_fn)(int status, void *item, void *arg);

/* Flags of constructors. */
enum {
    TORO_DEFER_CALLBACKS = 1 << 0 /* callbacks run on the next turn rather than before the call that ends their wait returns */
};

/*
 * Objects can be named for toro_reactor_dump: the name is copied; NULL takes it away. Each toro_*_set_name below is such a
 * call.
 */

/* ---- descriptors ----------------------------------------------------------------------------- */

/* What a descriptor is waited for; one of them, or both together, for whichever comes first. */
enum { TORO_READABLE = 1 << 0, TORO_WRITABLE = 1 << 1 };

/*
 * Waits until a descriptor can be read or written without blocking, or has ended or failed. It must stay open until the
 * wait has ended. TORO_SYSTEM with errno: it cannot be watched.
 */
int toro_fd_wait(toro_reactor *reactor, int fd, int events, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);

/* ---- async result ---------------------------------------------------------------------------- */

/* A value that is set once, and that any number of waits get. */
typedef struct toro_async_result toro_async_result;
toro_async_result *toro_async_result_new(toro_reactor *reactor, unsigned flags);
void toro_async_result_free(toro_async_result *result);
int toro_async_result_set_name(toro_async_result *result, const char *name);
/* Its waits end as TORO_CLOSED, also later ones, whether it has its value or not. Again: TORO_OK. */
int toro_async_result_close(toro_async_result *result);
/* Sets the value and tells all who wait. TORO_ALREADY_SET: it has one, which stays. */
int toro_async_result_set(toro_async_result *result, void *value);
bool toro_async_result_ready(const toro_async_result *result);
/* TORO_WOULD_BLOCK: there is no value yet. */
int toro_async_result_try_get(toro_async_result *result, void **value);
int toro_async_result_get(toro_async_result *result, toro_deadline deadline, toro_item_fn fn, void *arg, uint64_t *id);

/* ---- lock ------------------------------------------------------------------------------------ */

/* Mutual exclusion. Not re-entrant, and owned by nobody: whoever holds it may have another release it. */
typedef struct toro_lock toro_lock;
toro_lock *toro_lock_new(toro_reactor *reactor, unsigned flags);
void toro_lock_free(toro_lock *lock);
int toro_lock_set_name(toro_lock *lock, const char *name);
/* Its waits end as TORO_CLOSED, also later ones; who holds it may still release it. Again: TORO_OK. */
int toro_lock_close(toro_lock *lock);
int toro_lock_acquire(toro_lock *lock, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
/* TORO_WOULD_BLOCK: it is locked. */
int toro_lock_try_acquire(toro_lock *lock);
/* Hands it to the longest waiter, if there is one. TORO_NOT_LOCKED: nobody holds it. */
int toro_lock_release(toro_lock *lock);
bool toro_lock_locked(const toro_lock *lock);
size_t toro_lock_waiters(const toro_lock *lock);

/* ---- reader-writer lock ---------------------------------------------------------------------- */

/* A lock that many readers or one writer hold. A reader that comes after a waiting writer waits behind it. */
typedef struct toro_rwlock toro_rwlock;
toro_rwlock *toro_rwlock_new(toro_reactor *reactor, unsigned flags);
void toro_rwlock_free(toro_rwlock *lock);
int toro_rwlock_set_name(toro_rwlock *lock, const char *name);
/* As toro_lock_close. */
int toro_rwlock_close(toro_rwlock *lock);
int toro_rwlock_acquire_read(toro_rwlock *lock, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
int toro_rwlock_acquire_write(toro_rwlock *lock, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
/* TORO_WOULD_BLOCK: somebody writes, or waits. */
int toro_rwlock_try_acquire_read(toro_rwlock *lock);
/* TORO_WOULD_BLOCK: somebody reads, writes or waits. */
int toro_rwlock_try_acquire_write(toro_rwlock *lock);
/* TORO_NOT_LOCKED: nobody reads. */
int toro_rwlock_release_read(toro_rwlock *lock);
/* TORO_NOT_LOCKED: nobody writes. */
int toro_rwlock_release_write(toro_rwlock *lock);
/* Turns the writer into a reader, at once; readers at the head of the line join it. TORO_NOT_LOCKED: nobody writes. */
int toro_rwlock_downgrade(toro_rwlock *lock);
size_t toro_rwlock_readers(const toro_rwlock *lock);
bool toro_rwlock_write_locked(const toro_rwlock *lock);
size_t toro_rwlock_waiters(const toro_rwlock *lock);

/* ---- semaphore ------------------------------------------------------------------------------- */

/* Permits. While somebody waits for many, later requests for few wait behind. */
typedef struct toro_semaphore toro_semaphore;
/* `value` permits are free at first, at least 0. */
toro_semaphore *toro_semaphore_new(toro_reactor *reactor, int64_t value, unsigned flags);
/* The same, and there are never more. */
toro_semaphore *toro_bounded_semaphore_new(toro_reactor *reactor, int64_t value, unsigned flags);
void toro_semaphore_free(toro_semaphore *semaphore);
int toro_semaphore_set_name(toro_semaphore *semaphore, const char *name);
/* Its waits end as TORO_CLOSED, also later ones; permits may still be released. Again: TORO_OK. */
int toro_semaphore_close(toro_semaphore *semaphore);
int toro_semaphore_acquire(toro_semaphore *semaphore, int64_t permits, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
/* TORO_WOULD_BLOCK: not so many are free, or somebody waits. */
int toro_semaphore_try_acquire(toro_semaphore *semaphore, int64_t permits);
/* Gives permits to those who wait, in order, as far as they go. TORO_OVER_RELEASED: nothing was released. */
int toro_semaphore_release(toro_semaphore *semaphore, int64_t permits);
/* Waits until a permit is free and nobody is in line for it. Takes none. */
int toro_semaphore_wait(toro_semaphore *semaphore, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
int64_t toro_semaphore_count(const toro_semaphore *semaphore);
/* Whether no permit is free. */
bool toro_semaphore_locked(const toro_semaphore *semaphore);
/* How many acquire or wait. */
size_t toro_semaphore_waiters(const toro_semaphore *semaphore);

/* ---- condition ------------------------------------------------------------------------------- */

/* Something to be notified of. A notification that nobody waits for is lost. */
typedef struct toro_condition toro_condition;
toro_condition *toro_condition_new(toro_reactor *reactor, unsigned flags);
void toro_condition_free(toro_condition *condition);
int toro_condition_set_name(toro_condition *condition, const char *name);
/* Its waits end as TORO_CLOSED, also later ones. Again: TORO_OK. */
int toro_condition_close(toro_condition *condition);
int toro_condition_wait(toro_condition *condition, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
/* Wakes those who have waited longest, `count` at most; all: those who wait now. */
int toro_condition_notify(toro_condition *condition, size_t count);
int toro_condition_notify_all(toro_condition *condition);
size_t toro_condition_waiters(const toro_condition *condition);

/* ---- event ----------------------------------------------------------------------------------- */

/* A flag to wait for. */
typedef struct toro_event toro_event;
toro_event *toro_event_new(toro_reactor *reactor, unsigned flags);
void toro_event_free(toro_event *event);
int toro_event_set_name(toro_event *event, const char *name);
/* Its waits end as TORO_CLOSED, also later ones. Again: TORO_OK. */
int toro_event_close(toro_event *event);
/* Wakes all who wait, and lets pass who waits later, until it is cleared. */
int toro_event_set(toro_event *event);
int toro_event_clear(toro_event *event);
bool toro_event_is_set(const toro_event *event);
size_t toro_event_waiters(const toro_event *event);
int toro_event_wait(toro_event *event, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);

/* ---- queues ---------------------------------------------------------------------------------- */

/* A capacity without bound. A capacity of 0 is a channel: a put waits until a get takes the item. */
#define TORO_UNBOUNDED SIZE_MAX

/* The order in which items leave: oldest first, latest first, or as a comparison says. */
typedef enum toro_queue_order { TORO_FIFO = 0, TORO_LIFO = 1, TORO_PRIORITY = 2 } toro_queue_order;

/* Below 0: `a` leaves first; 0: in the order of putting; above 0: `b` first. It must not call Toro. */
typedef int (*toro_compare_fn)(const void *a, const void *b, void *arg);

/* Items on their way from those who put to those who get. */
typedef struct toro_queue toro_queue;
/* `compare` is for TORO_PRIORITY, which needs it, and NULL for the others. */
toro_queue *toro_queue_new(toro_reactor *reactor, int order, size_t capacity, toro_compare_fn compare, void *compare_arg, unsigned flags);
/* The items left stay the caller's: try_get before. */
void toro_queue_free(toro_queue *queue);
int toro_queue_set_name(toro_queue *queue, const char *name);
/* Waits while the queue is full. A wait that does not end as TORO_OK has not put the item. */
int toro_queue_put(toro_queue *queue, void *item, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
/* Waits while there is no item. A get that finds puts waiting lets the first one's item in, then takes the item that leaves
   first. */
int toro_queue_get(toro_queue *queue, toro_deadline deadline, toro_item_fn fn, void *arg, uint64_t *id);
/* TORO_WOULD_BLOCK: it is full, and nobody waits for an item. */
int toro_queue_try_put(toro_queue *queue, void *item);
/* TORO_WOULD_BLOCK: it is empty. */
int toro_queue_try_get(toro_queue *queue, void **item);
size_t toro_queue_count(const toro_queue *queue);
size_t toro_queue_capacity(const toro_queue *queue);
/* Raising it lets waiting puts in, in order. TORO_BUSY: below the count. */
int toro_queue_set_capacity(toro_queue *queue, size_t capacity);
bool toro_queue_full(const toro_queue *queue);
/* Puts end as TORO_CLOSED; gets take what is left, then end as TORO_CLOSED; joins go on. Again: TORO_OK. */
int toro_queue_close(toro_queue *queue);
bool toro_queue_is_closed(const toro_queue *queue);
size_t toro_queue_getters(const toro_queue *queue);
size_t toro_queue_putters(const toro_queue *queue);
/* Says that an item which was got has been dealt with. TORO_OVER_RELEASED: more often than items were put. */
int toro_queue_task_done(toro_queue *queue);
/* How many items were put and are not said to be done. */
size_t toro_queue_unfinished(const toro_queue *queue);
/* Waits until there are none of those. */
int toro_queue_join(toro_queue *queue, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);

/* ---- barrier --------------------------------------------------------------------------------- */

/* A meeting point: waits end when so many have come, and it starts over. Who gives up has not come. */
typedef struct toro_barrier toro_barrier;
/* `parties` have to come, at least 1. */
toro_barrier *toro_barrier_new(toro_reactor *reactor, size_t parties, unsigned flags);
void toro_barrier_free(toro_barrier *barrier);
int toro_barrier_set_name(toro_barrier *barrier, const char *name);
/* Its waits end as TORO_CLOSED, also later ones. Again: TORO_OK. */
int toro_barrier_close(toro_barrier *barrier);
/* The last to come does not wait: the others are told first, then it. */
int toro_barrier_wait(toro_barrier *barrier, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
size_t toro_barrier_parties(const toro_barrier *barrier);
size_t toro_barrier_waiters(const toro_barrier *barrier);

/* ---- gate ------------------------------------------------------------------------------------ */

/* A count of work in hand, which can be closed to new work and waited for: what a shutdown is made of. */
typedef struct toro_gate toro_gate;
toro_gate *toro_gate_new(toro_reactor *reactor, unsigned flags);
void toro_gate_free(toro_gate *gate);
int toro_gate_set_name(toro_gate *gate, const char *name);
/* Lets nobody enter any more. Those who are in it go on, and so do joins. Again: TORO_OK. */
int toro_gate_close(toro_gate *gate);
bool toro_gate_is_closed(const toro_gate *gate);
/* One more piece of work is in hand, until toro_gate_leave. TORO_CLOSED: it is closed. */
int toro_gate_enter(toro_gate *gate);
/* TORO_OVER_RELEASED: nobody is in it. */
int toro_gate_leave(toro_gate *gate);
/* Waits until nobody is in the gate, closed or not. */
int toro_gate_join(toro_gate *gate, toro_deadline deadline, toro_wait_fn fn, void *arg, uint64_t *id);
/* How many are in it. */
size_t toro_gate_count(const toro_gate *gate);
/* How many join. */
size_t toro_gate_waiters(const toro_gate *gate);

/* ---- inspector ------------------------------------------------------------------------------- */

/*
 * Shows what reactors do and who waits where, to people and programs on the same machine: a page for browsers at /, the same as
 * JSON at /snapshot.json, and as text at /snapshot.txt, which toro-inspect prints. A thread of its own serves it, so that it
 * answers also while a reactor is stuck, and asks each reactor ten times a second how it is.
 *
 * All of its calls may be made on any thread. In a forked child it is gone: free it there, which lets go of the address.
 */
typedef struct toro_inspector toro_inspector;

/*
 * Begins to listen: at a loopback address, as in "127.0.0.1:9090" or "[::1]:0", where 0 has the system choose the port, or at a
 * Unix socket, as in "unix:/run/daemon.inspect", which is its owner's alone. NULL: errno says why; EINVAL is a text that is no
 * address, or an address that other machines can reach.
 */
toro_inspector *toro_inspector_new(const char *address);

/* Ends it, and returns when its thread has ended. The reactors go on. */
void toro_inspector_free(toro_inspector *inspector);

/*
 * Watches a reactor under a name, which is copied; NULL is "reactor". One that is watched already stays as it is. It is watched
 * until it is freed or unwatched. Watching again what was unwatched is fine, unwatching what is not watched as well.
 */
int toro_inspector_watch(toro_inspector *inspector, toro_reactor *reactor, const char *name);
int toro_inspector_unwatch(toro_inspector *inspector, toro_reactor *reactor);

/* Writes where it listens, with the port that was chosen, as toro_reactor_dump writes. */
size_t toro_inspector_address(const toro_inspector *inspector, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* TORO_H */
