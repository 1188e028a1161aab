#!/bin/sh
# Builds the C library with the Swift runtime inside: libtoro.a, which is one object whose only global symbols are those of
# toro.h, and the shared library made of it. Neither needs Swift where it is used.
#   scripts/build-library.sh DIRECTORY
set -eu
cd "$(dirname "$0")/.."
out=$1
header=Sources/CToro/include/toro.h
# The targets whose objects make up the library: ToroC and what it depends on.
targets="ToroC ToroInspector ToroHTTP ToroNet Toro CToro CToroShims"

fail() {
  echo "build-library: $*" >&2
  exit 1
}

version=$(scripts/version.sh)
major=${version%%.*}
mkdir -p "$out"
exports=$out/exports
scripts/exported-symbols.sh "$header" >"$exports"
[ -s "$exports" ] || fail "$header declares nothing"

swift_build() {
  swift build -c release --scratch-path .build-library --static-swift-stdlib "$@"
}
objects_directory=$(swift_build --show-bin-path)
# Sources that are gone leave their objects behind.
for target in $targets; do
  if [ -d "$objects_directory/$target.build" ]; then
    find "$objects_directory/$target.build" -name '*.o' -exec rm {} +
  fi
done
swift_build --target ToroC
objects=$(for target in $targets; do find "$objects_directory/$target.build" -name '*.o' | LC_ALL=C sort; done)

# Where the static runtime is, and which of its archives these objects and every Swift program ask for.
runtime=$(swiftc -static-stdlib -print-target-info | sed -n '/"runtimeLibraryImportPaths"/,/\]/s/^ *"\(\/.*\)",*$/\1/p')
startup=$(find $runtime -maxdepth 1 -name swiftrt.o | head -n 1)
[ -n "$startup" ] || fail "the toolchain has no static Swift runtime"
archives_directory=$(echo "$runtime" | head -n 1)
swift-autolink-extract $objects -o "$out/autolink"
archives=
for flag in $(cat "$out/autolink" "$archives_directory/static-stdlib-args.lnk" | LC_ALL=C sort -u); do
  archive=$archives_directory/lib${flag#-l}.a
  [ ! -e "$archive" ] || archives="$archives $archive"
done

# One object: everything that toro_* reaches, merged. Groups are dissolved, so that a linker does not drop one of them in
# favour of a C++ program's own instance, whose symbols the rest could no longer see.
roots=$(sed 's/^/--undefined=/' "$exports")
ld.bfd -r --gc-sections --force-group-allocation --strip-debug -T packaging/libtoro.lds -o "$out/merged.o" \
  $roots $objects "$startup" --start-group $archives --end-group
objcopy --strip-unneeded --keep-global-symbols="$exports" "$out/merged.o" "$out/toro.o"

# It stays loaded once it is (nodelete): the runtime has threads and registrations that cannot be undone.
shared=$out/libtoro.so.$version
{
  echo "{ global:"
  sed 's/$/;/' "$exports"
  echo "local: *; };"
} >"$out/libtoro.map"
"${CC:-cc}" -shared ${LDFLAGS:-} -o "$shared" "$out/toro.o" \
  -Wl,-soname,"libtoro.so.$major" -Wl,--version-script="$out/libtoro.map" -Wl,--no-undefined-version -Wl,-z,defs \
  -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,--build-id -Wl,--strip-all -levent_core -lstdc++ -lm
nm -D --defined-only "$shared" | awk '{ print $3 }' | LC_ALL=C sort | cmp -s - "$exports" ||
  fail "$shared does not export exactly what $header declares"

rm -f "$out/libtoro.a"
ar rcsD "$out/libtoro.a" "$out/toro.o"
rm -f "$out/merged.o" "$out/toro.o"
