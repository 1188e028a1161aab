// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CToro
import Toro

private typealias Core = QueueCore<ForeignStorage>

// A size_t is an Int here: those above Int.max, TORO_UNBOUNDED among them, are negative.

@c @implementation
public func toro_queue_new(
  _ reactor: OpaquePointer?, _ order: Int32, _ capacity: Int, _ compare: toro_compare_fn?,
  _ argument: UnsafeMutableRawPointer?, _ flags: UInt32
) -> OpaquePointer? {
  let chosen: ForeignStorage.Order? =
    switch (UInt32(bitPattern: order), compare) {
    case (TORO_FIFO.rawValue, nil): .fifo
    case (TORO_LIFO.rawValue, nil): .lifo
    case (TORO_PRIORITY.rawValue, let compare?): .priority(compare, argument)
    default: nil
    }
  return make(on: reactor, flags: flags, ifValid: chosen != nil) { reactor, deferred in
    let core = Core(
      capacity: capacity < 0 ? nil : capacity, initial: EmptyCollection(), name: nil, on: reactor, deferred: deferred)
    core.storage = ForeignStorage(chosen.unsafelyUnwrapped)
    return core
  }
}

@c @implementation
public func toro_queue_free(_ queue: OpaquePointer?) { free(queue, as: Core.self) }

@c @implementation
public func toro_queue_set_name(_ queue: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int32 {
  setName(queue, as: Core.self, name)
}

// MARK: Putting and getting

@c @implementation
public func toro_queue_put(
  _ queue: OpaquePointer?, _ item: UnsafeMutableRawPointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?,
  _ argument: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(queue, as: Core.self, deadline, function != nil, id) { core, reactor in
    core.put(
      ForeignPointer(item), until: deadline.due(on: reactor), telling: address(function), argument, id: id)
  }
}

@c @implementation
public func toro_queue_get(
  _ queue: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_item_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(queue, as: Core.self, deadline, function != nil, id) { core, reactor in
    core.get(until: deadline.due(on: reactor), telling: address(function), argument, id: id)
  }
}

@c @implementation
public func toro_queue_try_put(_ queue: OpaquePointer?, _ item: UnsafeMutableRawPointer?) -> Int32 {
  call(queue, as: Core.self) { core, reactor in
    if core.isClosed { return Status.closed }
    guard core.putNow(ForeignPointer(item)) else { return Status.wouldBlock }
    reactor.settle()
    return Status.ok
  }
}

@c @implementation
public func toro_queue_try_get(
  _ queue: OpaquePointer?, _ item: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
  call(queue, as: Core.self, ifValid: { _ in item != nil }) { core, reactor in
    guard let (taken, letIn) = core.takeNow() else { return core.isClosed ? Status.closed : Status.wouldBlock }
    item?.pointee = taken.address
    core.finishTake(letIn)
    reactor.settle()
    return Status.ok
  }
}

// MARK: Capacity and closing

@c @implementation
public func toro_queue_set_capacity(_ queue: OpaquePointer?, _ capacity: Int) -> Int32 {
  call(queue, as: Core.self) { core, _ in
    do throws(CapacityError) {
      try core.setCapacity(capacity < 0 ? nil : capacity)
      return Status.ok
    } catch {
      return Status.busy
    }
  }
}

@c @implementation
public func toro_queue_close(_ queue: OpaquePointer?) -> Int32 {
  call(queue, as: Core.self) { core, _ in
    core.close()
    return Status.ok
  }
}

// MARK: Joining

@c @implementation
public func toro_queue_task_done(_ queue: OpaquePointer?) -> Int32 {
  call(queue, as: Core.self) { core, _ in
    guard core.unfinished > 0 else { return Status.overReleased }
    core.taskDone()
    return Status.ok
  }
}

@c @implementation
public func toro_queue_join(
  _ queue: OpaquePointer?, _ deadline: toro_deadline, _ function: toro_wait_fn?, _ argument: UnsafeMutableRawPointer?,
  _ id: UnsafeMutablePointer<UInt64>?
) -> Int32 {
  wait(queue, as: Core.self, .join, deadline, function, argument, id)
}

// MARK: Looking

@c @implementation
public func toro_queue_count(_ queue: OpaquePointer?) -> Int {
  look(queue, as: Core.self, elsewhere: 0) { $0.storage.count }
}

@c @implementation
public func toro_queue_capacity(_ queue: OpaquePointer?) -> Int {
  look(queue, as: Core.self, elsewhere: 0) { $0.capacity == .max ? -1 : $0.capacity }
}

@c @implementation
public func toro_queue_full(_ queue: OpaquePointer?) -> Bool {
  look(queue, as: Core.self, elsewhere: false) { $0.storage.count >= $0.capacity }
}

@c @implementation
public func toro_queue_is_closed(_ queue: OpaquePointer?) -> Bool {
  look(queue, as: Core.self, elsewhere: false) { $0.isClosed }
}

@c @implementation
public func toro_queue_getters(_ queue: OpaquePointer?) -> Int {
  look(queue, as: Core.self, elsewhere: 0) { $0.waiters.count }
}

@c @implementation
public func toro_queue_putters(_ queue: OpaquePointer?) -> Int {
  look(queue, as: Core.self, elsewhere: 0) { $0.putters.count }
}

@c @implementation
public func toro_queue_unfinished(_ queue: OpaquePointer?) -> Int {
  look(queue, as: Core.self, elsewhere: 0) { $0.unfinished }
}
