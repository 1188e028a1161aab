# asyncio, on its own loop or (UVLOOP=1) on uvloop. Python 3.11: asyncio.timeout is the deadline.
import asyncio, os, threading
from common import *

PEER = "uvloop" if os.environ.get("UVLOOP") else "asyncio"


@workload
async def lock_uncontended():
    n, l = 500_000, asyncio.Lock()
    t = now()
    for _ in range(n):
        async with l:
            pass
    return now() - t, n


@workload
async def lock_contended():
    n, l = 100_000, asyncio.Lock()

    async def one():
        for _ in range(n // 100):
            async with l:
                await asyncio.sleep(0)

    t = now()
    await asyncio.gather(*[one() for _ in range(100)])
    return now() - t, n


async def pingpong(n, dl):
    a, b = asyncio.Semaphore(1), asyncio.Semaphore(0)

    async def side(i, o):
        for _ in range(n // 2):
            if dl:
                async with asyncio.timeout(1):
                    await i.acquire()
            else:
                await i.acquire()
            o.release()

    t = now()
    await asyncio.gather(side(a, b), side(b, a))
    return now() - t, n


@workload
async def semaphore_pingpong():
    return await pingpong(100_000, False)


@workload
async def deadline_satisfied():
    return await pingpong(60_000, True)


@workload
async def condition_notify():
    n, c = 60_000, asyncio.Condition()

    async def waiter():
        async with c:
            for _ in range(n):
                await c.wait()

    async def notifier():
        while True:
            async with c:
                c.notify()
            await asyncio.sleep(0)

    t = now()
    w = asyncio.create_task(waiter())
    k = asyncio.create_task(notifier())
    await w
    d = now() - t
    k.cancel()
    return d, n


async def pipe(n, k):
    q = asyncio.Queue(128)
    left = n
    done = asyncio.Event()

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
    return await pipe(400_000, 1)


@workload
async def queue_mpmc():
    return await pipe(400_000, 10)


@workload
async def queue_rendezvous():
    n, a, b = 100_000, asyncio.Queue(1), asyncio.Queue(1)

    async def x():
        for i in range(n // 2):
            await a.put(i)
            await b.get()

    async def y():
        for i in range(n // 2):
            await b.put(await a.get())

    t = now()
    await asyncio.gather(x(), y())
    return now() - t, n


@workload
async def priority_queue():
    import random

    m, q, r = 100_000, asyncio.PriorityQueue(), random.Random(1)
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
        ev, ready, left, end = asyncio.Event(), 0, k, 0

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
        await asyncio.gather(*ts)
        total += end - t
    return total, k * rounds


@workload
async def deadline_expired():
    k, s, ls = 10_000, asyncio.Semaphore(0), []

    async def one():
        due = now() + 10_000_000
        try:
            async with asyncio.timeout(0.010):
                await s.acquire()
            raise SystemError
        except TimeoutError:
            ls.append(now() - due)

    t = now()
    await asyncio.gather(*[one() for _ in range(k)])
    return now() - t - 10_000_000, k, late(ls)


@workload
async def waiters_100k_memory():
    k, s, ready, left, end = 100_000, asyncio.Semaphore(0), 0, 100_000, 0

    async def one():
        nonlocal ready, left, end
        ready += 1
        async with asyncio.timeout(3600):
            await s.acquire()
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
    for i in range(k):
        s.release()  # scans past every waiter already woken: quadratic unless the loop runs in between
        if i % 100 == 99:
            await asyncio.sleep(0)
    await asyncio.gather(*ts)
    return end - t, k, dict(bytes_per_waiter=(r1 - r0) * 1024 / k, arm_ns=arm / k)


@workload
async def spawn():
    n = 80_000

    async def f():
        pass

    t = now()
    for _ in range(n):
        await asyncio.create_task(f())
    return now() - t, n


@workload
async def cross_thread():
    n, q, loop = 100_000, asyncio.Queue(), asyncio.get_running_loop()

    def send():
        for i in range(n):
            loop.call_soon_threadsafe(q.put_nowait, i)

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
    if PEER == "uvloop":
        import uvloop

        r = uvloop.run(f())
    else:
        r = asyncio.run(f())
    emit(PEER, w, *r)
