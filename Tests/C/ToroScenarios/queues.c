#include "check.h"

static world w;
static void begin(void) { w = make_world(toro_reactor_new_virtual(), 0); }
static void end(void) { free_world(&w); }

static void bounded(void) {
    begin();
    EQUAL(toro_queue_capacity(w.queue), 2);
    void *item = &w;
    EQUAL(toro_queue_try_get(w.queue, &item), TORO_WOULD_BLOCK);
    CHECK(item == &w);
    OK(toro_queue_put(w.queue, "a", FOREVER, told, "put", NULL));
    OK(toro_queue_try_put(w.queue, "b"));
    CHECK(toro_queue_full(w.queue));
    EQUAL(toro_queue_try_put(w.queue, "c"), TORO_WOULD_BLOCK);
    OK(toro_queue_put(w.queue, "c", toro_after_ms(5), told, "put-c", NULL));
    OK(toro_queue_put(w.queue, "d", FOREVER, told, "put-d", NULL));
    EQUAL(toro_queue_putters(w.queue), 2);
    EQUAL(toro_queue_unfinished(w.queue), 2);
    OK(toro_queue_get(w.queue, FOREVER, handed, "get", NULL));
    LOG("put get=a put-c");
    EQUAL(toro_queue_try_put(w.queue, "e"), TORO_WOULD_BLOCK);  // scenario 8
    OK(toro_queue_try_get(w.queue, &item));
    LOG("put-d");
    CHECK(strcmp(item, "b") == 0);
    EQUAL(toro_queue_count(w.queue), 2);
    end();
}

static void orders(void) {
    toro_reactor *r = toro_reactor_new();
    for (int order = 0; order < 2; order++) {
        toro_queue *q = toro_queue_new(r, order, TORO_UNBOUNDED, NULL, NULL, 0);
        EQUAL(toro_queue_capacity(q), TORO_UNBOUNDED);
        char items[100];
        for (int i = 0; i < 100; i++) OK(toro_queue_try_put(q, &items[i]));
        CHECK(!toro_queue_full(q));
        for (int i = 0; i < 100; i++) {
            void *item;
            OK(toro_queue_try_get(q, &item));
            CHECK(item == &items[order == TORO_FIFO ? i : 99 - i]);
        }
        toro_queue_free(q);
    }
    toro_reactor_free(r);
}

typedef struct { int rank, age; } job;
static int compares;
static int by_rank(const void *a, const void *b, void *arg) {
    CHECK(arg == &compares);
    compares++;
    return ((const job *)a)->rank - ((const job *)b)->rank;
}

static void priorities(void) {
    toro_reactor *r = toro_reactor_new();
    toro_queue *q = toro_queue_new(r, TORO_PRIORITY, TORO_UNBOUNDED, by_rank, &compares, 0);
    enum { count = 5000 };
    static job jobs[count];
    unsigned seed = 1;
    for (int i = 0; i < count; i++) {
        seed = seed * 1664525 + 1013904223;
        jobs[i] = (job){(int)(seed >> 16) % 50, i};
        OK(toro_queue_try_put(q, &jobs[i]));
    }
    job *last = NULL;
    for (int i = 0; i < count; i++) {
        void *item;
        OK(toro_queue_try_get(q, &item));
        job *j = item;
        CHECK(!last || last->rank < j->rank || (last->rank == j->rank && last->age < j->age));
        last = j;
    }
    CHECK(compares > 0);
    // A get that finds puts waiting lets the first one's item in, then takes the item that leaves first.
    toro_queue *one = toro_queue_new(r, TORO_PRIORITY, 1, by_rank, &compares, 0);
    job low = {1, 0}, high = {9, 0};
    result put = {0, -1, 0}, get = {0, -1, 0};
    OK(toro_queue_try_put(one, &high));
    OK(toro_queue_put(one, &low, FOREVER, ended, &put, NULL));
    OK(toro_queue_get(one, FOREVER, got, &get, NULL));
    CHECK(get.item == &low && put.times == 1);
    EQUAL(toro_queue_count(one), 1);
    toro_queue_free(one);
    toro_queue_free(q);
    toro_reactor_free(r);
}

static void capacities(void) {
    begin();
    OK(toro_queue_try_put(w.queue, "a"));
    OK(toro_queue_try_put(w.queue, "b"));
    OK(toro_queue_put(w.queue, "c", FOREVER, told, "c", NULL));
    OK(toro_queue_put(w.queue, "d", FOREVER, told, "d", NULL));
    OK(toro_queue_put(w.queue, "e", FOREVER, told, "e", NULL));
    EQUAL(toro_queue_set_capacity(w.queue, 1), TORO_BUSY);
    EQUAL(toro_queue_capacity(w.queue), 2);
    OK(toro_queue_set_capacity(w.queue, 4));
    LOG("c d");
    OK(toro_queue_set_capacity(w.queue, TORO_UNBOUNDED));
    LOG("e");
    EQUAL(toro_queue_capacity(w.queue), TORO_UNBOUNDED);
    EQUAL(toro_queue_count(w.queue), 5);
    OK(toro_queue_set_capacity(w.queue, 5));
    CHECK(toro_queue_full(w.queue));
    CHECK(toro_queue_full(w.channel));
    OK(toro_queue_set_capacity(w.channel, 0));
    end();
}

