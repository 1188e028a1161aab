import Synchronization
import Toro

/// Tells listeners that are out of descriptors when a socket of this library has given one back. From any thread.
enum DescriptorShortage {
  /// Whether anybody waits: looked at by every close.
  private static let count = Atomic<Int>(0)
  /// Those of a parent process are its own: their reactors are not to be touched in a child.
  private static let shared = PerProcess { Locked<[ObjectIdentifier: Event]>([:]) }

  static func add(_ event: Event) {
    shared.content.withLock { $0[ObjectIdentifier(event)] = event }
    count.add(1, ordering: .sequentiallyConsistent)
  }

  static func remove(_ event: Event) {
    shared.content.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(event)) }
    count.subtract(1, ordering: .sequentiallyConsistent)
  }

  static func descriptorClosed() {
    if count.load(ordering: .sequentiallyConsistent) == 0 { return }
    let events = shared.content.withLock { Array($0.values) }
    for event in events { event.set() }
  }
}
