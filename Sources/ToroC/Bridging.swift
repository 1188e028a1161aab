import Toro

extension Reactor {
  /// The reactor behind a `toro_reactor *`, for Swift code in a C program: what C and Swift make of it share its thread.
  ///
  ///     @c func app_start_job(_ reactor: OpaquePointer) {
  ///       Reactor.behind(reactor).spawn { try await job() }
  ///     }
  ///
  /// - Parameter handle: A `toro_reactor *` that has not been freed. It stays the caller's.
  public static func behind(_ handle: OpaquePointer) -> Reactor {
    Unmanaged<Reactor>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
  }

  /// The reactor as a `toro_reactor *`, for C functions that take one. It is not to be freed, and lives as long as the
  /// reactor.
  public var handle: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }
}
