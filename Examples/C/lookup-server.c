/*
 * A daemon that answers GET /<name> by what a command says about the name, with evhttp on an event_base of its own.
 *
 *     lookup-server 7312 getent hosts, then curl http://127.0.0.1:7312/localhost
 *
 * The command may be slow, so
 *   - clients that ask for the same name at the same time share one run of it: they wait for one toro_async_result;
 *   - a toro_semaphore lets few commands run at a time, and a lookup that is not let in soon is given up;
 *   - a client waits for a second, a command has three.
 *
 * 200: what the command wrote; 404: it failed; 503: too many lookups; 504: not in time. GET / says what goes on.
 * Exit status: 0 after SIGINT or SIGTERM, 1 if it cannot listen, 64: how to call it.
 */
#include "http-service.h"

#include <err.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMANDS_AT_A_TIME = 2, SLOT_MS = 2000, COMMAND_MS = 3000, CLIENT_MS = 1000, LONGEST_NAME = 255, LONGEST_TEXT = 65536 };

/* A name that is being looked up. */
struct lookup {
    char name[LONGEST_NAME + 1];
    toro_async_result *done; /* its value is the lookup */
    int status;              /* of the answer, as in HTTP */
    char text[LONGEST_TEXT + 1];
    int output, exit; /* a file for what the command writes, and a descriptor that is readable when it has ended */
    pid_t pid;
    int users; /* its own work, while that goes on, and those who are to be told */
    LIST_ENTRY(lookup) others;
};

static toro_reactor *reactor;
static toro_semaphore *slots;
static char **command; /* with room for the name at the end */
static int command_length;
static LIST_HEAD(, lookup) lookups = LIST_HEAD_INITIALIZER(lookups);

static void release(struct lookup *lookup) {
    if (--lookup->users > 0) return;
    toro_async_result_free(lookup->done);
    free(lookup);
}

/* Tells all who wait for it: at once, or if this is called in a callback of a wait, as it mostly is, right after that. */
static void finish(struct lookup *lookup, int status, const char *text) {
    lookup->status = status;
    if (text) strcpy(lookup->text, text);
    LIST_REMOVE(lookup, others);
    toro_async_result_set(lookup->done, lookup);
    release(lookup);
}

static void command_ended(int status, void *arg) {
    struct lookup *lookup = arg;
    int code;
    if (status != TORO_OK) kill(-lookup->pid, SIGKILL); /* it had its time, or the reactor was freed */
    while (waitpid(lookup->pid, &code, 0) < 0) continue;
    toro_semaphore_release(slots, 1);
    ssize_t length = pread(lookup->output, lookup->text, LONGEST_TEXT, 0);
    while (length > 0 && lookup->text[length - 1] == '\n') length--;
    lookup->text[length > 0 ? length : 0] = 0;
    close(lookup->exit);
    close(lookup->output);
    if (status == TORO_TIMED_OUT) {
        finish(lookup, 504, "the command took too long");
    } else if (status != TORO_OK) {
        finish(lookup, 503, toro_strerror(status));
    } else if (code != 0) {
        finish(lookup, 404, "not found");
    } else {
        finish(lookup, 200, NULL);
    }
}

/* In a process group of its own, so that all of it can be killed. */
static bool start_command(struct lookup *lookup) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    extern char **environ;
    lookup->output = memfd_create("lookup", MFD_CLOEXEC);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, lookup->output, 1);
    posix_spawnattr_init(&attributes);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    command[command_length] = lookup->name;
    bool started = posix_spawnp(&lookup->pid, command[0], &files, &attributes, command, environ) == 0;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (!started) close(lookup->output);
    return started;
}

static void slot_acquired(int status, void *arg) {
    struct lookup *lookup = arg;
    if (status != TORO_OK) {
        finish(lookup, 503, "too many lookups");
    } else if (!start_command(lookup)) {
        toro_semaphore_release(slots, 1);
        finish(lookup, 503, "the command cannot be run");
    } else {
        lookup->exit = syscall(SYS_pidfd_open, lookup->pid, 0);
        status = toro_fd_wait(reactor, lookup->exit, TORO_READABLE, toro_after_ms(COMMAND_MS), command_ended, lookup, NULL);
        if (status != TORO_OK) command_ended(status, lookup);
    }
}

static void looked_up(int status, void *item, void *arg) {
    (void)item; /* the lookup too, but only where the status is TORO_OK */
    struct lookup *lookup = ((struct exchange *)arg)->task;
    switch (status) {
    case TORO_OK: http_answer(arg, lookup->status, lookup->text); break;
    case TORO_TIMED_OUT: http_answer(arg, 504, "not found out in time; ask again"); break;
    default: http_answer(arg, 503, toro_strerror(status)); break; /* the client has gone, or the daemon ends */
    }
    release(lookup);
}

static void asked(struct exchange *exchange, const char *path) {
    struct lookup *lookup;
    const char *name = path + 1;
    if (*name == 0) {
        char text[100];
        snprintf(text, sizeof text, "running=%lld waiting=%zu", COMMANDS_AT_A_TIME - (long long)toro_semaphore_count(slots),
                 toro_semaphore_waiters(slots));
        http_answer(exchange, 200, text);
        return;
    }
    /* Letters, digits and a few marks; nothing that a command could take for an option. */
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-");
    if (name[length] != 0 || length > LONGEST_NAME || *name == '-') {
        http_answer(exchange, 400, "not a name");
        return;
    }

    LIST_FOREACH(lookup, &lookups, others) {
        if (strcmp(lookup->name, name) == 0) break;
    }
    bool is_new = lookup == NULL;
    if (is_new) {
        lookup = calloc(1, sizeof *lookup);
        strcpy(lookup->name, name);
        lookup->done = toro_async_result_new(reactor, 0);
        lookup->users = 1;
        LIST_INSERT_HEAD(&lookups, lookup, others);
    }
    lookup->users++;
    exchange->task = lookup;
    /* First the wait, since the lookup may be over at once. */
    toro_async_result_get(lookup->done, toro_after_ms(CLIENT_MS), looked_up, exchange, &exchange->wait);
    if (is_new) toro_semaphore_acquire(slots, 1, toro_after_ms(SLOT_MS), slot_acquired, lookup, NULL);
}

/* The lookup goes on: others may wait for it. */
static void gone(struct exchange *exchange) {
    toro_cancel(reactor, exchange->wait);
}

int main(int argc, char **argv) {
    if (argc < 3) errx(64, "usage: %s <port> <command> [<argument>...]", argv[0]);
    command_length = argc - 2;
    command = calloc(command_length + 2, sizeof *command);
    memcpy(command, argv + 2, command_length * sizeof *command);

    struct event_base *base = event_base_new();
    if (base == NULL) errx(1, "event_base_new");
    reactor = toro_reactor_adopt(base);
    if (reactor == NULL) err(1, "toro_reactor_adopt");
    slots = toro_semaphore_new(reactor, COMMANDS_AT_A_TIME, 0);
    static const struct http_program program = {asked, gone};
    http_open(reactor, argv[1], &program);
    event_base_dispatch(base);

    toro_reactor_free(reactor); /* ends the waits that are left, and so the commands */
    http_close(base);
    toro_semaphore_free(slots);
    event_base_free(base);
    free(command);
    return 0;
}
