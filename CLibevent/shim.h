// What Toro uses of libevent: the core of 2.1, no HTTP, no DNS.
#ifndef TORO_CLIBEVENT_SHIM_H
#define TORO_CLIBEVENT_SHIM_H

// event.h defines _GNU_SOURCE after the C library has fixed its features; by then fd_set is lost to the importer.
#include <features.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#endif
