/* What a C program does with the library: every group of calls once, in virtual time, then a reactor of real time that
   another thread wakes. Says what went wrong, and returns how much did. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <toro.h>
#include <unistd.h>

static int failures;

static void expect(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "not so: %s\n", what);
        failures++;
    }
}
#define EXPECT(condition) expect((condition), #condition)

static void store(int status, void *arg) { *(int *)arg = status; }

struct told {
    int status;
    void *item;
};

static void store_item(int status, void *item, void *arg)
{
    struct told *told = arg;
    told->status = status;
    told->item = item;
}

static int by_length(const void *a, const void *b, void *arg)
{
    (void)arg;
    return (int)strlen(a) - (int)strlen(b);
}

static void primitives(void)
{
    toro_reactor *reactor = toro_reactor_new_virtual();
    toro_lock *lock = toro_lock_new(reactor, 0);
    toro_rwlock *rwlock = toro_rwlock_new(reactor, 0);
    toro_semaphore *semaphore = toro_bounded_semaphore_new(reactor, 1, 0);
    toro_condition *condition = toro_condition_new(reactor, TORO_DEFER_CALLBACKS);
    toro_event *event = toro_event_new(reactor, 0);
    toro_async_result *result = toro_async_result_new(reactor, 0);
    toro_queue *queue = toro_queue_new(reactor, TORO_PRIORITY, 2, by_length, NULL, 0);
    int acquired = -1, timed_out = -1, cancelled = -1, woken = -1, set = -1, closed = -1;
    struct told got = { -1, NULL }, answered = { -1, NULL };
    uint64_t id = 0;
    int64_t start = toro_reactor_now_unix_ns(reactor);

    EXPECT(toro_lock_acquire(lock, toro_never(), store, &acquired, NULL) == TORO_OK && acquired == TORO_OK);
    EXPECT(toro_lock_acquire(lock, toro_after_ms(3600000), store, &timed_out, NULL) == TORO_OK);
    EXPECT(toro_lock_acquire(lock, toro_never(), store, &cancelled, &id) == TORO_OK && id != 0);
    EXPECT(toro_lock_waiters(lock) == 2 && toro_reactor_pending(reactor) == 2);
    EXPECT(toro_cancel(reactor, id) == TORO_OK && cancelled == TORO_CANCELLED);
    EXPECT(toro_cancel(reactor, id) == TORO_INVALID);

    EXPECT(toro_rwlock_try_acquire_read(rwlock) == TORO_OK && toro_rwlock_try_acquire_write(rwlock) == TORO_WOULD_BLOCK);
    EXPECT(toro_semaphore_release(semaphore, 1) == TORO_OVER_RELEASED);
    EXPECT(toro_semaphore_acquire(semaphore, 2, toro_never(), store, &closed, NULL) == TORO_INVALID);

    EXPECT(toro_condition_wait(condition, toro_never(), store, &woken, NULL) == TORO_OK);
    EXPECT(toro_condition_notify_all(condition) == TORO_OK && woken == -1);
    EXPECT(toro_event_wait(event, toro_never(), store, &set, NULL) == TORO_OK);
    EXPECT(toro_event_set(event) == TORO_OK && set == TORO_OK);
    EXPECT(toro_async_result_get(result, toro_never(), store_item, &answered, NULL) == TORO_OK);
    EXPECT(toro_async_result_set(result, "answer") == TORO_OK && answered.status == TORO_OK);
    EXPECT(answered.item != NULL && strcmp(answered.item, "answer") == 0);

    EXPECT(toro_queue_try_put(queue, "longer") == TORO_OK && toro_queue_try_put(queue, "long") == TORO_OK);
    EXPECT(toro_queue_try_put(queue, "no") == TORO_WOULD_BLOCK && toro_queue_full(queue));
    EXPECT(toro_queue_get(queue, toro_never(), store_item, &got, NULL) == TORO_OK);
    EXPECT(got.item != NULL && strcmp(got.item, "long") == 0);
    EXPECT(toro_queue_join(queue, toro_never(), store, &closed, NULL) == TORO_OK);

    EXPECT(toro_reactor_run(reactor) == TORO_DEADLOCK); /* the join: nobody says that the items are done */
    EXPECT(timed_out == TORO_TIMED_OUT && woken == TORO_OK);
    EXPECT(toro_reactor_now_unix_ns(reactor) - start >= INT64_C(3600000000000));
    EXPECT(toro_reactor_dump(reactor, NULL, 0) > 0);

    toro_queue_free(queue);
    EXPECT(closed == TORO_CLOSED);
    toro_async_result_free(result);
    toro_event_free(event);
    toro_condition_free(condition);
    toro_semaphore_free(semaphore);
    toro_rwlock_free(rwlock);
    toro_reactor_free(reactor);
    EXPECT(toro_lock_try_acquire(lock) == TORO_CLOSED);
    toro_lock_free(lock);
    EXPECT(toro_lock_release(NULL) == TORO_INVALID);
}

static pthread_t caller;

static void called(void *arg)
{
    *(int *)arg = !pthread_equal(pthread_self(), caller);
}

struct post {
    toro_reactor *reactor;
    int *told;
};

static void *post(void *arg)
{
    struct post *post = arg;
    caller = pthread_self();
    EXPECT(!toro_reactor_is_current(post->reactor));
    EXPECT(toro_reactor_execute(post->reactor, called, post->told) == TORO_OK);
    EXPECT(toro_reactor_unhold(post->reactor) == TORO_OK);
    return NULL;
}

static void threads(void)
{
    toro_reactor *reactor = toro_reactor_new();
    toro_event *event = toro_event_new(reactor, 0);
    pthread_t thread;
    int told = -1, timed_out = -1;
    struct post task = { reactor, &told };

    EXPECT(toro_event_wait(event, toro_after_ms(5), store, &timed_out, NULL) == TORO_OK);
    EXPECT(toro_reactor_hold(reactor) == TORO_OK);
    EXPECT(pthread_create(&thread, NULL, post, &task) == 0);
    EXPECT(toro_reactor_run(reactor) == TORO_OK);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(told == 1 && timed_out == TORO_TIMED_OUT);
    toro_event_free(event);
    toro_reactor_free(reactor);
}

int main(void)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", TORO_VERSION_MAJOR, TORO_VERSION_MINOR, TORO_VERSION_PATCH);
    EXPECT(strcmp(toro_version(), version) == 0);
    EXPECT(toro_strerror(TORO_TIMED_OUT) != NULL && toro_strerror(-1) != NULL);
    primitives();
    threads();
    printf(failures == 0 ? "toro %s works\n" : "toro %s does not work\n", toro_version());
    return failures;
}
