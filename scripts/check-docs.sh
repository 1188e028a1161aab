#!/bin/sh
# Builds every program in the pages of docs/Toro.docc, as a scratch package against this checkout, runs each, and compares what it prints
# with the block of text that follows it. A block that begins with the name of a file, in a comment, quotes that file: it has to be in it.
set -eu
cd "$(dirname "$0")/.."
scratch=.build/docs
rm -rf "$scratch/Sources" "$scratch/Expected"
mkdir -p "$scratch/Sources" "$scratch/Expected"

for page in docs/Toro.docc/*.md; do
  awk -v root="$scratch" -v page="$page" '
    /^```swift$/ { inside = "swift"; text = ""; line = NR; next }
    /^```text$/ { inside = "text"; text = ""; next }
    /^```$/ && inside == "swift" {
      inside = ""
      if (text ~ /^\/\/ Examples\//) {
        end = index(text, "\n")
        source = substr(text, 4, end - 4)
        whole = ""
        while ((getline quoted < source) > 0) whole = whole quoted "\n"
        close(source)
        if (index(whole, substr(text, end + 1)) == 0) {
          printf "%s:%d: not in %s\n", page, line, source > "/dev/stderr"
          exit 1
        }
        next
      }
      if (text !~ /^import /) { printf "%s:%d: not a program\n", page, line > "/dev/stderr"; exit 1 }
      number++
      base = page
      gsub(/.*\/|\.md$/, "", base)
      name = base "Page" number
      system("mkdir -p " root "/Sources/" name)
      file = root "/Sources/" name "/main.swift"
      printf "#sourceLocation(file: \"%s\", line: %d)\n%s", page, line + 1, text > file
      close(file)
      next
    }
    /^```$/ && inside == "text" {
      inside = ""
      file = root "/Expected/" name
      printf "%s", text > file
      close(file)
      next
    }
    inside { text = text $0 "\n" }
  ' "$page"
done

{
  echo '// swift-tools-version: 6.3'
  echo 'import PackageDescription'
  echo 'let products = ["Toro", "ToroNet", "ToroInspector", "CLibevent"].map { Target.Dependency.product(name: $0, package: "Toro") }'
  echo 'let package = Package('
  echo '  name: "Docs", dependencies: [.package(name: "Toro", path: "../..", traits: ["HTTP"])],'
  echo '  targets: ['
  for program in "$scratch"/Sources/*; do
    echo "    .executableTarget(name: \"$(basename "$program")\", dependencies: products),"
  done
  echo '  ], swiftLanguageModes: [.v6])'
} >"$scratch/Package.swift"

swift build --package-path "$scratch" -Xswiftc -warnings-as-errors
failed=0
for program in "$scratch"/Sources/*; do
  name=$(basename "$program")
  if ! [ -e "$scratch/Expected/$name" ]; then
    echo "$name: what does it print?" >&2
    failed=1
  elif ! timeout 60 "$scratch/.build/debug/$name" | diff -u "$scratch/Expected/$name" -; then
    echo "$name prints something else" >&2
    failed=1
  fi
done
[ $failed -eq 0 ] && echo "every program in docs/Toro.docc prints what it should"
exit $failed
