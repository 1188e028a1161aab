/*
 * What queue-server.c, glib-host.c and uv-host.c have in common: a line server on 127.0.0.1 whose clients share one queue.
 *
 *     put <milliseconds> <text>    leaves a text, waiting that long for room     -> ok, or full
 *     take <milliseconds>          takes the oldest text, waiting that long      -> text <text>, or none
 *
 * A client that ends the connection, or its half of it, while it waits does not wait any longer.
 */
#ifndef QUEUE_SERVICE_H
#define QUEUE_SERVICE_H

#include <toro.h>

/* Listens on the port that the command line names, on the reactor's base; ends the program if it cannot. */
void queue_service_open(toro_reactor *reactor, int argc, char **argv);
/* Sends everybody away. Call it when the loop has ended, before the reactor is freed. */
void queue_service_close(void);

#endif
