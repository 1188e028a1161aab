import threading, gevent
from gevent.lock import Semaphore, BoundedSemaphore
from gevent.event import Event
from gevent.queue import Queue, PriorityQueue
from common import *

PEER = "gevent"


@workload
def lock_uncontended():
    n, l = 1_000_000, BoundedSemaphore(1)
    t = now()
    for _ in range(n):
        l.acquire()
        l.release()
    return now() - t, n


@workload
def lock_contended():
    n, l, sleep = 100_000, BoundedSemaphore(1), gevent.sleep

    def one():
        for _ in range(n // 100):
            l.acquire()
            sleep(0)
            l.release()

    t = now()
    gevent.joinall([gevent.spawn(one) for _ in range(100)])
    return now() - t, n


def pingpong(n, dl):
    a, b = Semaphore(1), Semaphore(0)

    def side(i, o):
        for _ in range(n // 2):
            if dl:
                if not i.acquire(timeout=1):
                    raise SystemError
            else:
                i.acquire()
            o.release()

    t = now()
    gevent.joinall([gevent.spawn(side, a, b), gevent.spawn(side, b, a)], raise_error=True)
    return now() - t, n


@workload
def semaphore_pingpong():
    return pingpong(150_000, False)


@workload
def deadline_satisfied():
    return pingpong(100_000, True)


@workload
def condition_notify():  # gevent has no Condition of its own; threading.Condition over its lock is what monkey-patching gives
    n, c = 50_000, threading.Condition(BoundedSemaphore(1))
    import _thread

    threading._allocate_lock = lambda: BoundedSemaphore(1)

    def waiter():
        with c:
            for _ in range(n):
                c.wait()

    def notifier():
        while not w.dead:
            with c:
                c.notify()
            gevent.sleep(0)

    t = now()
    w = gevent.spawn(waiter)
    k = gevent.spawn(notifier)
    w.join()
    d = now() - t
    k.kill()
    w.get()
    return d, n


def pipe(n, k):
    q, left, done = Queue(128), n, Event()

    def prod():
        for i in range(n // k):
            q.put(i)

    def cons():
        nonlocal left
        while True:
            q.get()
            left -= 1
            if not left:
                done.set()

    t = now()
    cs = [gevent.spawn(cons) for _ in range(k)]
    [gevent.spawn(prod) for _ in range(k)]
    done.wait()
    d = now() - t
    gevent.killall(cs)
    return d, n


@workload
def queue_spsc():
    return pipe(400_000, 1)


@workload
def queue_mpmc():
    return pipe(400_000, 10)


@workload
def queue_rendezvous():
    n, a, b = 100_000, Queue(1), Queue(1)

    def x():
        for i in range(n // 2):
            a.put(i)
            b.get()

    def y():
        for i in range(n // 2):
            b.put(a.get())

    t = now()
    gevent.joinall([gevent.spawn(x), gevent.spawn(y)], raise_error=True)
    return now() - t, n


@workload
def priority_queue():
    import random

    m, q, r = 100_000, PriorityQueue(), random.Random(1)
    ks = [r.getrandbits(32) for _ in range(m)]
    t = now()
    for i, k in enumerate(ks):
        q.put((k, i))
    for _ in ks:
        q.get()
    return now() - t, m


@workload
def event_broadcast():
    k, rounds, total = 10_000, 5, 0
    for _ in range(rounds):
        ev, ready, left, end = Event(), 0, k, 0

        def one():
            nonlocal ready, left, end
            ready += 1
            ev.wait()
            left -= 1
            if not left:
                end = now()

        ts = [gevent.spawn(one) for _ in range(k)]
        while ready < k:
            gevent.sleep(0)
        t = now()
        ev.set()
        gevent.joinall(ts)
        total += end - t
    return total, k * rounds


@workload
def deadline_expired():
    k, s, ls = 10_000, Semaphore(0), []

    def one():
        due = now() + 10_000_000
        if s.acquire(timeout=0.010):
            raise SystemError
        ls.append(now() - due)

    t = now()
    gevent.joinall([gevent.spawn(one) for _ in range(k)], raise_error=True)
    return now() - t - 10_000_000, k, late(ls)


@workload
def waiters_100k_memory():
    k, s, ready, left, end = 100_000, Semaphore(0), 0, 100_000, 0

    def one():
        nonlocal ready, left, end
        ready += 1
        if not s.acquire(timeout=3600):
            raise SystemError
        left -= 1
        if not left:
            end = now()

    r0 = status_kb("VmRSS:")
    ta = now()
    ts = [gevent.spawn(one) for _ in range(k)]
    while ready < k:
        gevent.sleep(0)
    arm = now() - ta
    r1 = status_kb("VmRSS:")
    t = now()
    for _ in range(k):
        s.release()
    gevent.joinall(ts)
    return end - t, k, dict(bytes_per_waiter=(r1 - r0) * 1024 / k, arm_ns=arm / k)


@workload
def spawn():
    n = 60_000

    def f():
        pass

    t = now()
    for _ in range(n):
        gevent.spawn(f).join()
    return now() - t, n


@workload
def cross_thread():
    n, q, loop = 200_000, Queue(), gevent.get_hub().loop
    keep = loop.async_()
    keep.start(lambda: None)  # else the hub sees no pending watcher and gives up

    def send():
        for i in range(n):
            loop.run_callback_threadsafe(q.put_nowait, i)

    t = now()
    th = threading.Thread(target=send)
    th.start()
    for _ in range(n):
        q.get()
    d = now() - t
    th.join()
    return d, n


if __name__ == "__main__":
    w, f = pick(PEER)
    g = gevent.spawn(f)
    r = g.get()
    emit(PEER, w, *r)
