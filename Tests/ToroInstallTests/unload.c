/* Loads the library as a plug-in is loaded, uses it, and unloads it, some times over. */
#include <dlfcn.h>
#include <stdio.h>

typedef struct toro_reactor toro_reactor;

static void count(void *arg) { ++*(int *)arg; }

int main(int argc, char **argv)
{
    int calls = 0;
    if (argc != 2)
        return 2;
    for (int round = 0; round < 3; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        toro_reactor *(*make)(void);
        int (*execute)(toro_reactor *, void (*)(void *), void *), (*run)(toro_reactor *);
        void (*release)(toro_reactor *);
        *(void **)&make = dlsym(library, "toro_reactor_new");
        *(void **)&execute = dlsym(library, "toro_reactor_execute");
        *(void **)&run = dlsym(library, "toro_reactor_run");
        *(void **)&release = dlsym(library, "toro_reactor_free");
        toro_reactor *reactor = make();
        if (execute(reactor, count, &calls) != 0 || run(reactor) != 0)
            return 1;
        release(reactor);
        dlclose(library);
    }
    return calls == 3 ? 0 : 1;
}
