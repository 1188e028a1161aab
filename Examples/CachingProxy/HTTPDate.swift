import Glibc

/// A date of HTTP, as in `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
struct HTTPDate: CustomStringConvertible {
  /// Since 1970.
  let seconds: Int

  static var now: HTTPDate { HTTPDate(seconds: time(nil)) }

  private init(seconds: Int) { self.seconds = seconds }

  init?(_ text: String) {
    let parts = text.split { " ,:".contains($0) }
    guard parts.count == 8, parts[7] == "GMT", let month = Self.months.firstIndex(of: String(parts[2])) else {
      return nil
    }
    let numbers = [1, 3, 4, 5, 6].compactMap { Int32(parts[$0]) }
    guard numbers.count == 5, numbers.allSatisfy({ (0...9999).contains($0) }) else { return nil }
    var date = tm()
    (date.tm_mday, date.tm_mon, date.tm_year) = (numbers[0], Int32(month), numbers[1] - 1900)
    (date.tm_hour, date.tm_min, date.tm_sec) = (numbers[2], numbers[3], numbers[4])
    seconds = timegm(&date)
  }

  var description: String {
    var (time, date) = (seconds, tm())
    gmtime_r(&time, &date)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][Int(date.tm_wday)]
    return "\(day), \(two(date.tm_mday)) \(Self.months[Int(date.tm_mon)]) \(date.tm_year + 1900) "
      + "\(two(date.tm_hour)):\(two(date.tm_min)):\(two(date.tm_sec)) GMT"
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
}