// Scenarios 13, 16.
static void closing(void) {
    begin();
    OK(toro_queue_try_put(w.queue, "a"));
    OK(toro_queue_try_put(w.queue, "b"));
    OK(toro_queue_put(w.queue, "c", FOREVER, told, "put-c", NULL));
    OK(toro_queue_join(w.queue, FOREVER, told, "join", NULL));
    CHECK(!toro_queue_is_closed(w.queue));
    OK(toro_queue_close(w.queue));
    CHECK(toro_queue_is_closed(w.queue));
    LOG("put-c:closed");
    EQUAL(toro_queue_try_put(w.queue, "d"), TORO_CLOSED);
    OK(toro_queue_get(w.queue, FOREVER, handed, "get", NULL));
    void *item;
    OK(toro_queue_try_get(w.queue, &item));
    EQUAL(toro_queue_get(w.queue, FOREVER, handed, "get", NULL), TORO_CLOSED);
    EQUAL(toro_queue_try_get(w.queue, &item), TORO_CLOSED);
    LOG("get=a");
    OK(toro_queue_task_done(w.queue));
    OK(toro_queue_join(w.queue, FOREVER, told, "late", NULL));
    OK(toro_queue_task_done(w.queue));
    LOG("join late");
    EQUAL(toro_queue_task_done(w.queue), TORO_OVER_RELEASED);
    OK(toro_queue_join(w.queue, FOREVER, told, "done", NULL));
    LOG("done");
    for (int i = 0; i < 3; i++) OK(toro_queue_get(w.channel, FOREVER, handed, "get", NULL));
    EQUAL(toro_queue_getters(w.channel), 3);
    OK(toro_queue_close(w.channel));
    LOG("get:closed get:closed get:closed");
    end();
}

// Scenarios 5, 14.
static void nothing_is_lost(void) {
    begin();
    uint64_t id;
    OK(toro_queue_get(w.queue, FOREVER, handed, "1", &id));
    OK(toro_queue_try_put(w.queue, "x"));
    EQUAL(toro_cancel(w.reactor, id), TORO_INVALID);
    LOG("1=x");
    OK(toro_queue_get(w.queue, FOREVER, handed, "2", &id));
    OK(toro_cancel(w.reactor, id));
    OK(toro_queue_try_put(w.queue, "y"));
    EQUAL(toro_queue_count(w.queue), 1);
    LOG("2:cancelled");
    void *item;
    OK(toro_queue_try_get(w.queue, &item));
    // The put arrives on the tick of the getter's time-out.
    OK(toro_queue_get(w.queue, toro_after_ms(1), handed, "3", &id));
    OK(toro_reactor_advance(w.reactor, 1000000));
    OK(toro_queue_try_put(w.queue, "z"));
    OK(toro_reactor_run(w.reactor));
    LOG("3=z");
    // A put that is cancelled or times out has not put.
    OK(toro_queue_put(w.channel, "p", FOREVER, told, "put", &id));
    OK(toro_cancel(w.reactor, id));
    OK(toro_queue_put(w.channel, "q", toro_after_ms(1), told, "put", &id));
    OK(toro_reactor_run(w.reactor));
    EQUAL(toro_queue_try_get(w.channel, &item), TORO_WOULD_BLOCK);
    EQUAL(toro_queue_unfinished(w.channel), 0);
    LOG("put:cancelled put:timed-out");
    OK(toro_queue_put(w.channel, "s", FOREVER, told, "put", &id));
    OK(toro_queue_try_get(w.channel, &item));
    LOG("put");
    EQUAL(toro_queue_try_put(w.channel, "t"), TORO_WOULD_BLOCK);
    OK(toro_queue_get(w.channel, FOREVER, handed, "get", NULL));
    OK(toro_queue_try_put(w.channel, "t"));
    LOG("get=t");
    end();
}

const scenario queue_scenarios[] = {
    {"A bounded queue has puts wait, and lets them in in order (scenario 8)", bounded},
    {"Items leave oldest or latest first", orders},
    {"Items leave as the comparison says, equal ones in the order of putting", priorities},
    {"Raising the capacity lets puts in; below the count it is busy", capacities},
    {"Closing ends puts, lets gets take what is left, and lets joins go on (scenarios 13, 16)", closing},
    {"No item is lost or doubled by cancels and time-outs (scenarios 5, 14)", nothing_is_lost},
    {NULL, NULL},
};
