// Runs scenarios of toro.h: all of them, those whose sentence contains the argument, or the one with that number.
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios.h"

// In a process of its own, unless the environment asks for one process (a tool that looks at leaks wants that).
static int run(const scenario *s, int apart) {
    if (!apart) {
        alarm(300);  // one that hangs is to be seen
        s->run();
        return 0;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(300);
        s->run();
        exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) printf("FAILED (%d): %s\n", status, s->sentence);
    return status != 0;
}

int main(int count, char **arguments) {
    // The alarms are to end it also where a thread that blocks all signals has started it.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const char *wanted = count > 1 ? arguments[1] : NULL;
    if (wanted && isdigit((unsigned char)*wanted)) {
        const scenario *s = scenario_at((size_t)atoi(wanted));
        if (!s) return 2;
        return run(s, 0);
    }
    int failures = 0, runs = 0;
    for (size_t index = 0; scenario_at(index); index++) {
        const scenario *s = scenario_at(index);
        if (wanted && !strstr(s->sentence, wanted)) continue;
        runs++;
        failures += run(s, getenv("TORO_CHECK_IN_PLACE") == NULL);
    }
    printf("%d scenarios, %d failed\n", runs, failures);
    return failures != 0;
}
