// Shared by the C peers: clock, memory, the one-line JSON report.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}
static inline long status_kb(const char *key) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long v = 0;
    size_t n = strlen(key);
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, key, n)) {
            v = atol(line + n + 1);
            break;
        }
    if (f)
        fclose(f);
    return v;
}
static inline void emit(const char *peer, const char *wl, double ns_per_op, long ops, const char *extra) {
    printf("{\"peer\":\"%s\",\"workload\":\"%s\",\"ns_per_op\":%.2f,\"ops\":%ld,\"peak_rss_kb\":%ld%s%s}\n", peer, wl,
           ns_per_op, ops, status_kb("VmHWM:"), extra ? "," : "", extra ? extra : "");
    fflush(stdout);
}
static inline int cmp_i64(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}
