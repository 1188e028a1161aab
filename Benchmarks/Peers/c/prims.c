// The physical reference: every workload as hand-written callback state machines with
// intrusive waiter lists. Two back ends for "wake this task" and "arm its deadline":
// libevent (event_active / evtimer) and, with -DUSE_UV, libuv (a ready list drained by
// one uv_idle handle / uv_timer).
#include "common.h"
#include <pthread.h>
#include <stdbool.h>

typedef struct task task;
typedef void (*task_fn)(task *, bool timed_out);

#ifndef USE_UV
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#define PEER "libevent-c"
struct task {
    struct event ev;
    task *next, *prev;
    task_fn fn;
    int st;
    bool queued, armed;
    long n;
    int64_t val;
    uint64_t due;
};
static struct event_base *base;
static void tramp(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    task *t = arg;
    t->fn(t, what & EV_TIMEOUT);
}
static void loop_open(void) {
    struct event_config *c = event_config_new();
    event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
    base = event_base_new_with_config(c);
    event_config_free(c);
}
static void task_init(task *t, task_fn fn) {
    memset(t, 0, sizeof *t);
    t->fn = fn;
    event_assign(&t->ev, base, -1, 0, tramp, t);
}
// A non-persistent event leaves the timer heap by itself when it is activated.
static inline void wake(task *t) { event_active(&t->ev, EV_READ, 0); }
static inline void arm(task *t, long ms) {
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};
    event_add(&t->ev, &tv);
}
static void loop_run(void) { event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY); }
static void loop_stop(void) { event_base_loopbreak(base); }
static void task_close(task *t) { event_del(&t->ev); }
#else
#include <uv.h>
#define PEER "libuv-c"
struct task {
    uv_timer_t tm;
    task *rnext;
    task *next, *prev;
    task_fn fn;
    int st;
    bool queued, armed;
    long n;
    int64_t val;
    uint64_t due;
};
static uv_loop_t *base;
static uv_idle_t idle;
static task *rhead, **rtail = &rhead;
static void drain(uv_idle_t *h) {
    task *t = rhead;
    rhead = NULL;
    rtail = &rhead; // this turn's tasks only; I/O is polled in between
    while (t) {
        task *n = t->rnext;
        t->fn(t, false);
        t = n;
    }
    if (!rhead)
        uv_idle_stop(h);
}
static void never(uv_timer_t *h) {
    (void)h;
    abort();
}
static void loop_open(void) { // one far timer keeps the loop alive
    static uv_timer_t keep;
    base = uv_default_loop();
    uv_idle_init(base, &idle);
    uv_timer_init(base, &keep);
    uv_timer_start(&keep, never, 3600000, 0);
}
static void task_init(task *t, task_fn fn) {
    memset(t, 0, sizeof *t);
    t->fn = fn;
}
static inline void wake(task *t) {
    if (t->armed) {
        uv_timer_stop(&t->tm);
        t->armed = false;
    }
    t->rnext = NULL;
    if (!rhead)
        uv_idle_start(&idle, drain);
    *rtail = t;
    rtail = &t->rnext;
}
static void timer_cb(uv_timer_t *h) {
    task *t = h->data;
    t->armed = false;
    t->fn(t, true);
}
static inline void arm(task *t, long ms) {
    if (!t->tm.data) {
        uv_timer_init(base, &t->tm);
        t->tm.data = t;
    }
    uv_timer_start(&t->tm, timer_cb, ms, 0);
    t->armed = true;
}
static void loop_run(void) { uv_run(base, UV_RUN_DEFAULT); }
static void loop_stop(void) { uv_stop(base); }
static void task_close(task *t) { (void)t; }
#endif

// ---- primitives -------------------------------------------------------------------
typedef struct {
    task *head, *tail;
} wlist;
static inline void w_push(wlist *l, task *t) {
    t->next = NULL;
    t->prev = l->tail;
    if (l->tail)
        l->tail->next = t;
    else
        l->head = t;
    l->tail = t;
    t->queued = true;
}
static inline void w_del(wlist *l, task *t) {
    if (t->prev)
        t->prev->next = t->next;
    else
        l->head = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        l->tail = t->prev;
    t->queued = false;
}
static inline task *w_pop(wlist *l) {
    task *t = l->head;
    if (t)
        w_del(l, t);
    return t;
}

typedef struct {
    long permits;
    wlist w;
} sem;
#define NI __attribute__((noinline))
static NI bool sem_acquire(sem *s, task *t, long ms) {
    if (s->permits > 0) {
        s->permits--;
        return true;
    }
    w_push(&s->w, t);
    if (ms >= 0)
        arm(t, ms);
    return false;
}
static NI void sem_release(sem *s) {
    task *t = w_pop(&s->w);
    if (t)
        wake(t);
    else
        s->permits++;
}

