import threading, trio
from common import *

PEER = "trio"
yield_now = trio.lowlevel.checkpoint


@workload
async def lock_uncontended():
    n, l = 50_000, trio.Lock()
    t = now()
    for _ in range(n):
        async with l:
            pass
    return now() - t, n


@workload
async def lock_contended():
    n, l = 30_000, trio.Lock()

    async def one():
        for _ in range(n // 100):
            async with l:
                await yield_now()

    t = now()
    async with trio.open_nursery() as s:
        for _ in range(100):
            s.start_soon(one)
    return now() - t, n


async def pingpong(n, dl):
    a, b = trio.Semaphore(1), trio.Semaphore(0)

    async def side(i, o):
        for _ in range(n // 2):
            if dl:
                with trio.fail_after(1):
                    await i.acquire()
            else:
                await i.acquire()
            o.release()

    t = now()
    async with trio.open_nursery() as s:
        s.start_soon(side, a, b)
        s.start_soon(side, b, a)
    return now() - t, n


@workload
async def semaphore_pingpong():
    return await pingpong(40_000, False)


@workload
async def deadline_satisfied():
    return await pingpong(30_000, True)


@workload
async def condition_notify():
    n, c, d = 20_000, trio.Condition(), 0

    async def notifier():
        while True:
            async with c:
                c.notify()

    async with trio.open_nursery() as s:
        t = now()
        s.start_soon(notifier)
        async with c:
            for _ in range(n):
                await c.wait()
        d = now() - t
        s.cancel_scope.cancel()
    return d, n


async def pipe(n, k):
    tx, rx = trio.open_memory_channel(128)

    async def prod(tx):
        async with tx:
            for i in range(n // k):
                await tx.send(i)

    async def cons():
        async for _ in rx:
            pass

    t = now()
    async with trio.open_nursery() as s:
        for _ in range(k):
            s.start_soon(prod, tx.clone())
            s.start_soon(cons)
        tx.close()
    return now() - t, n


@workload
async def queue_spsc():
    return await pipe(50_000, 1)


@workload
async def queue_mpmc():
    return await pipe(50_000, 10)


@workload
async def queue_rendezvous():
    n = 30_000
    t1, r1 = trio.open_memory_channel(0)
    t2, r2 = trio.open_memory_channel(0)

    async def x():
        for i in range(n // 2):
            await t1.send(i)
            await r2.receive()

    async def y():
        for i in range(n // 2):
            await t2.send(await r1.receive())

    t = now()
    async with trio.open_nursery() as s:
        s.start_soon(x)
        s.start_soon(y)
    return now() - t, n


@workload
async def event_broadcast():
    k, rounds, total = 10_000, 5, 0
    for _ in range(rounds):
        ev, ready, left, end = trio.Event(), 0, k, 0

        async def one():
            nonlocal ready, left, end
            ready += 1
            await ev.wait()
            left -= 1
            if not left:
                end = now()

        async with trio.open_nursery() as s:
            for _ in range(k):
                s.start_soon(one)
            while ready < k:
                await yield_now()
            t = now()
            ev.set()
        total += end - t
    return total, k * rounds


@workload
async def deadline_expired():
    k, s, ls = 10_000, trio.Semaphore(0), []

    async def one():
        due = now() + 10_000_000
        with trio.move_on_after(0.010):
            await s.acquire()
            raise SystemError
        ls.append(now() - due)

    t = now()
    async with trio.open_nursery() as n:
        for _ in range(k):
            n.start_soon(one)
    return now() - t - 10_000_000, k, late(ls)


@workload
async def waiters_100k_memory():
    k, s, ready, left, end = 100_000, trio.Semaphore(0), 0, 100_000, 0

    async def one():
        nonlocal ready, left, end
        ready += 1
        with trio.fail_after(3600):
            await s.acquire()
        left -= 1
        if not left:
            end = now()

    async with trio.open_nursery() as n:
        r0 = status_kb("VmRSS:")
        ta = now()
        for _ in range(k):
            n.start_soon(one)
        while ready < k:
            await yield_now()
        arm = now() - ta
        r1 = status_kb("VmRSS:")
        t = now()
        for _ in range(k):
            s.release()
    return end - t, k, dict(bytes_per_waiter=(r1 - r0) * 1024 / k, arm_ns=arm / k)


@workload
async def spawn():
    n = 20_000

    async def f():
        pass

    t = now()
    for _ in range(n):
        async with trio.open_nursery() as s:
            s.start_soon(f)
    return now() - t, n


@workload
async def cross_thread():
    n = 50_000
    tx, rx = trio.open_memory_channel(float("inf"))
    token = trio.lowlevel.current_trio_token()

    def send():
        for i in range(n):
            token.run_sync_soon(tx.send_nowait, i)

    t = now()
    th = threading.Thread(target=send)
    th.start()
    for _ in range(n):
        await rx.receive()
    d = now() - t
    th.join()
    return d, n


if __name__ == "__main__":
    w, f = pick(PEER)
    emit(PEER, w, *trio.run(f))
