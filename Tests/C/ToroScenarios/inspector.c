#include "check.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

// Sends a request on a connection of its own and returns all of the answer, to be freed.
static char *ask_on(int descriptor, const struct sockaddr *address, socklen_t length, const char *request) {
    EQUAL(connect(descriptor, address, length), 0);
    EQUAL(write(descriptor, request, strlen(request)), strlen(request));
    size_t size = 1 << 20, count = 0;
    char *answer = calloc(size, 1);
    for (ssize_t got; (got = read(descriptor, answer + count, size - 1 - count)) > 0;) count += (size_t)got;
    close(descriptor);
    return answer;
}

static char *ask(toro_inspector *inspector, const char *request) {
    char text[128];
    CHECK(toro_inspector_address(inspector, text, sizeof text) < sizeof text);
    if (strncmp(text, "unix:", 5) == 0) {
        struct sockaddr_un path = {.sun_family = AF_UNIX};
        snprintf(path.sun_path, sizeof path.sun_path, "%s", text + 5);
        return ask_on(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&path, sizeof path, request);
    }
    char *port = strrchr(text, ':');
    CHECK(port != NULL && strncmp(text, "127.0.0.1:", 10) == 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port + 1))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ask_on(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address, request);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void expect(toro_inspector *inspector, const char *request, const char *part) {
    char *answer = ask(inspector, request);
    if (!strstr(answer, part)) fprintf(stderr, "not in the answer: %s\n%s\n", part, answer);
    CHECK(strstr(answer, part) != NULL);
    free(answer);
}

static void answers(toro_inspector *inspector) { expect(inspector, GET("/snapshot.txt"), "HTTP/1.1 200 OK"); }

// Before a fork: what an inspector's thread does for the first time is to be done by then.
static void warm_up(void) {
    for (int i = 0; i < 2; i++) {
        toro_inspector *inspector = toro_inspector_new("127.0.0.1:0");
        toro_reactor *r = toro_reactor_new();
        OK(toro_inspector_watch(inspector, r, "it"));
        answers(inspector);
        OK(toro_reactor_run(r));
        OK(toro_inspector_unwatch(inspector, r));
        toro_reactor_free(r);
        toro_inspector_free(inspector);
    }
}

static toro_reactor *reactor;

