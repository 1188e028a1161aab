"""What a Python program does with the shared library: by ctypes, with callbacks, deadlines and a host loop of its own."""
import asyncio
import ctypes
import sys
import threading

toro = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libtoro.so.0")
OK, TIMED_OUT, CANCELLED = 0, 1, 2

class Deadline(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int32), ("nanoseconds", ctypes.c_int64)]

NEVER = Deadline(0, 0)
def after(seconds):
    return Deadline(1, round(seconds * 1e9))

Function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
WaitFunction = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)
ItemFunction = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
Handle, Identity = ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64)

for name, result, arguments in [
    ("version", ctypes.c_char_p, []),
    ("reactor_new", Handle, []),
    ("reactor_free", None, [Handle]),
    ("reactor_run", ctypes.c_int, [Handle]),
    ("reactor_run_once", ctypes.c_int, [Handle, ctypes.c_bool]),
    ("reactor_execute", ctypes.c_int, [Handle, Function, ctypes.c_void_p]),
    ("reactor_fd", ctypes.c_int, [Handle]),
    ("reactor_hold", ctypes.c_int, [Handle]),
    ("reactor_unhold", ctypes.c_int, [Handle]),
    ("reactor_next_deadline_ns", ctypes.c_int64, [Handle]),
    ("cancel", ctypes.c_int, [Handle, ctypes.c_uint64]),
    ("event_new", Handle, [Handle, ctypes.c_uint]),
    ("event_free", None, [Handle]),
    ("event_set", ctypes.c_int, [Handle]),
    ("event_wait", ctypes.c_int, [Handle, Deadline, WaitFunction, ctypes.c_void_p, Identity]),
    ("queue_new", Handle, [Handle, ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]),
    ("queue_free", None, [Handle]),
    ("queue_try_put", ctypes.c_int, [Handle, ctypes.c_void_p]),
    ("queue_get", ctypes.c_int, [Handle, Deadline, ItemFunction, ctypes.c_void_p, Identity]),
]:
    function = getattr(toro, "toro_" + name)
    function.restype, function.argtypes = result, arguments

failures = 0
def expect(holds, what):
    global failures
    if not holds:
        failures += 1
        print("not so:", what, file=sys.stderr)

# Callbacks and deadlines on the reactor's own loop, woken from another thread.
told = []
reactor = toro.toro_reactor_new()
event = toro.toro_event_new(reactor, 0)
queue = toro.toro_queue_new(reactor, 0, 8, None, None, 0)
wait = WaitFunction(lambda status, argument: told.append(("event", status)))
get = ItemFunction(lambda status, item, argument: told.append(("item", status, item)))
identity = ctypes.c_uint64()
expect(toro.toro_event_wait(event, after(0.005), wait, None, None) == OK, "a wait with a deadline is accepted")
expect(toro.toro_event_wait(event, NEVER, wait, None, ctypes.byref(identity)) == OK, "so is one without")
expect(toro.toro_cancel(reactor, identity.value) == OK, "which can be cancelled")
expect(toro.toro_queue_get(queue, NEVER, get, None, None) == OK, "a get is accepted")
put = Function(lambda argument: toro.toro_queue_try_put(queue, 42))
toro.toro_reactor_hold(reactor)
def elsewhere():
    toro.toro_reactor_execute(reactor, put, None)
    toro.toro_reactor_unhold(reactor)
thread = threading.Thread(target=elsewhere)
thread.start()
expect(toro.toro_reactor_run(reactor) == OK, "the loop ends when nothing is left")
thread.join()
expect(told[0] == ("event", CANCELLED) and sorted(told[1:]) == [("event", TIMED_OUT), ("item", OK, 42)], told)
toro.toro_queue_free(queue)
toro.toro_event_free(event)
toro.toro_reactor_free(reactor)

# The same hosted by asyncio: its loop polls the reactor's descriptor and keeps its deadlines.
async def hosted():
    loop = asyncio.get_running_loop()
    reactor = toro.toro_reactor_new()
    event = toro.toro_event_new(reactor, 0)
    ended = loop.create_future()
    wait = WaitFunction(lambda status, argument: ended.set_result(status))
    timer = None
    def turn():
        nonlocal timer
        toro.toro_reactor_run_once(reactor, False)
        if timer:
            timer.cancel()
        due = toro.toro_reactor_next_deadline_ns(reactor)
        timer = loop.call_later(due / 1e9, turn) if due >= 0 else None
    loop.add_reader(toro.toro_reactor_fd(reactor), turn)
    toro.toro_event_wait(event, after(0.005), wait, None, None)
    turn()
    status = await asyncio.wait_for(ended, 10)
    loop.remove_reader(toro.toro_reactor_fd(reactor))
    toro.toro_event_free(event)
    toro.toro_reactor_free(reactor)
    return status

expect(asyncio.run(hosted()) == TIMED_OUT, "asyncio hosts a reactor")
print("toro", toro.toro_version().decode(), "works" if failures == 0 else "does not work")
sys.exit(failures)
