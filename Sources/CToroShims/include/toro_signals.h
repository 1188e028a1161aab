// A signal handler, since Swift cannot say what may run in one. It notes what arrives for any number of watches.
#ifndef TORO_SIGNALS_H
#define TORO_SIGNALS_H

#include <stdbool.h>

// Signals that somebody waits for, and those of them that have arrived: each counts once until it is taken.
typedef struct toro_signals toro_signals;

// Makes a watch of no signal. The descriptor, an eventfd of the caller's, becomes readable when something has arrived.
// NULL if there is no memory.
toro_signals *toro_signals_new(int descriptor);

// Watches a signal too: 0, or an errno value: EBUSY if the program has a handler for it, EPERM for one that tells of a fault
// of the program itself, EINVAL for what is no signal, or cannot be handled.
int toro_signals_add(toro_signals *signals, int number);

// Takes the signal that arrived first: its number, or 0.
int toro_signals_take(toro_signals *signals);

// Whether this is a forked child's copy, which nothing arrives for.
bool toro_signals_is_copy(const toro_signals *signals);

// Watches nothing any more. Signals that nobody watches do again what they did before, but where somebody has put another
// handler in the place of ours, which stays. When this returns no handler runs that could use the descriptor.
void toro_signals_close(toro_signals *signals);

// Gives the memory back, after `toro_signals_close`.
void toro_signals_free(toro_signals *signals);

#endif
