#include "check.h"

#include <dirent.h>
#include <event2/event.h>
#include <malloc.h>
#include <time.h>

static int descriptors(void) {
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) count++;
    closedir(d);
    return count;
}

static long status_of(const char *field) {
    char line[200];
    long value = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0) sscanf(line + strlen(field), "%ld", &value);
    fclose(f);
    return value;
}

// By how much less is done where a sanitizer or valgrind takes its own time and memory: the environment may say it.
static int scale(void) {
    const char *told = getenv("TORO_CHECK_SCALE");
    if (told) return atoi(told);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 100;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return 100;
#endif
#endif
    return 1;
}

static int scaled(int count) { return count / scale(); }

// Of this process, so that what else the machine does is not measured.
static long long cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static toro_lock *chain_lock;
static long chained;
static char *lowest, *highest;
static void hands_on(int status, void *arg) {
    char *here = __builtin_frame_address(0);
    (void)arg;
    CHECK(status == TORO_OK);
    if (!lowest || here < lowest) lowest = here;
    if (!highest || here > highest) highest = here;
    chained++;
    OK(toro_lock_release(chain_lock));
}

// Scenario 24.
static void chain(void) {
    int count = scaled(1000000);
    toro_reactor *r = toro_reactor_new();
    chain_lock = toro_lock_new(r, 0);
    OK(toro_lock_try_acquire(chain_lock));
    for (int i = 0; i < count; i++) OK(toro_lock_acquire(chain_lock, FOREVER, hands_on, NULL, NULL));
    OK(toro_lock_release(chain_lock));
    EQUAL(chained, count);
    CHECK(highest - lowest < 4096);
    CHECK(!toro_lock_locked(chain_lock));
    toro_lock_free(chain_lock);
    toro_reactor_free(r);
}

static double cancel_many(int count, toro_deadline deadline) {
    toro_reactor *r = toro_reactor_new();
    toro_event *e = toro_event_new(r, 0);
    uint64_t *ids = malloc(sizeof *ids * (size_t)count);
    result end = {0, 0, 0};
    for (int i = 0; i < count; i++) OK(toro_event_wait(e, deadline, ended, &end, &ids[i]));
    unsigned long long seed = 88172645463325252ull;
    for (int i = count - 1; i > 0; i--) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int k = (int)(seed % (unsigned)(i + 1));
        uint64_t swap = ids[i];
        ids[i] = ids[k];
        ids[k] = swap;
    }
    long long start = cpu_ns();
    for (int i = 0; i < count; i++) OK(toro_cancel(r, ids[i]));
    double each = (double)(cpu_ns() - start) / count;
    EQUAL(end.times, count);
    EQUAL(toro_reactor_pending(r), 0);
    for (int i = 0; i < count; i += 1000) EQUAL(toro_cancel(r, ids[i]), TORO_INVALID);
    free(ids);
    toro_event_free(e);
    toro_reactor_free(r);
    return each;
}

static void cancels(void) {
    double few = cancel_many(scaled(100000), FOREVER), many = cancel_many(scaled(1000000), FOREVER);
    printf("cancelled in random order: %.0f ns each of 100,000, %.0f ns each of 1,000,000\n", few, many);
    // Flat but for the caches, which a million waiters do not fit.
    CHECK(many < few * 8 + 200);
    printf("with deadlines: %.0f ns each of 1,000,000\n", cancel_many(scaled(1000000), toro_after_ms(3600000)));
}

static void waiter_size(void) {
    if (scale() > 1) return;
    enum { count = 1000000 };
    toro_reactor *r = toro_reactor_new();
    toro_event *e = toro_event_new(r, 0);
    result end = {0, 0, 0};
    long before = status_of("VmRSS:");
    for (int i = 0; i < count; i++) OK(toro_event_wait(e, toro_after_ms(3600000 + i), ended, &end, NULL));
    double each = (double)(status_of("VmRSS:") - before) * 1024 / count;
    printf("a waiting callback with a deadline takes %.1f bytes\n", each);
    fflush(stdout);
    CHECK(each < 96.5);
    toro_event_free(e);
    EQUAL(end.times, count);
    toro_reactor_free(r);
    // Allocated, used or not, whatever the number.
    for (int many = 400000; many < 800000; many += many / 8) {
        r = toro_reactor_new();
        e = toro_event_new(r, 0);
        struct mallinfo2 empty = mallinfo2();
        for (int i = 0; i < many; i++) OK(toro_event_wait(e, toro_after_ms(3600000 + i), ended, &end, NULL));
        struct mallinfo2 full = mallinfo2();
        CHECK((double)(full.uordblks + full.hblkhd - empty.uordblks - empty.hblkhd) / many < 96);
        toro_event_free(e);
        toro_reactor_free(r);
    }
}

// Scenario 19.
static void short_timeouts(void) {
    toro_reactor *r = toro_reactor_new_virtual();
    toro_event *e = toro_event_new(r, 0);
    result end = {0, 0, 0};
    long before = 0;
    int count = scaled(200000);
    for (int i = 0; i < count; i++) {
        if (i == count / 10) before = status_of("VmRSS:");
        OK(toro_event_wait(e, toro_after_ms(1), ended, &end, NULL));
        OK(toro_reactor_run(r) == TORO_OK ? TORO_OK : TORO_INVALID);
    }
    EQUAL(end.times, count);
    CHECK(status_of("VmRSS:") - before < 1000 || scale() > 1);
    toro_event_free(e);
    toro_reactor_free(r);
}

// Scenario 35.
static void reactors(void) {
    int count = scaled(100000), files = 0;
    long memory = 0, threads = 0;
    for (int i = 0; i < count; i++) {
        if (i == count / 10) {
            memory = status_of("VmRSS:");
            threads = status_of("Threads:");
            files = descriptors();
        }
        struct event_base *base = i % 2 ? event_base_new() : NULL;
        toro_reactor *r = base ? toro_reactor_adopt(base) : toro_reactor_new();
        CHECK(r);
        toro_lock *l = toro_lock_new(r, 0);
        result end = {0, 0, 0};
        OK(toro_lock_try_acquire(l));
        OK(toro_lock_acquire(l, toro_after_ms(1000), ended, &end, NULL));
        if (i % 3 == 0) toro_lock_free(l);
        toro_reactor_free(r);
        if (i % 3 != 0) toro_lock_free(l);
        EQUAL(end.times, 1);
        if (base) event_base_free(base);
    }
    EQUAL(status_of("Threads:"), threads);
    EQUAL(descriptors(), files);
    printf("100,000 reactors: %ld kB more\n", status_of("VmRSS:") - memory);
    CHECK(status_of("VmRSS:") - memory < 2000 || scale() > 1);
}

const scenario load_scenarios[] = {
    {"1,000,000 callbacks that each release the lock for the next run in constant stack (scenario 24)", chain},
    {"1,000,000 waits are cancelled in random order, at a time that does not grow with their number", cancels},
    {"A waiting callback with a deadline takes at most 96 bytes", waiter_size},
    {"A loop of short time-outs does not grow memory (scenario 19)", short_timeouts},
    {"100,000 reactors made and freed leave descriptors, threads and memory as they were (scenario 35)", reactors},
    {NULL, NULL},
};
