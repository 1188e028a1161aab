// Checks, a log, and callbacks that note in it.
#ifndef TORO_CHECK_H
#define TORO_CHECK_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios.h"
#include "toro.h"

void check_failed(const char *file, int line, const char *what, long long found, long long expected);

#define CHECK(condition) \
    do { \
        if (!(condition)) check_failed(__FILE__, __LINE__, #condition, 0, 1); \
    } while (0)
#define EQUAL(found, expected) \
    do { \
        long long found_ = (long long)(found), expected_ = (long long)(expected); \
        if (found_ != expected_) check_failed(__FILE__, __LINE__, #found, found_, expected_); \
    } while (0)
#define OK(call) EQUAL(call, TORO_OK)

// What happened, as words with blanks between them.
void note(const char *word);
void check_log(const char *file, int line, const char *expected);
#define LOG(expected) check_log(__FILE__, __LINE__, expected)

// Notes the argument, a string, and how the wait ended unless that is TORO_OK.
void told(int status, void *arg);
// The same with the item, a string too.
void handed(int status, void *item, void *arg);
// Notes the argument.
void called(void *arg);

// A wait's end, to be looked at afterwards.
typedef struct result {
    int times, status;
    void *item;
} result;
void ended(int status, void *arg);
void got(int status, void *item, void *arg);

// Runs `body` on another thread, and waits for it.
void elsewhere(void (*body)(void *), void *arg);

// One of everything.
typedef struct world {
    toro_reactor *reactor;
    toro_async_result *result;
    toro_lock *lock;
    toro_rwlock *rwlock;
    toro_semaphore *semaphore, *bounded;
    toro_condition *condition;
    toro_event *event;
    toro_queue *queue, *channel;
    toro_barrier *barrier;
    toro_gate *gate;
} world;

world make_world(toro_reactor *reactor, unsigned flags);
void free_objects(world *w);
void free_world(world *w);

// Makes every call that answers a status, with arguments that make sense, and checks that each answers `status`.
void every_object_call(world *w, int status);
void every_reactor_call(world *w, int status);
// Makes every call that looks, and checks that each answers false or 0.
void every_look(world *w);

long long now_ns(void);
void sleep_ms(int ms);

#define FOREVER toro_never()

#endif