typedef struct {
    int64_t *buf;
    int cap, head, count;
    wlist getters, putters;
} queue;
static void q_open(queue *q, int cap) {
    memset(q, 0, sizeof *q);
    q->cap = cap;
    q->buf = malloc(sizeof *q->buf * cap);
}
static NI bool q_put(queue *q, task *t, int64_t v) {
    task *g = w_pop(&q->getters);
    if (g) {
        g->val = v;
        wake(g);
        return true;
    }
    if (q->count < q->cap) {
        int i = q->head + q->count++;
        q->buf[i >= q->cap ? i - q->cap : i] = v;
        return true;
    }
    t->val = v;
    w_push(&q->putters, t);
    return false;
}
static NI bool q_get(queue *q, task *t) { // the value lands in t->val
    if (!q->count) {
        w_push(&q->getters, t);
        return false;
    }
    t->val = q->buf[q->head];
    if (++q->head == q->cap)
        q->head = 0;
    task *p = w_pop(&q->putters);
    if (p) {
        int i = q->head + q->count - 1;
        q->buf[i >= q->cap ? i - q->cap : i] = p->val;
        wake(p);
    } else
        q->count--;
    return true;
}

// ---- workloads --------------------------------------------------------------------
static long N, live, got;
static uint64_t t_end;
static int64_t sum;
static sem S1, S2;
static queue Q1, Q2;
static long DL = -1;

static void lc_fn(task *t, bool to) {
    (void)to;
    switch (t->st) {
    case 0:
    again:
        if (!t->n) {
            if (!--live)
                loop_stop();
            return;
        }
        t->st = 1;
        if (!sem_acquire(&S1, t, -1))
            return; /* fall through */
    case 1:
        t->st = 2;
        wake(t);
        return; // yield while holding
    case 2:
        sem_release(&S1);
        t->n--;
        goto again;
    }
}
static void pp_fn(task *t, bool to) { // n>0: task A (S1->S2), else B
    if (to)
        abort();
    sem *in = t->val ? &S2 : &S1, *out = t->val ? &S1 : &S2;
    if (t->st == 1)
        goto held;
    for (;;) {
        t->st = 1;
        if (!sem_acquire(in, t, DL))
            return;
    held:
        if (--t->n == 0 && t->val) {
            loop_stop();
            return;
        }
        sem_release(out);
    }
}
static wlist cond;
static void cw_fn(task *t, bool to) {
    (void)to;
    if (t->st++ && ++got == N) {
        loop_stop();
        return;
    }
    w_push(&cond, t);
}
static void cn_fn(task *t, bool to) {
    (void)to;
    task *w = w_pop(&cond);
    if (w)
        wake(w);
    wake(t);
}

static void prod_fn(task *t, bool to) {
    (void)to;
    while (t->n) {
        t->n--;
        if (!q_put(&Q1, t, t->n))
            return;
    }
}
static void cons_fn(task *t, bool to) {
    (void)to;
    if (t->st)
        goto have;
    for (;;) {
        t->st = 1;
        if (!q_get(&Q1, t))
            return;
    have:
        sum += t->val;
        if (++got == N) {
            loop_stop();
            return;
        }
    }
}
static void rv_fn(task *t, bool to) {
    (void)to; // st: 0 put, 1 get
    queue *in = t->due ? &Q1 : &Q2, *out = t->due ? &Q2 : &Q1;
    if (t->st == 2)
        goto have;
    for (;;) {
        if (t->st == 0) {
            t->st = 1;
            if (!q_put(out, t, got))
                return;
        }
        t->st = 2;
        if (!q_get(in, t))
            return;
    have:
        t->st = 0;
        if (++got >= N) {
            loop_stop();
            return;
        }
    }
}
static wlist evw;
static void eb_fn(task *t, bool to) {
    (void)to;
    if (t->st++) {
        if (!--live) {
            t_end = now_ns();
            loop_stop();
        }
        return;
    }
    w_push(&evw, t);
    if (++got == N)
        loop_stop();
}
static int64_t *late;
static void de_fn(task *t, bool to) {
    if (t->st == 0) {
        t->st = 1;
        t->due = now_ns() + 10000000;
        sem_acquire(&S1, t, 10);
        return;
    }
    if (!to)
        abort();
    w_del(&S1.w, t);
    uint64_t n = now_ns();
    late[got++] = (int64_t)(n - t->due);
    if (got == N) {
        t_end = n;
        loop_stop();
    }
}
static void mw_fn(task *t, bool to) {
    if (to)
        abort();
    if (t->st++ == 0) {
        sem_acquire(&S1, t, 3600000);
        if (++got == N)
            loop_stop();
        return;
    }
    if (!--live) {
        t_end = now_ns();
        loop_stop();
    }
}
static task *parent;
static void child_fn(task *t, bool to) {
    (void)to;
    wake(parent);
    task_close(t);
    free(t);
}
static void sp_fn(task *t, bool to) {
    (void)to;
    if (t->n-- == 0) {
        loop_stop();
        return;
    }
    task *c = malloc(sizeof *c);
    task_init(c, child_fn);
    wake(c);
}

