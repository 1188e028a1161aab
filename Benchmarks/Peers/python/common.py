import sys, time

now = time.perf_counter_ns
WORKLOADS = {}


def workload(f):
    WORKLOADS[f.__name__] = f
    return f


def status_kb(key):
    with open("/proc/self/status") as f:
        for l in f:
            if l.startswith(key):
                return int(l.split()[1])


def late(samples):
    s = sorted(samples)
    return dict(late_p50_us=round(s[len(s) // 2] / 1e3, 1), late_max_us=round(s[-1] / 1e3, 1))


def emit(peer, w, ns, ops, extra=None):
    import json

    r = dict(peer=peer, workload=w, ns_per_op=round(ns / ops, 2), ops=ops, peak_rss_kb=status_kb("VmHWM:"))
    r.update(extra or {})
    print(json.dumps(r), flush=True)


def pick(peer):
    w = sys.argv[1]
    if w not in WORKLOADS:
        sys.exit(3)
    return w, WORKLOADS[w]
