import asyncio, threading
from datetime import timedelta
from tornado import gen, ioloop, locks, queues
from tornado.util import TimeoutError
from common import *

PEER = "tornado"


@workload
async def lock_uncontended():
    n, l = 200_000, locks.Lock()
    t = now()
    for _ in range(n):
        async with l:
            pass
    return now() - t, n


@workload
async def lock_contended():
    n, l = 50_000, locks.Lock()

    async def one():
        for _ in range(n // 100):
            async with l:
                await asyncio.sleep(0)

    t = now()
    await gen.multi([one() for _ in range(100)])
    return now() - t, n


async def pingpong(n, dl):
    a, b, d = locks.Semaphore(1), locks.Semaphore(0), timedelta(seconds=1)

    async def side(i, o):
        for _ in range(n // 2):
            await (i.acquire(timeout=d) if dl else i.acquire())
            o.release()

    t = now()
    await gen.multi([side(a, b), side(b, a)])
    return now() - t, n


@workload
async def semaphore_pingpong():
    return await pingpong(100_000, False)


@workload
async def deadline_satisfied():
    return await pingpong(40_000, True)


@workload
async def condition_notify():
    n, c, stop = 100_000, locks.Condition(), False

    async def waiter():
        for _ in range(n):
            await c.wait()

    async def notifier():
        while not stop:
            c.notify()
            await asyncio.sleep(0)

    t = now()
    k = asyncio.create_task(notifier())
    await waiter()
    d = now() - t
    stop = True
    await k
    return d, n


async def pipe(n, k):
    q, left, done = queues.Queue(128), n, locks.Event()

    async def prod():
        for i in range(n // k):
            await q.put(i)

    async def cons():
        nonlocal left
        while True:
            await q.get()
            left -= 1
            if not left:
                done.set()

    t = now()
    cs = [asyncio.create_task(cons()) for _ in range(k)]
    ps = [asyncio.create_task(prod()) for _ in range(k)]
    await done.wait()
    d = now() - t
    for c in cs:
        c.cancel()
    return d, n


@workload
async def queue_spsc():
    return await pipe(200_000, 1)


@workload
async def queue_mpmc():
    return await pipe(200_000, 10)


@workload
async def queue_rendezvous():
    n, a, b = 60_000, queues.Queue(1), queues.Queue(1)

    async def x():
        for i in range(n // 2):
            await a.put(i)
            await b.get()

    async def y():
        for i in range(n // 2):
            await b.put(await a.get())

    t = now()
    await gen.multi([x(), y()])
    return now() - t, n


@workload
async def priority_queue():
    import random

    m, q, r = 100_000, queues.PriorityQueue(), random.Random(1)
    ks = [r.getrandbits(32) for _ in range(m)]
    t = now()
    for i, k in enumerate(ks):
        await q.put((k, i))
    for _ in ks:
        await q.get()
    return now() - t, m


@workload
async def event_broadcast():
    k, rounds, total = 10_000, 5, 0
    for _ in range(rounds):
        ev, ready, left, end = locks.Event(), 0, k, 0

        async def one():
            nonlocal ready, left, end
            ready += 1
            await ev.wait()
            left -= 1
            if not left:
                end = now()

        ts = [asyncio.create_task(one()) for _ in range(k)]
        while ready < k:
            await asyncio.sleep(0)
        t = now()
        ev.set()
        await gen.multi(ts)
        total += end - t
    return total, k * rounds


@workload
async def deadline_expired():
    k, s, ls, d = 10_000, locks.Semaphore(0), [], timedelta(milliseconds=10)

    async def one():
        due = now() + 10_000_000
        try:
            await s.acquire(timeout=d)
            raise SystemError
        except TimeoutError:
            ls.append(now() - due)

    t = now()
    await gen.multi([one() for _ in range(k)])
    return now() - t - 10_000_000, k, late(ls)


@workload
async def waiters_100k_memory():
    k, s, ready, left, end, d = 100_000, locks.Semaphore(0), 0, 100_000, 0, timedelta(hours=1)

    async def one():
        nonlocal ready, left, end
        ready += 1
        await s.acquire(timeout=d)
        left -= 1
        if not left:
            end = now()

    r0 = status_kb("VmRSS:")
    ta = now()
    ts = [asyncio.create_task(one()) for _ in range(k)]
    while ready < k:
        await asyncio.sleep(0)
    arm = now() - ta
    r1 = status_kb("VmRSS:")
    t = now()
    for _ in range(k):
        s.release()
    await gen.multi(ts)
    return end - t, k, dict(bytes_per_waiter=(r1 - r0) * 1024 / k, arm_ns=arm / k)


@workload
async def spawn():
    n = 50_000

    async def f():
        pass

    t = now()
    for _ in range(n):
        await gen.convert_yielded(f())
    return now() - t, n


@workload
async def cross_thread():
    n, q, loop = 50_000, queues.Queue(), ioloop.IOLoop.current()

    def send():
        for i in range(n):
            loop.add_callback(q.put_nowait, i)

    t = now()
    th = threading.Thread(target=send)
    th.start()
    for _ in range(n):
        await q.get()
    d = now() - t
    th.join()
    return d, n


if __name__ == "__main__":
    w, f = pick(PEER)
    emit(PEER, w, *ioloop.IOLoop.current().run_sync(f))