static void *looks(void *arg) {
    expect(arg, GET("/snapshot.txt"), "HTTP/1.1 200 OK");
    expect(arg, GET("/snapshot.txt"), "the host");
    expect(arg, GET("/snapshot.txt"), "orders");
    expect(arg, GET("/snapshot.json"), "\"Queue \\\"orders\\\"\"");
    expect(arg, GET("/"), "<!doctype html>");
    expect(arg, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", "Content-Length: ");
    expect(arg, GET("/elsewhere"), "HTTP/1.1 404 ");
    expect(arg, "GET /x://localhost/snapshot.json HTTP/1.1\r\nHost: example.org\r\n\r\n", "HTTP/1.1 421 ");
    expect(arg, "GET /?u=http://localhost/ HTTP/1.1\r\nHost: example.org\r\n\r\n", "HTTP/1.1 421 ");
    expect(arg, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "HTTP/1.1 421 ");
    expect(arg, "GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 421 ");
    expect(arg, "GET http://127.0.0.1/snapshot.json?x HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 ");
    expect(arg, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "Allow: GET, HEAD");
    expect(arg, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
    expect(arg, "nonsense\r\n\r\n", "HTTP/1.1 400 ");
    OK(toro_reactor_unhold(reactor));
    return NULL;
}

// A host's loop, and an own one.
static void shows_waits(void) {
    for (int adopted = 0; adopted < 2; adopted++) {
        struct event_base *base = adopted ? event_base_new() : NULL;
        reactor = adopted ? toro_reactor_adopt(base) : toro_reactor_new();
        toro_queue *queue = toro_queue_new(reactor, TORO_FIFO, 1, NULL, NULL, 0);
        OK(toro_queue_set_name(queue, "orders"));
        result got_it = {0};
        OK(toro_queue_get(queue, FOREVER, got, &got_it, NULL));
        toro_inspector *inspector = toro_inspector_new("127.0.0.1:0");
        CHECK(inspector != NULL);
        OK(toro_inspector_watch(inspector, reactor, "the host"));
        OK(toro_inspector_watch(inspector, reactor, "again"));
        OK(toro_reactor_hold(reactor));
        pthread_t thread;
        pthread_create(&thread, NULL, looks, inspector);
        if (adopted) event_base_dispatch(base);
        else EQUAL(toro_reactor_run(reactor), TORO_DEADLOCK);
        pthread_join(thread, NULL);
        OK(toro_inspector_unwatch(inspector, reactor));
        OK(toro_inspector_unwatch(inspector, reactor));
        // Either may go first.
        if (adopted) toro_inspector_free(inspector);
        toro_queue_free(queue);
        toro_reactor_free(reactor);
        if (!adopted) {
            EQUAL(toro_inspector_watch(inspector, reactor = toro_reactor_new(), NULL), TORO_OK);
            toro_reactor_free(reactor);
            toro_inspector_free(inspector);
        }
        if (base) event_base_free(base);
        EQUAL(got_it.status, TORO_CLOSED);
    }
}

static void refuses(const char *address, int code) {
    errno = 0;
    CHECK(toro_inspector_new(address) == NULL);
    EQUAL(errno, code);
}

static void arguments(void) {
    warm_up();
    refuses(NULL, EINVAL);
    refuses("", EINVAL);
    refuses("localhost", EINVAL);
    refuses("127.0.0.1:70000", EINVAL);
    refuses("0.0.0.0:0", EINVAL);
    refuses("unix:/nowhere/at/all", ENOENT);
    toro_inspector_free(NULL);
    EQUAL(toro_inspector_address(NULL, NULL, 0), 0);
    char one[1] = {'x'};
    EQUAL(toro_inspector_address(NULL, one, 1), 0);
    EQUAL(one[0], 0);

    toro_inspector *inspector = toro_inspector_new("127.0.0.1:0");
    char text[64], part[6];
    size_t length = toro_inspector_address(inspector, text, sizeof text);
    EQUAL(strlen(text), length);
    refuses(text, EADDRINUSE);
    EQUAL(toro_inspector_address(inspector, part, sizeof part), length);
    EQUAL(strcmp(part, "127.0"), 0);
    EQUAL(toro_inspector_address(inspector, NULL, 0), length);
    toro_reactor *r = toro_reactor_new();
    EQUAL(toro_inspector_watch(NULL, r, "it"), TORO_INVALID);
    EQUAL(toro_inspector_watch(inspector, NULL, "it"), TORO_INVALID);
    EQUAL(toro_inspector_unwatch(inspector, NULL), TORO_INVALID);
    EQUAL(toro_inspector_unwatch(inspector, r), TORO_OK);
    OK(toro_inspector_watch(inspector, r, NULL));
    EQUAL(toro_reactor_run(r), TORO_OK);  // what looks on is not what is left to do

    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        EQUAL(toro_inspector_watch(inspector, r, "it"), TORO_SYSTEM);
        EQUAL(errno, ECHILD);
        toro_reactor *own = toro_reactor_new();
        EQUAL(toro_inspector_watch(inspector, own, "own"), TORO_SYSTEM);
        EQUAL(toro_inspector_unwatch(inspector, own), TORO_SYSTEM);
        toro_reactor_free(own);
        toro_inspector_free(inspector);
        toro_reactor_free(r);
        _exit(0);
    }
    int status = 0;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    toro_inspector_free(inspector);
    toro_reactor_free(r);
}

// A child that goes on has let go of the port and the path: the parent can take them again.
static void child_lets_go(void) {
    warm_up();
    char folder[] = "/tmp/toro-inspector-XXXXXX", name[128], port[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(name, sizeof name, "unix:%s/socket", folder);
    toro_inspector *on_path = toro_inspector_new(name), *on_port = toro_inspector_new("127.0.0.1:0");
    CHECK(on_path != NULL && on_port != NULL);
    toro_inspector_address(on_port, port, sizeof port);
    int freed[2], ended[2];
    EQUAL(pipe(freed), 0);
    EQUAL(pipe(ended), 0);
    pid_t child = fork();
    char text[1] = {0};
    if (child == 0) {
        alarm(20);
        close(ended[1]);
        toro_inspector_free(on_path);
        toro_inspector_free(on_port);
        EQUAL(write(freed[1], text, 1), 1);
        EQUAL(read(ended[0], text, 1), 0);
        _exit(0);
    }
    EQUAL(read(freed[0], text, 1), 1);
    answers(on_port);
    struct stat found;
    EQUAL(stat(name + 5, &found), 0);
    toro_inspector_free(on_path);
    toro_inspector_free(on_port);
    on_path = toro_inspector_new(name);
    on_port = toro_inspector_new(port);
    CHECK(on_path != NULL && on_port != NULL);
    close(ended[1]);
    int status = 1;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    toro_inspector_free(on_path);
    toro_inspector_free(on_port);
    close(freed[0]), close(freed[1]), close(ended[0]);
    EQUAL(rmdir(folder), 0);
}

// What an inspector asked and a reactor has not answered is nobody's in a child, whether it goes on with the reactor or frees it.
static void unanswered(void) {
    warm_up();
    toro_inspector *inspector = toro_inspector_new("127.0.0.1:0");
    toro_reactor *r = toro_reactor_new();
    OK(toro_inspector_watch(inspector, r, "silent"));
    expect(inspector, GET("/snapshot.txt"), "silent");
    for (int goes_on = 0; goes_on < 2; goes_on++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            if (goes_on) OK(toro_reactor_after_fork(r));
            if (goes_on) OK(toro_reactor_run(r));
            toro_reactor_free(r);
            toro_inspector_free(inspector);
            _exit(0);
        }
        int status = 1;
        EQUAL(waitpid(child, &status, 0), child);
        EQUAL(status, 0);
    }
    OK(toro_reactor_run(r));
    toro_inspector_free(inspector);
    toro_reactor_free(r);
}

static void on_a_path(void) {
    char folder[] = "/tmp/toro-inspector-XXXXXX", name[128];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(name, sizeof name, "unix:%s/socket", folder);
    const char *path = name + 5;
    toro_inspector *inspector = toro_inspector_new(name);
    CHECK(inspector != NULL);
    struct stat found;
    EQUAL(stat(path, &found), 0);
    EQUAL(found.st_mode & 0777, 0600);
    answers(inspector);
    toro_inspector_free(inspector);
    EQUAL(stat(path, &found), -1);
    EQUAL(rmdir(folder), 0);
}

const scenario inspector_scenarios[] = {
    {"An inspector shows the waits of an own and of an adopted reactor, in three forms", shows_waits},
    {"What an inspector is given is looked at, and in a child it can only be freed", arguments},
    {"A child that goes on lets go of an inspector's addresses", child_lets_go},
    {"What an inspector asked before a fork disturbs no child", unanswered},
    {"An inspector on a path is its owner's alone, and the path is gone with it", on_a_path},
    {NULL, NULL},
};
