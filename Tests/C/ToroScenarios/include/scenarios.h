// What the tests of toro.h have in common: scenarios in C, each a sentence and a function, and what they check by. Every
// scenario is run in a process of its own.
#ifndef TORO_SCENARIOS_H
#define TORO_SCENARIOS_H

#include <stddef.h>

typedef struct scenario {
    const char *sentence;
    void (*run)(void);
} scenario;

// The groups, each ended by a scenario without a sentence.
extern const scenario argument_scenarios[];
extern const scenario order_scenarios[];
extern const scenario deadline_scenarios[];
extern const scenario reactor_scenarios[];
extern const scenario descriptor_scenarios[];
extern const scenario thread_scenarios[];
extern const scenario closing_scenarios[];
extern const scenario primitive_scenarios[];
extern const scenario queue_scenarios[];
extern const scenario adopting_scenarios[];
extern const scenario fork_scenarios[];
extern const scenario inspector_scenarios[];
extern const scenario load_scenarios[];

// All of them, one after the other; NULL at the end.
const scenario *scenario_at(size_t index);

// A host in C: makes a base and adopts it, has `start_job` start work on the reactor, and drives the base until nothing is
// left. Returns how many of its own calls it made meanwhile, or -1.
struct toro_reactor;
int run_host(void (*start_job)(struct toro_reactor *reactor));

#endif
