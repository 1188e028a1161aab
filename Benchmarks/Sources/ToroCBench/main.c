// Hand-overs between callbacks through the C interface: a line of JSON for each workload. With the name of one, for that one
// alone; the exit status is 3 if there is none of that name.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "toro.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

enum { handovers = 4000000 };

static toro_reactor *reactor;
static toro_deadline deadline;
static long left;

// Two parties, each of whom waits for its own semaphore and releases the other's.
typedef struct party { toro_semaphore *in, *out; } party;

static void party_goes_on(int status, void *arg) {
    party *p = arg;
    if (status != TORO_OK) return;
    if (--left <= 0) return;
    toro_semaphore_acquire(p->in, 1, deadline, party_goes_on, p, NULL);
    toro_semaphore_release(p->out, 1);
}

static void semaphores(void) {
    toro_semaphore *a = toro_semaphore_new(reactor, 0, 0), *b = toro_semaphore_new(reactor, 0, 0);
    party first = {a, b}, second = {b, a};
    toro_semaphore_acquire(a, 1, deadline, party_goes_on, &first, NULL);
    toro_semaphore_acquire(b, 1, deadline, party_goes_on, &second, NULL);
    toro_semaphore_release(a, 1);
    toro_semaphore_free(a);
    toro_semaphore_free(b);
}

// One lock, for which two stand in line by turns.
static void lock_goes_on(int status, void *arg) {
    toro_lock *lock = arg;
    if (status != TORO_OK) return;
    if (--left <= 0) return;
    toro_lock_acquire(lock, deadline, lock_goes_on, lock, NULL);
    toro_lock_release(lock);
}

static void locks(void) {
    toro_lock *lock = toro_lock_new(reactor, 0);
    toro_lock_try_acquire(lock);
    toro_lock_acquire(lock, deadline, lock_goes_on, lock, NULL);
    toro_lock_acquire(lock, deadline, lock_goes_on, lock, NULL);
    toro_lock_release(lock);
    toro_lock_free(lock);
}

// A getter waits, and a put hands it the item.
static toro_queue *queue;
static void got(int status, void *item, void *arg) {
    (void)arg;
    if (status != TORO_OK) return;
    if (--left <= 0) return;
    toro_queue_get(queue, deadline, got, NULL, NULL);
    toro_queue_try_put(queue, item);
}

static void queues(void) {
    queue = toro_queue_new(reactor, TORO_FIFO, 128, NULL, NULL, 0);
    toro_queue_get(queue, deadline, got, NULL, NULL);
    toro_queue_try_put(queue, &queue);
    toro_queue_free(queue);
}

static void executed(void *arg) {
    if (--left > 0) toro_reactor_execute(reactor, executed, arg);
}

static void turns(void) {
    toro_reactor_execute(reactor, executed, NULL);
    toro_reactor_run(reactor);
}

static const struct workload {
    const char *name;
    void (*body)(void);
    int has_deadline;
} workloads[] = {
    {"semaphore_pingpong", semaphores, 0},
    {"deadline_satisfied", semaphores, 1},
    {"lock_handover", locks, 0},
    {"queue_handover", queues, 0},
    {"execute", turns, 0},
};

static long peak_kilobytes(void) {
    char line[256];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %ld", &kilobytes) != 1) continue;
    if (file) fclose(file);
    return kilobytes;
}

static void measure(const struct workload *w) {
    left = handovers;
    deadline = w->has_deadline ? toro_after_ms(1000) : toro_never();
    double start = now();
    w->body();
    double each = (now() - start) / handovers;
    printf("{\"peer\":\"toro\",\"form\":\"c\",\"workload\":\"%s\",\"ns_per_op\":%.2f,\"ops\":%d,\"peak_rss_kb\":%ld}\n", w->name,
           each, handovers, peak_kilobytes());
    fflush(stdout);
}

int main(int count, char **arguments) {
    int measured = 0;
    reactor = toro_reactor_new();
    if (!reactor) return 1;
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (count > 1 && strcmp(arguments[1], workloads[i].name)) continue;
        measure(&workloads[i]);
        measured = 1;
    }
    toro_reactor_free(reactor);
    return measured ? 0 : 3;
}
