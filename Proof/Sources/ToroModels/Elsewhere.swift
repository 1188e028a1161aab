import Glibc

/// Another thread, which does one thing at a time while this one stands still: what it does is where the program has it.
final class Elsewhere: @unchecked Sendable {
  private let asked = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private var body: () -> Void = {}

  init() {
    sem_init(asked, 0, 0)
    sem_init(done, 0, 0)
    var thread = pthread_t()
    // The thread, and what it waits for, stay as long as the process.
    let error = pthread_create(
      &thread, nil,
      { argument in
        let elsewhere = Unmanaged<Elsewhere>.fromOpaque(argument.unsafelyUnwrapped).takeRetainedValue()
        while true {
          while sem_wait(elsewhere.asked) != 0 {}
          elsewhere.body()
          elsewhere.body = {}
          sem_post(elsewhere.done)
        }
      }, Unmanaged.passRetained(self).toOpaque())
    precondition(error == 0, "pthread_create: \(error)")
    pthread_detach(thread)
  }

  func run(_ body: @escaping () -> Void) {
    self.body = body
    sem_post(asked)
    while sem_wait(done) != 0 {}
  }
}
