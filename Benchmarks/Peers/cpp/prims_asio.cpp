// Standalone asio, C++20 coroutines on one io_context, experimental::channel as every primitive
// (a semaphore is a channel of permits). asio offers no mutex, condition, event or priority queue.
extern "C" {
#include "../c/common.h"
}
#include <string>
#include <vector>
#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/channel.hpp>
#include <functional>
#include <thread>
using namespace asio::experimental::awaitable_operators;
using asio::awaitable, asio::co_spawn, asio::detached, asio::use_awaitable;
using Chan = asio::experimental::channel<void(asio::error_code, int)>;
static asio::io_context io{1};
static uint64_t t0, t_end;
static long N, got, left_;
static void done() {
    t_end = now_ns();
    io.stop();
}
static awaitable<void> put(Chan &c, int v) {
    if (!c.try_send(asio::error_code{}, v))
        co_await c.async_send({}, v, use_awaitable);
}
static awaitable<int> get(Chan &c) { co_return co_await c.async_receive(use_awaitable); }
static awaitable<void> side(Chan &i, Chan &o, bool dl) {
    asio::steady_timer t(io);
    for (long k = 0; k < N / 2; k++) {
        if (dl) {
            t.expires_after(std::chrono::seconds(1));
            auto r = co_await (get(i) || t.async_wait(use_awaitable));
            if (r.index() != 0)
                abort();
        } else
            co_await get(i);
        co_await put(o, 1);
    }
    if (!--left_)
        done();
}
static awaitable<void> lock_user(Chan &l, long n) {
    for (long k = 0; k < n; k++) {
        co_await get(l);
        co_await asio::post(io, use_awaitable);
        co_await put(l, 1);
    }
    if (!--left_)
        done();
}
static awaitable<void> lock_alone(Chan &l) {
    for (long k = 0; k < N; k++) {
        co_await get(l);
        co_await put(l, 1);
    }
    done();
}
static awaitable<void> prod(Chan &q, long n) {
    for (long k = 0; k < n; k++)
        co_await put(q, (int)k);
}
static awaitable<void> cons(Chan &q) {
    for (;;) {
        co_await get(q);
        if (++got == N) {
            done();
            co_return;
        }
    }
}
static awaitable<void> ping(Chan &o, Chan &i, bool first) {
    for (long k = 0; k < N / 2; k++) {
        if (first)
            co_await put(o, 1);
        co_await get(i);
        if (!first)
            co_await put(o, 1);
    }
    if (!--left_)
        done();
}
static awaitable<void> spawner() {
    for (long k = 0; k < N; k++)
        co_await co_spawn(io, []() -> awaitable<void> { co_return; }, use_awaitable);
    done();
}
static awaitable<void> blocked(Chan &s, long ms, int64_t *late) {
    asio::steady_timer t(io, std::chrono::milliseconds(ms));
    uint64_t due = now_ns() + ms * 1000000ull;
    ++got;
    auto r = co_await (get(s) || t.async_wait(use_awaitable));
    if (late) {
        if (r.index() != 1)
            abort();
        late[N - left_] = (int64_t)(now_ns() - due);
    } else if (r.index() != 0)
        abort();
    if (!--left_)
        done();
}
int main(int c, char **v) {
    if (c < 2)
        return 2;
    std::string w = v[1];
    Chan a(io, 1), b(io, 1), q(io, 128);
    uint64_t dt = 0;
    char extra[128];
    const char *x = nullptr;
    if (w == "lock_uncontended") {
        N = 2000000;
        a.try_send(asio::error_code{}, 1);
        co_spawn(io, lock_alone(a), detached);
    } else if (w == "lock_contended") {
        N = 500000;
        left_ = 100;
        a.try_send(asio::error_code{}, 1);
        for (int i = 0; i < 100; i++)
            co_spawn(io, lock_user(a, N / 100), detached);
    } else if (w == "semaphore_pingpong" || w == "deadline_satisfied") {
        bool dl = w[0] == 'd';
        N = dl ? 200000 : 1000000;
        left_ = 2;
        a.try_send(asio::error_code{}, 1);
        co_spawn(io, side(a, b, dl), detached);
        co_spawn(io, side(b, a, dl), detached);
    } else if (w == "queue_spsc" || w == "queue_mpmc") {
        int k = w == "queue_spsc" ? 1 : 10;
        N = 3000000;
        for (int i = 0; i < k; i++) {
            co_spawn(io, prod(q, N / k), detached);
            co_spawn(io, cons(q), detached);
        }
    } else if (w == "queue_rendezvous") {
        N = 1000000;
        left_ = 2;
        co_spawn(io, ping(a, b, true), detached);
        co_spawn(io, ping(b, a, false), detached);
    } else if (w == "spawn") {
        N = 500000;
        co_spawn(io, spawner(), detached);
    } else if (w == "cross_thread") {
        N = 1000000;
        auto g = asio::make_work_guard(io);
        t0 = now_ns();
        std::thread th([] {
            for (long i = 0; i < N; i++)
                asio::post(io, [] {
                    if (++got == N)
                        done();
                });
        });
        io.run();
        th.join();
    } else if (w == "deadline_expired" || w == "waiters_100k_memory") {
        Chan s(io, 0);
        bool e = w[0] == 'd';
        left_ = N = e ? 10000 : 100000;
        std::vector<int64_t> late(N);
        long r0 = status_kb("VmRSS:");
        t0 = now_ns();
        for (long i = 0; i < N; i++)
            co_spawn(io, blocked(s, e ? 10 : 3600000, e ? late.data() : nullptr), detached);
        if (e) {
            io.run();
            t_end -= 10000000;
            if (t_end < t0)
                t_end = t0;
            qsort(late.data(), N, sizeof(int64_t), cmp_i64);
            snprintf(extra, sizeof extra, "\"late_p50_us\":%.1f,\"late_max_us\":%.1f", late[N / 2] / 1e3,
                     late[N - 1] / 1e3);
        } else {
            while (io.poll()) {
            }
            if (got != N)
                abort();
            uint64_t t1 = now_ns();
            long r1 = status_kb("VmRSS:");
            snprintf(extra, sizeof extra, "\"bytes_per_waiter\":%.1f,\"arm_ns\":%.1f", (r1 - r0) * 1024.0 / N,
                     (double)(t1 - t0) / N);
            t0 = now_ns();
            for (long i = 0; i < N; i++)
                if (!s.try_send(asio::error_code{}, 1))
                    abort();
            io.run();
        }
        x = extra;
        dt = t_end - t0;
        emit("asio", w.c_str(), (double)dt / N, N, x);
        fflush(stdout);
        _exit(0);
    } else
        return 3;
    if (w != "cross_thread") {
        t0 = now_ns();
        io.run();
    }
    emit("asio", w.c_str(), (double)(t_end - t0) / N, N, x);
    fflush(stdout);
    _exit(0);
}
