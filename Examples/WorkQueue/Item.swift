/// Lowest priority first, then oldest first, also if it comes back.
struct Item: Comparable {
  let priority: Int, number: Int, text: String

  static func < (a: Item, b: Item) -> Bool { (a.priority, a.number) < (b.priority, b.number) }
}
