import Synchronization
import Toro

/// Tells listeners that are out of descriptors when a socket of this library has given one back. From any thread.
enum DescriptorShortage {
  /// Whether anybody waits: looked at by every close.
  private static let count = Atomic<Int>(0)
  private static let waiting = Locked<[ObjectIdentifier: Event]>([:])

  static func add(_ event: Event) {
    waiting.withLock { $0[ObjectIdentifier(event)] = event }
    count.add(1, ordering: .sequentiallyConsistent)
  }

  static func remove(_ event: Event) {
    waiting.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(event)) }
    count.subtract(1, ordering: .sequentiallyConsistent)
  }

  static func descriptorClosed() {
    if count.load(ordering: .sequentiallyConsistent) == 0 { return }
    let events = waiting.withLock { Array($0.values) }
    for event in events { event.set() }
  }
}
