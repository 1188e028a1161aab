import Glibc

/// The line "Date: Sun, 06 Nov 1994 08:49:37 GMT", made anew when the second has changed (RFC 9110, 5.6.7).
package struct DateField {
  private var second = Int64.min
  private var line: [UInt8] = []

  mutating func line(at unixSeconds: Int64) -> [UInt8] {
    if unixSeconds != second {
      second = unixSeconds
      line = Array("Date: \(Self.text(unixSeconds))\r\n".utf8)
    }
    return line
  }

  package static func text(_ unixSeconds: Int64) -> String {
    var seconds = time_t(unixSeconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][Int(parts.tm_wday)]
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][Int(parts.tm_mon)]
    let year = String(parts.tm_year + 1900)
    let time = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    return "\(day), \(two(parts.tm_mday)) \(month) \(String(repeating: "0", count: 4 - year.count))\(year) \(time) GMT"
  }
}
