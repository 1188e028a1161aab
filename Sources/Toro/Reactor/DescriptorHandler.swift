import CToroShims

/// What is done when a descriptor's event fires, in place of the task that waits for it. (A function and its argument: it is called
/// for each small message, and no reference is counted for it.)
///
/// Nothing of the user's may run in it. It returns whether the wait goes on, to the next event.
package typealias DescriptorHandler = @convention(c) (_ argument: UnsafeMutableRawPointer) -> Bool

/// The memory that a handler looks at beside its argument. Among a thousand connections none of it is in the processor's nearest
/// caches: asked for at once, one wait for it is enough, where each object is found by way of another else.
package struct DescriptorHandlerMemory {
  private let objects: (UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer)

  package init(_ a: AnyObject, _ b: AnyObject, _ c: AnyObject, _ d: AnyObject) {
    func place(_ object: AnyObject) -> UnsafeRawPointer { .init(Unmanaged.passUnretained(object).toOpaque()) }
    objects = (place(a), place(b), place(c), place(d))
  }

  @inline(__always)
  func fetch() {
    toro_fetch_ahead(objects.0, 128)
    toro_fetch_ahead(objects.1, 128)
    toro_fetch_ahead(objects.2, 128)
    toro_fetch_ahead(objects.3, 128)
  }
}
