import Glibc
import Toro
import ToroNet

// Goes through a scenario three times: before, with one call failing that Proof/Faults/faults.c has fail, and after. What the
// failure made impossible has to be told, by an error; nothing may hang or be left, and the third time all must work.

let usage = "usage: ToroFaults SCENARIO | --list\n"

func give(_ text: String, _ descriptor: Int32 = STDOUT_FILENO) {
  _ = text.withCString { Glibc.write(descriptor, $0, text.utf8.count) }
}

/// How many descriptors are open.
func descriptorCount() -> Int {
  guard let directory = opendir("/proc/self/fd") else { return -1 }
  defer { closedir(directory) }
  var count = 0
  while readdir(directory) != nil { count += 1 }
  return count
}

/// Descriptors that threads are about to close are waited for.
func settledDescriptorCount(_ wanted: Int) -> Int {
  for _ in 0..<200 where descriptorCount() != wanted { usleep(10_000) }
  return descriptorCount()
}

func fail(_ message: String) -> Never {
  give("\(message)\n", STDERR_FILENO)
  exit(1)
}

guard CommandLine.arguments.count == 2 else {
  give(usage, STDERR_FILENO)
  exit(64)
}
if CommandLine.arguments[1] == "--list" {
  for scenario in scenarios { give("\(scenario.name)\n") }
  exit(0)
}
guard let scenario = scenarios.first(where: { $0.name == CommandLine.arguments[1] }) else {
  give("ToroFaults: no scenario is called \(CommandLine.arguments[1])\n\(usage)", STDERR_FILENO)
  exit(64)
}

func run(_ moment: String) -> [String] {
  let journal = Journal()
  do { try scenario.run(journal) } catch { journal.tell(error) }
  let (told, lost) = journal.all
  if !lost.isEmpty { fail("\(moment): \(lost.joined(separator: "; "))\(told.isEmpty ? "" : " (told: \(told))")") }
  return told
}

let before = run("before")
if !before.isEmpty { fail("before: \(before)") }
let count = descriptorCount()
Faults.arm(true)
let told = run("with the fault")
Faults.arm(false)
let left = settledDescriptorCount(count)
if left != count { fail("\(left - count) descriptors are left, told: \(told)") }
let after = run("after")
if !after.isEmpty { fail("after: \(after)") }
if settledDescriptorCount(count) != count { fail("after: \(descriptorCount() - count) descriptors are left") }
give(told.isEmpty ? "went on\n" : "told: \(told.joined(separator: "; "))\n")
