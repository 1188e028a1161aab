#include "check.h"

#include <time.h>

static toro_reactor *r;
static toro_event *e;
static void begin(void) { r = toro_reactor_new_virtual(); e = toro_event_new(r, 0); }
static void end(void) { toro_event_free(e); toro_reactor_free(r); }

static void constructors(void) {
    EQUAL(toro_never().kind, TORO_NEVER);
    EQUAL(toro_after_ns(-3).nanoseconds, -3);
    EQUAL(toro_after_ns(5).kind, TORO_AFTER);
    EQUAL(toro_after_ms(2).nanoseconds, 2000000);
    EQUAL(toro_after_ms(INT64_MAX).nanoseconds, INT64_MAX);
    EQUAL(toro_after_ms(INT64_MAX / 1000000 + 1).nanoseconds, INT64_MAX);
    EQUAL(toro_after_ms(INT64_MIN).nanoseconds, INT64_MIN);
    EQUAL(toro_at_unix_ns(77).kind, TORO_AT_UNIX);
    EQUAL(toro_at_unix_ns(77).nanoseconds, 77);
}

static void passed_at_the_call(void) {
    begin();
    toro_deadline passed[] = {toro_after_ns(0), toro_after_ns(-1), toro_after_ns(INT64_MIN), toro_after_ms(0),
                              toro_at_unix_ns(0), toro_at_unix_ns(INT64_MIN), toro_at_unix_ns(toro_reactor_now_unix_ns(r))};
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        uint64_t id = 7;
        OK(toro_event_wait(e, passed[i], told, "wait", &id));
        EQUAL(id, 0);
        EQUAL(toro_reactor_pending(r), 0);
        EQUAL(toro_event_waiters(e), 0);
        OK(toro_event_set(e));
        LOG("");
        OK(toro_event_clear(e));
        EQUAL(toro_reactor_run_once(r, false), TORO_OK);
        LOG("wait:timed-out");
        OK(toro_event_set(e));
        OK(toro_event_wait(e, passed[i], told, "wait", &id));  // can succeed at once
        LOG("wait");
        OK(toro_event_clear(e));
    }
    end();
}

static void never_comes(void) {
    begin();
    toro_deadline never[] = {toro_never(), toro_after_ns(INT64_MAX), toro_after_ms(INT64_MAX), toro_at_unix_ns(INT64_MAX),
                             {TORO_NEVER, -5}, toro_after_ns(INT64_MAX - toro_reactor_now_unix_ns(r))};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        uint64_t id;
        OK(toro_event_wait(e, never[i], told, "wait", &id));
        EQUAL(toro_reactor_next_deadline_ns(r), -1);
        EQUAL(toro_reactor_run(r), TORO_DEADLOCK);
        OK(toro_cancel(r, id));
        LOG("wait:cancelled");
        OK(toro_reactor_call_at(r, never[i], called, "call", &id));
        CHECK(id != 0);
        OK(toro_reactor_run(r));
        OK(toro_cancel(r, id));
        EQUAL(toro_cancel(r, id), TORO_INVALID);
    }
    LOG("");
    end();
}

static void to_the_nanosecond(void) {
    begin();
    int64_t start = toro_reactor_now_unix_ns(r);
    OK(toro_event_wait(e, toro_after_ns(3), told, "3", NULL));
    OK(toro_event_wait(e, toro_after_ns(1), told, "1", NULL));
    OK(toro_event_wait(e, toro_at_unix_ns(start + 2), told, "2", NULL));
    EQUAL(toro_reactor_next_deadline_ns(r), 1);
    OK(toro_reactor_advance(r, 1));
    EQUAL(toro_reactor_now_unix_ns(r), start + 1);
    EQUAL(toro_reactor_next_deadline_ns(r), 0);
    LOG("");
    OK(toro_reactor_run_once(r, false));
    LOG("1:timed-out");
    EQUAL(toro_reactor_next_deadline_ns(r), 1);
    OK(toro_reactor_run(r));
    LOG("2:timed-out 3:timed-out");
    EQUAL(toro_reactor_now_unix_ns(r), start + 3);
    end();
}

static void centuries(void) {
    begin();
    int64_t far = INT64_MAX - 1 - toro_reactor_now_unix_ns(r);
    OK(toro_event_wait(e, toro_after_ns(far), told, "far", NULL));
    OK(toro_event_wait(e, toro_after_ms(3600000), told, "hour", NULL));
    OK(toro_reactor_run(r));
    LOG("hour:timed-out far:timed-out");
    EQUAL(toro_reactor_now_unix_ns(r), INT64_MAX - 1);
    OK(toro_reactor_advance(r, INT64_MAX));
    EQUAL(toro_reactor_now_unix_ns(r), INT64_MAX - 1);
    OK(toro_event_wait(e, toro_after_ns(1), told, "beyond", NULL));
    EQUAL(toro_reactor_run(r), TORO_DEADLOCK);
    end();
    LOG("beyond:closed");
}

static void real_time(void) {
    r = toro_reactor_new();
    e = toro_event_new(r, 0);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t unix_ns = t.tv_sec * 1000000000LL + t.tv_nsec;
    CHECK(llabs(toro_reactor_now_unix_ns(r) - unix_ns) < 1000000000);
    long long start = now_ns();
    OK(toro_event_wait(e, toro_after_ms(20), told, "20", NULL));
    OK(toro_event_wait(e, toro_at_unix_ns(unix_ns + 10000000), told, "10", NULL));
    OK(toro_reactor_run(r));
    LOG("10:timed-out 20:timed-out");
    CHECK(now_ns() - start >= 20000000);
    end();
}

// Scenario 18.
static void leaves_no_timer(void) {
    begin();
    for (int i = 0; i < 1000; i++) {
        OK(toro_event_wait(e, toro_after_ms(3600000), ended, &(result){0, 0, 0}, NULL));
        OK(toro_event_set(e));
        OK(toro_event_clear(e));
    }
    EQUAL(toro_reactor_next_deadline_ns(r), -1);
    int64_t start = toro_reactor_now_unix_ns(r);
    OK(toro_reactor_run(r));
    EQUAL(toro_reactor_now_unix_ns(r), start);
    EQUAL(toro_reactor_run_once(r, true), TORO_WOULD_BLOCK);
    end();
}

const scenario deadline_scenarios[] = {
    {"Deadlines are made of nanoseconds, and too many milliseconds are limited", constructors},
    {"A deadline that has passed at the call ends the wait there and is told on the next turn; what can succeed does", passed_at_the_call},
    {"A moment at or beyond INT64_MAX never comes (scenario 20)", never_comes},
    {"Virtual time at a real epoch moves by one nanosecond (scenario 23)", to_the_nanosecond},
    {"Virtual time reaches the last moment that can be told, and no further", centuries},
    {"In real time a wait does not end early, and the wall clock's deadlines do", real_time},
    {"Waits that are satisfied leave no timer behind (scenario 18)", leaves_no_timer},
    {NULL, NULL},
};
