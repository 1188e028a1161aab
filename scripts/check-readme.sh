#!/bin/sh
# Compiles every block of Swift in README.md and the guides in docs, as a scratch package against this checkout. A block that imports Testing is
# a test, which is run; one that imports something else is a program; any other is the body of an async function that has
# `reactor` and may throw. Blocks that begin with "// Package.swift" are left out.
set -eu
cd "$(dirname "$0")/.."
scratch=.build/readme
rm -rf "$scratch/Sources" "$scratch/Tests"
mkdir -p "$scratch/Sources/Fragments" "$scratch/Tests/ReadmeTests"

awk -v root="$scratch" '
  /^```swift$/ { inside = 1; text = ""; isProgram = 0; isTest = 0; line = FNR; next }
  /^```$/ && inside {
    inside = 0
    if (text ~ /^\/\/ Package\.swift/) next
    number++
    if (isTest) {
      file = root "/Tests/ReadmeTests/Test" number ".swift"
      printf "#sourceLocation(file: \"%s\", line: %d)\n%s", FILENAME, line + 1, text > file
    } else if (isProgram) {
      name = "Program" number
      system("mkdir -p " root "/Sources/" name)
      file = root "/Sources/" name "/main.swift"
      printf "#sourceLocation(file: \"%s\", line: %d)\n%s", FILENAME, line + 1, text > file
    } else {
      file = root "/Sources/Fragments/Fragment" number ".swift"
      printf "import Toro\nimport class Toro.Semaphore\n\nfunc fragment%d(reactor: Reactor) async throws {\n#sourceLocation(file: \"%s\", line: %d)\n%s}\n", number, FILENAME, line + 1, text > file
    }
    close(file)
    next
  }
  inside && /^import / { isProgram = 1 }
  inside && /^import Testing$/ { isTest = 1 }
  inside { text = text $0 "\n" }
' README.md docs/Guide.md docs/Networking.md docs/HTTP.md docs/C.md

{
  echo '// swift-tools-version: 6.3'
  echo 'import PackageDescription'
  echo 'let products = ["Toro", "ToroNet", "ToroHTTP", "ToroInspector", "CLibevent"].map { Target.Dependency.product(name: $0, package: "Toro") }'
  echo 'let package = Package('
  echo '  name: "Readme", dependencies: [.package(name: "Toro", path: "../..", traits: ["TLS", "HTTP"])],'
  echo '  targets: ['
  echo '    .target(name: "Fragments", dependencies: products),'
  for program in "$scratch"/Sources/Program*; do
    echo "    .executableTarget(name: \"$(basename "$program")\", dependencies: products),"
  done
  echo '    .testTarget(name: "ReadmeTests", dependencies: products),'
  echo '  ], swiftLanguageModes: [.v6])'
} >"$scratch/Package.swift"

swift build --build-tests --package-path "$scratch" -Xswiftc -warnings-as-errors
swift test --skip-build --package-path "$scratch" -Xswiftc -warnings-as-errors
