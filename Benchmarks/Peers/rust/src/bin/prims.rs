// tokio on one current_thread runtime.
use std::cell::{Cell, RefCell};
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Mutex, Notify, Semaphore};
use tokio::task::{spawn_local, yield_now};
use tokio::time::timeout;

fn status_kb(key: &str) -> f64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    let l = s.lines().find(|l| l.starts_with(key)).unwrap();
    l.split_whitespace().nth(1).unwrap().parse().unwrap()
}
struct Out {
    ns: f64,
    ops: u64,
    extra: String,
}
fn out(t: Duration, ops: u64) -> Out {
    Out {
        ns: t.as_nanos() as f64,
        ops,
        extra: String::new(),
    }
}

// The one-task workloads are spawned too: block_on's own future is woken through the driver (an eventfd
// write and an epoll_wait each time), which would be the wrong thing to measure.
// spawn (Send tasks) is what a tokio user writes; current_thread runs them on this thread.
async fn run(w: &str) -> Option<Out> {
    Some(match w {
        "lock_uncontended" => tokio::spawn(async move {
            let n = 20_000_000u64;
            let m = Mutex::new(0u64);
            let t = Instant::now();
            for _ in 0..n {
                *m.lock().await += 1;
            }
            out(t.elapsed(), n)
        })
        .await
        .unwrap(),
        "lock_contended" => {
            let n = 2_000_000u64;
            let m = Arc::new(Mutex::new(0u64));
            let mut hs = vec![];
            let t = Instant::now();
            for _ in 0..100 {
                let m = m.clone();
                hs.push(tokio::spawn(async move {
                    for _ in 0..n / 100 {
                        let mut g = m.lock().await;
                        *g += 1;
                        yield_now().await;
                    }
                }));
            }
            for h in hs {
                h.await.unwrap();
            }
            assert_eq!(*m.lock().await, n);
            out(t.elapsed(), n)
        }
        "semaphore_pingpong" | "deadline_satisfied" => {
            let n = 2_000_000u64;
            let dl = w == "deadline_satisfied";
            let s1 = Arc::new(Semaphore::new(1));
            let s2 = Arc::new(Semaphore::new(0));
            let side = move |i: Arc<Semaphore>, o: Arc<Semaphore>| async move {
                for _ in 0..n / 2 {
                    if dl {
                        timeout(Duration::from_secs(1), i.acquire())
                            .await
                            .unwrap()
                            .unwrap()
                            .forget();
                    } else {
                        i.acquire().await.unwrap().forget();
                    }
                    o.add_permits(1);
                }
            };
            let t = Instant::now();
            let a = tokio::spawn(side(s1.clone(), s2.clone()));
            let b = tokio::spawn(side(s2, s1));
            a.await.unwrap();
            b.await.unwrap();
            out(t.elapsed(), n)
        }
        "condition_notify" => {
            let n = 2_000_000u64;
            let c = Arc::new(Notify::new());
            let c2 = c.clone();
            let t = Instant::now();
            let wt = tokio::spawn(async move {
                for _ in 0..n {
                    c2.notified().await;
                }
            });
            let nt = tokio::spawn(async move {
                loop {
                    c.notify_one();
                    yield_now().await;
                }
            });
            wt.await.unwrap();
            nt.abort();
            out(t.elapsed(), n)
        }
        "queue_spsc" => {
            let n = 10_000_000u64;
            let (tx, mut rx) = mpsc::channel::<u64>(128);
            let t = Instant::now();
            let p = tokio::spawn(async move {
                for i in 0..n {
                    tx.send(i).await.unwrap();
                }
            });
            let c = tokio::spawn(async move {
                let mut s = 0;
                while let Some(v) = rx.recv().await {
                    s += v;
                }
                s
            });
            p.await.unwrap();
            assert_eq!(c.await.unwrap(), n * (n - 1) / 2);
            out(t.elapsed(), n)
        }
        "queue_rendezvous" => {
            let n = 2_000_000u64;
            let (t1, mut r1) = mpsc::channel::<u64>(1);
            let (t2, mut r2) = mpsc::channel::<u64>(1);
            let t = Instant::now();
            let a = tokio::spawn(async move {
                for i in 0..n / 2 {
                    t1.send(i).await.unwrap();
                    r2.recv().await.unwrap();
                }
            });
            let b = tokio::spawn(async move {
                for _ in 0..n / 2 {
                    let v = r1.recv().await.unwrap();
                    t2.send(v).await.unwrap();
                }
            });
            a.await.unwrap();
            b.await.unwrap();
            out(t.elapsed(), n)
        }
        "queue_mpmc" => {
            // tokio has no mpmc channel: the documented way is a shared Receiver behind a Mutex
            let n = 4_000_000u64;
            let (tx, rx) = mpsc::channel::<u64>(128);
            let rx = Arc::new(Mutex::new(rx));
            let t = Instant::now();
            let mut hs = vec![];
            for _ in 0..10 {
                let tx = tx.clone();
                hs.push(tokio::spawn(async move {
                    for i in 0..n / 10 {
                        tx.send(i).await.unwrap();
                    }
                    0u64
                }));
            }
            drop(tx);
            for _ in 0..10 {
                let rx = rx.clone();
                hs.push(tokio::spawn(async move {
                    let mut c = 0;
                    loop {
                        let v = rx.lock().await.recv().await;
                        if v.is_none() {
                            return c;
                        }
                        c += 1;
                    }
                }));
            }
            let mut c = 0;
            for h in hs {
                c += h.await.unwrap();
            }
            assert_eq!(c, n);
            out(t.elapsed(), n)
        }
        "priority_queue" => tokio::spawn(async move {
            // not offered: BinaryHeap behind tokio's Mutex, counted by a Semaphore
            let (m, rounds) = (100_000u64, 10);
            let h = Mutex::new(BinaryHeap::new());
            let s = Semaphore::new(0);
            let mut x = 88172645463325252u64;
            let t = Instant::now();
            for _ in 0..rounds {
                for i in 0..m {
                    x ^= x << 13;
                    x ^= x >> 7;
                    x ^= x << 17;
                    h.lock().await.push((x as u32, i));
                    s.add_permits(1);
                }
                for _ in 0..m {
                    s.acquire().await.unwrap().forget();
                    h.lock().await.pop().unwrap();
                }
            }
            out(t.elapsed(), m * rounds)
        })
        .await
        .unwrap(),
        "event_broadcast" => {
            let (k, rounds) = (10_000u64, 50);
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                let ev = Rc::new(Notify::new());
                let left = Rc::new(Cell::new(k));
                let ready = Rc::new(Cell::new(0u64));
                let end = Rc::new(Cell::new(Instant::now()));
                let mut hs = Vec::with_capacity(k as usize);
                for _ in 0..k {
                    let (ev, left, ready, end) = (ev.clone(), left.clone(), ready.clone(), end.clone());
                    hs.push(spawn_local(async move {
                        ready.set(ready.get() + 1);
                        ev.notified().await;
                        left.set(left.get() - 1);
                        if left.get() == 0 {
                            end.set(Instant::now());
                        }
                    }));
                }
                while ready.get() < k {
                    yield_now().await;
                }
                let t = Instant::now();
                ev.notify_waiters();
                for h in hs {
                    h.await.unwrap();
                }
                total += end.get() - t;
            }
            out(total, k * rounds)
        }
        "deadline_expired" => {
            let k = 10_000usize;
            let d = Duration::from_millis(10);
            let s = Arc::new(Semaphore::new(0));
            let late = Rc::new(RefCell::new(Vec::with_capacity(k)));
            let mut hs = Vec::with_capacity(k);
            let t = Instant::now();
            for _ in 0..k {
                let (s, late) = (s.clone(), late.clone());
                hs.push(spawn_local(async move {
                    let due = Instant::now() + d;
                    assert!(timeout(d, s.acquire()).await.is_err());
                    late.borrow_mut().push((Instant::now() - due).as_nanos() as f64 / 1e3);
                }));
            }
            for h in hs {
                h.await.unwrap();
            }
            let e = t.elapsed().saturating_sub(d);
            let mut l = late.borrow_mut();
            l.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let mut o = out(e, k as u64);
            o.extra = format!(",\"late_p50_us\":{:.1},\"late_max_us\":{:.1}", l[k / 2], l[k - 1]);
            o
        }
        "waiters_100k_memory" => {
            let k = 100_000u64;
            let s = Arc::new(Semaphore::new(0));
            let ready = Rc::new(Cell::new(0u64));
            let left = Rc::new(Cell::new(k));
            let end = Rc::new(Cell::new(Instant::now()));
            let d = Duration::from_secs(3600);
            let mut hs = Vec::with_capacity(k as usize);
            let r0 = status_kb("VmRSS:");
            let ta = Instant::now();
            for _ in 0..k {
                let (s, ready, left, end) = (s.clone(), ready.clone(), left.clone(), end.clone());
                hs.push(spawn_local(async move {
                    ready.set(ready.get() + 1);
                    timeout(d, s.acquire()).await.unwrap().unwrap().forget();
                    left.set(left.get() - 1);
                    if left.get() == 0 {
                        end.set(Instant::now());
                    }
                }));
            }
            while ready.get() < k {
                yield_now().await;
            }
            let arm = ta.elapsed();
            let r1 = status_kb("VmRSS:");
            let t = Instant::now();
            s.add_permits(k as usize);
            for h in hs {
                h.await.unwrap();
            }
            let mut o = out(end.get() - t, k);
            o.extra = format!(
                ",\"bytes_per_waiter\":{:.1},\"arm_ns\":{:.1}",
                (r1 - r0) * 1024.0 / k as f64,
                arm.as_nanos() as f64 / k as f64
            );
            o
        }
        "spawn" => tokio::spawn(async move {
            let n = 3_000_000u64;
            let t = Instant::now();
            for i in 0..n {
                assert_eq!(tokio::spawn(async move { i }).await.unwrap(), i);
            }
            out(t.elapsed(), n)
        })
        .await
        .unwrap(),
        "cross_thread" => tokio::spawn(async move {
            let n = 3_000_000u64;
            let (tx, mut rx) = mpsc::unbounded_channel::<u64>();
            let t = Instant::now();
            let th = std::thread::spawn(move || {
                for i in 0..n {
                    tx.send(i).unwrap();
                }
            });
            let mut s = 0;
            while let Some(v) = rx.recv().await {
                s += v;
            }
            assert_eq!(s, n * (n - 1) / 2);
            let o = out(t.elapsed(), n);
            th.join().unwrap();
            o
        })
        .await
        .unwrap(),
        _ => return None,
    })
}
fn main() {
    let w = std::env::args().nth(1).expect("workload");
    let rt = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    // Workloads that share plain counters use the LocalSet; the rest spawn on the runtime itself.
    let needs_local = ["event_broadcast", "deadline_expired", "waiters_100k_memory"].contains(&w.as_str());
    let o = if needs_local {
        local.block_on(&rt, run(&w))
    } else {
        rt.block_on(run(&w))
    };
    let Some(o) = o else { std::process::exit(3) };
    println!(
        "{{\"peer\":\"tokio\",\"workload\":\"{}\",\"ns_per_op\":{:.2},\"ops\":{},\"peak_rss_kb\":{}{}}}",
        w,
        o.ns / o.ops as f64,
        o.ops,
        status_kb("VmHWM:"),
        o.extra
    );
}
