/// What is taken out from under a lock, by one thread for itself.
struct Moved<Content>: @unchecked Sendable {
  let content: Content
  init(_ content: Content) { self.content = content }
}
