#!/bin/sh
# Compiles every block of Swift in README.md, as a scratch package against this checkout. A block that imports something
# is a program; any other is the body of an async function that has `reactor` and may throw. Blocks that begin with
# "// Package.swift" are left out.
set -eu
cd "$(dirname "$0")/.."
scratch=.build/readme
rm -rf "$scratch/Sources"
mkdir -p "$scratch/Sources/Fragments"

awk -v root="$scratch/Sources" '
  /^```swift$/ { inside = 1; text = ""; isProgram = 0; line = NR; next }
  /^```$/ && inside {
    inside = 0
    if (text ~ /^\/\/ Package\.swift/) next
    number++
    if (isProgram) {
      name = "Program" number
      system("mkdir -p " root "/" name)
      file = root "/" name "/main.swift"
      printf "#sourceLocation(file: \"README.md\", line: %d)\n%s", line + 1, text > file
    } else {
      file = root "/Fragments/Fragment" number ".swift"
      printf "import Toro\nimport class Toro.Semaphore\n\nfunc fragment%d(reactor: Reactor) async throws {\n#sourceLocation(file: \"README.md\", line: %d)\n%s}\n", number, line + 1, text > file
    }
    close(file)
    next
  }
  inside && /^import / { isProgram = 1 }
  inside { text = text $0 "\n" }
' README.md

{
  echo '// swift-tools-version: 6.2'
  echo 'import PackageDescription'
  echo 'let toro = Target.Dependency.product(name: "Toro", package: "Toro")'
  echo 'let package = Package('
  echo '  name: "Readme", dependencies: [.package(name: "Toro", path: "../..")],'
  echo '  targets: ['
  echo '    .target(name: "Fragments", dependencies: [toro]),'
  for program in "$scratch"/Sources/Program*; do
    echo "    .executableTarget(name: \"$(basename "$program")\", dependencies: [toro]),"
  done
  echo '  ], swiftLanguageModes: [.v6])'
} >"$scratch/Package.swift"

swift build --package-path "$scratch" -Xswiftc -warnings-as-errors