typedef struct node {
    struct node *next;
    int64_t v;
} node;
static pthread_mutex_t xm = PTHREAD_MUTEX_INITIALIZER;
static node *xh, **xt = &xh;
static void x_drain(void) {
    pthread_mutex_lock(&xm);
    node *n = xh;
    xh = NULL;
    xt = &xh;
    pthread_mutex_unlock(&xm);
    while (n) {
        node *d = n;
        n = n->next;
        sum += d->v;
        free(d);
        if (++got == N)
            loop_stop();
    }
}
#ifndef USE_UV
static struct event *xev;
static void x_cb(evutil_socket_t f, short w, void *a) {
    (void)f;
    (void)w;
    (void)a;
    x_drain();
}
static void x_notify(void) { event_active(xev, EV_READ, 0); }
static void x_open(void) {
    evthread_use_pthreads();
    loop_open();
    xev = event_new(base, -1, EV_PERSIST, x_cb, NULL);
}
#else
static uv_async_t xa;
static void x_cb(uv_async_t *h) {
    (void)h;
    x_drain();
}
static void x_notify(void) { uv_async_send(&xa); }
static void x_open(void) {
    loop_open();
    uv_async_init(base, &xa, x_cb);
}
#endif
static void *x_thread(void *a) {
    (void)a;
    for (long i = 0; i < N; i++) {
        node *n = malloc(sizeof *n);
        n->next = NULL;
        n->v = i;
        pthread_mutex_lock(&xm);
        bool was = !xh;
        *xt = n;
        xt = &n->next;
        pthread_mutex_unlock(&xm);
        if (was)
            x_notify();
    }
    return NULL;
}
// a plain binary heap
typedef struct {
    uint32_t k;
    uint32_t v;
} hent;
static hent *hp;
static long hn;
static NI void h_put(uint32_t k, uint32_t v) {
    long i = hn++;
    while (i) {
        long p = (i - 1) / 2;
        if (hp[p].k <= k)
            break;
        hp[i] = hp[p];
        i = p;
    }
    hp[i] = (hent){k, v};
}
static NI hent h_get(void) {
    hent r = hp[0], l = hp[--hn];
    long i = 0;
    for (;;) {
        long c = 2 * i + 1;
        if (c >= hn)
            break;
        if (c + 1 < hn && hp[c + 1].k < hp[c].k)
            c++;
        if (l.k <= hp[c].k)
            break;
        hp[i] = hp[c];
        i = c;
    }
    hp[i] = l;
    return r;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    const char *w = argv[1];
    uint64_t t0, dt;
    char extra[256];
    const char *x = NULL;
    long ops;
#define IS(s) (!strcmp(w, s))
    if (IS("cross_thread"))
        x_open();
    else
        loop_open();
    if (IS("lock_uncontended")) {
        N = 50000000;
        task a;
        task_init(&a, lc_fn);
        S1.permits = 1;
        t0 = now_ns();
        for (long i = 0; i < N; i++) {
            if (!sem_acquire(&S1, &a, -1))
                abort();
            sem_release(&S1);
        }
        dt = now_ns() - t0;
        ops = N;
    } else if (IS("lock_contended")) {
        N = 3000000;
        live = 100;
        S1.permits = 1;
        static task t[100];
        for (int i = 0; i < 100; i++) {
            task_init(&t[i], lc_fn);
            t[i].n = N / 100;
            wake(&t[i]);
        }
        t0 = now_ns();
        loop_run();
        dt = now_ns() - t0;
        ops = N;
    } else if (IS("semaphore_pingpong") || IS("deadline_satisfied")) {
        N = 4000000;
        if (IS("deadline_satisfied"))
            DL = 1000;
        static task a, b;
        task_init(&a, pp_fn);
        task_init(&b, pp_fn);
        a.n = b.n = N / 2;
        b.val = 1;
        wake(&a);
        wake(&b);
        S1.permits = 1;
        t0 = now_ns();
        loop_run();
        dt = now_ns() - t0;
        ops = N;
    } else if (IS("condition_notify")) {
        N = 4000000;
        static task a, b;
        task_init(&a, cw_fn);
        task_init(&b, cn_fn);
        wake(&a);
        wake(&b);
        t0 = now_ns();
        loop_run();
        dt = now_ns() - t0;
        ops = N;
    } else if (IS("queue_spsc") || IS("queue_mpmc")) {
        int k = IS("queue_spsc") ? 1 : 10;
        N = 20000000;
        q_open(&Q1, 128);
        static task p[10], c[10];
        for (int i = 0; i < k; i++) {
            task_init(&p[i], prod_fn);
            p[i].n = N / k;
            task_init(&c[i], cons_fn);
            wake(&p[i]);
            wake(&c[i]);
        }
        t0 = now_ns();
        loop_run();
        dt = now_ns() - t0;
        ops = N;
    } else if (IS("queue_rendezvous")) {
        N = 4000000;
        q_open(&Q1, 1);
        q_open(&Q2, 1);
        static task a, b;
        task_init(&a, rv_fn);
        task_init(&b, rv_fn);
        b.due = 1;
        b.st = 1;
        wake(&a);
        wake(&b);
        t0 = now_ns();
        loop_run();
        dt = now_ns() - t0;
        ops = got;
    } else if (IS("priority_queue")) {
        long rounds = 10, M = 100000;
        hp = malloc(sizeof *hp * M);
        uint64_t s = 88172645463325252ull;
        t0 = now_ns();
        for (long r = 0; r < rounds; r++) {
            for (long i = 0; i < M; i++) {
                s ^= s << 13;
                s ^= s >> 7;
                s ^= s << 17;
                h_put((uint32_t)s, i);
            }
            uint32_t last = 0;
            for (long i = 0; i < M; i++) {
                hent e = h_get();
                if (e.k < last)
                    abort();
                last = e.k;
            }
        }
        dt = now_ns() - t0;
        ops = rounds * M;
    } else if (IS("event_broadcast")) {
        N = 10000;
        dt = 0;
        long rounds = 50;
        task *t = malloc(sizeof *t * N);
        for (long r = 0; r < rounds; r++) {
            got = 0;
            live = N;
            for (long i = 0; i < N; i++) {
                task_init(&t[i], eb_fn);
                wake(&t[i]);
            }
            loop_run();
            t0 = now_ns();
            task *z;
            while ((z = w_pop(&evw)))
                wake(z);
            loop_run();
            dt += t_end - t0;
        }
        ops = rounds * N;
    } else if (IS("deadline_expired")) {
        N = 10000;
        late = malloc(sizeof *late * N);
        task *t = malloc(sizeof *t * N);
        for (long i = 0; i < N; i++) {
            task_init(&t[i], de_fn);
            wake(&t[i]);
        }
        t0 = now_ns();
        loop_run();
        int64_t d = (int64_t)(t_end - t0) - 10000000;
        dt = d < 0 ? 0 : d;
        ops = N;
        qsort(late, N, sizeof *late, cmp_i64);
        snprintf(extra, sizeof extra, "\"late_p50_us\":%.1f,\"late_max_us\":%.1f", late[N / 2] / 1e3,
                 late[N - 1] / 1e3);
        x = extra;
    } else if (IS("waiters_100k_memory")) {
        N = 100000;
        live = N;
        task **t = malloc(sizeof *t * N);
        memset(t, 1, sizeof *t * N);
        long r0 = status_kb("VmRSS:");
        uint64_t ta = now_ns();
        for (long i = 0; i < N; i++) {
            t[i] = malloc(sizeof **t);
            task_init(t[i], mw_fn);
            wake(t[i]);
        }
        loop_run();
        uint64_t tb = now_ns();
        long r1 = status_kb("VmRSS:");
        t0 = now_ns();
        for (long i = 0; i < N; i++)
            sem_release(&S1);
        loop_run();
        dt = t_end - t0;
        ops = N;
        snprintf(extra, sizeof extra, "\"bytes_per_waiter\":%.1f,\"arm_ns\":%.1f", (r1 - r0) * 1024.0 / N,
                 (double)(tb - ta) / N);
        x = extra;
    } else if (IS("spawn")) {
        N = 3000000;
        static task a;
        parent = &a;
        task_init(&a, sp_fn);
        a.n = N;
        wake(&a);
        t0 = now_ns();
        loop_run();
        dt = now_ns() - t0;
        ops = N;
    } else if (IS("cross_thread")) {
        N = 3000000;
        pthread_t th;
        t0 = now_ns();
        pthread_create(&th, NULL, x_thread, NULL);
        loop_run();
        dt = now_ns() - t0;
        ops = N;
        pthread_join(th, NULL);
    } else
        return 3;
    emit(PEER, w, (double)dt / ops, ops, x);
    return 0;
}
