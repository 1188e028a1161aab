/*
 * A daemon in C whose requests are answered by async functions in Swift (Mixed/Board.swift), on the event_base that this
 * file makes and dispatches. There is one Swift runtime: such a program is built by the package manager and depends on the
 * product ToroC, not on libtoro.
 *
 *     swift run MixedServer 7313, then curl http://127.0.0.1:7313/take/5000
 *     curl -X POST http://127.0.0.1:7313/put/0/hello
 *
 * Exit status: 0 after SIGINT or SIGTERM, 1 if it cannot listen, 64: how to call it.
 */
#include "http-service.h"

#include <err.h>
#include <event2/event.h>

#include "MixedBoard-Swift.h" /* what Swift declares by @c */

enum { CAPACITY = 4 };

static void *board;

static void answered(int status, const char *text, void *exchange) {
    http_answer(exchange, status, text);
}

static void asked(struct exchange *exchange, const char *path) {
    exchange->task = board_ask(board, path, answered, exchange);
}

static void gone(struct exchange *exchange) {
    board_cancel(exchange->task);
}

int main(int argc, char **argv) {
    if (argc != 2) errx(64, "usage: %s <port>", argv[0]);
    struct event_base *base = event_base_new();
    if (base == NULL) errx(1, "event_base_new");
    toro_reactor *reactor = toro_reactor_adopt(base);
    if (reactor == NULL) err(1, "toro_reactor_adopt");
    board = board_new(reactor, CAPACITY);
    static const struct http_program program = {asked, gone};
    http_open(reactor, argv[1], &program);
    event_base_dispatch(base); /* C callbacks and Swift tasks take turns on this thread */

    toro_reactor_free(reactor); /* cancels the tasks that are left, which answer, and returns when they have ended */
    http_close(base);
    board_free(board);
    event_base_free(base);
    return 0;
}
