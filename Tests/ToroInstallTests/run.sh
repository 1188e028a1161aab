#!/bin/bash
# Installs what `make lib` built into a scratch directory and uses it as other people's programs do, in an environment
# that has no Swift. The last line says how many passed and failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
cd "$project"
exec </dev/null
unset PREFIX LIBDIR INCLUDEDIR MANDIR DESTDIR MAKEFLAGS MFLAGS MAKEOVERRIDES

version=$(scripts/version.sh)
header=Sources/CToro/include/toro.h
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
libdir=$prefix/lib
built=$project/.build-library/lib
passed=0 failed=0

# A test is a function whose name follows; it fails with the first command of it that does.
test_that() {
  local sentence=$1 status
  shift
  (
    set -e
    cd "$project"
    "$@"
  ) >"$scratch/output" 2>&1
  status=$?
  if [ $status -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok      $sentence"
  else
    failed=$((failed + 1))
    echo "NOT OK  $sentence"
    tail -n 20 "$scratch/output" | sed 's/^/        /'
  fi
}

# Fails where the command succeeds. (`!` would not: bash ends no script for the status of what is negated.)
none() { if "$@"; then return 1; fi; }

# What a machine without Swift has: the system's compilers, and the way to the scratch installation.
plain() {
  env -i PATH=/usr/bin:/bin HOME="$scratch" LC_ALL=C.UTF-8 PKG_CONFIG_PATH="$libdir/pkgconfig" "$@"
}
with_library() { plain LD_LIBRARY_PATH="$libdir" "$@"; }
makes() { make --no-print-directory "$@"; }
works() { [ "$("$@")" = "toro $version works" ]; }
warnings="-Wall -Wextra -pedantic -Werror"

same_lines() { diff <(LC_ALL=C sort "$1") <(LC_ALL=C sort "$2"); }
needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
files_in() { (cd "$1" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort); }

# --- What is installed ---

installs_into_prefix() {
  makes install PREFIX="$prefix"
  files_in "$prefix" | grep -v '^share/man/man3/' >"$scratch/installed"
  cat >"$scratch/expected" <<END
include/toro.h
lib/cmake/Toro/ToroConfig.cmake
lib/cmake/Toro/ToroConfigVersion.cmake
lib/libtoro.a
lib/libtoro.so
lib/libtoro.so.${version%%.*}
lib/libtoro.so.$version
lib/pkgconfig/toro-static.pc
lib/pkgconfig/toro.pc
END
  same_lines "$scratch/expected" "$scratch/installed"
  cmp "$header" "$prefix/include/toro.h"
  [ "$(readlink -f "$libdir/libtoro.so")" = "$(readlink -f "$libdir/libtoro.so.$version")" ]
}

honours_directories() {
  makes install DESTDIR="$scratch/stage" PREFIX=/opt/toro LIBDIR=/opt/toro/lib/some-linux-gnu INCLUDEDIR=/srv/include \
    MANDIR=/opt/toro/man
  files_in "$scratch/stage" >"$scratch/staged"
  grep -qx opt/toro/lib/some-linux-gnu/libtoro.a "$scratch/staged"
  grep -qx srv/include/toro.h "$scratch/staged"
  grep -qx opt/toro/man/man3/toro_lock.3 "$scratch/staged"
  local pc=$scratch/stage/opt/toro/lib/some-linux-gnu/pkgconfig
  [ "$(plain PKG_CONFIG_PATH="$pc" pkg-config --variable=libdir toro)" = /opt/toro/lib/some-linux-gnu ]
  [ "$(plain PKG_CONFIG_PATH="$pc" pkg-config --variable=includedir toro)" = /srv/include ]
  none grep -rIl "$scratch" "$scratch/stage"
}

is_for_everybody() {
  (
    umask 077
    makes install PREFIX="$scratch/everybody"
  )
  chmod 755 "$scratch/everybody"
  [ -z "$(find "$scratch/everybody" ! -type l ! -perm -o+r)" ]
  [ -z "$(find "$scratch/everybody" -type d ! -perm -o+x)" ]
}

honours_odd_names() {
  local odd="$scratch/odd & my|own toro"
  makes install PREFIX="$odd" DESTDIR=
  local flags
  flags=$(plain PKG_CONFIG_PATH="$odd/lib/pkgconfig" pkg-config --cflags --libs toro)
  eval "plain gcc -std=gnu99 Tests/ToroInstallTests/consumer.c -o '$scratch/c-odd' $flags"
  works plain LD_LIBRARY_PATH="$odd/lib" "$scratch/c-odd"
  flags=$(plain PKG_CONFIG_PATH="$odd/lib/pkgconfig" pkg-config --cflags --libs toro-static)
  eval "plain gcc -std=gnu99 Tests/ToroInstallTests/consumer.c -o '$scratch/c-odd' $flags"
  works plain "$scratch/c-odd"
  makes uninstall PREFIX="$odd" DESTDIR=
  [ -z "$(files_in "$odd")" ]
  # One that is not where it will be used.
  makes install DESTDIR="$scratch/odd stage" PREFIX=/opt/toro
  [ -e "$scratch/odd stage/opt/toro/lib/pkgconfig/toro.pc" ]
  none makes install DESTDIR="$scratch/odd stage" PREFIX=opt/toro
}

uninstalls_everything() {
  local variables="DESTDIR=$scratch/gone PREFIX=/usr LIBDIR=/usr/lib/some-linux-gnu"
  makes install $variables
  touch "$scratch/gone/usr/lib/some-linux-gnu/libother.a"
  makes uninstall $variables
  [ "$(files_in "$scratch/gone")" = usr/lib/some-linux-gnu/libother.a ]
}

# --- The libraries ---

exports_the_header() {
  scripts/exported-symbols.sh "$header" >"$scratch/declared"
  nm -D --defined-only "$libdir/libtoro.so" | awk '{ print $3 }' >"$scratch/exported"
  same_lines "$scratch/declared" "$scratch/exported"
  none grep -v '^toro_' "$scratch/exported"
}

records_the_exports() {
  scripts/exported-symbols.sh "$header" | sed 's/$/@Base/' >"$scratch/declared"
  awk '/^ / { print $1 }' packaging/debian/libtoro0.symbols >"$scratch/recorded"
  same_lines "$scratch/declared" "$scratch/recorded"
}

static_is_one_object() {
  [ "$(ar t "$libdir/libtoro.a")" = toro.o ]
  scripts/exported-symbols.sh "$header" >"$scratch/declared"
  nm -g --defined-only "$libdir/libtoro.a" | awk 'NF == 3 { print $3 }' >"$scratch/global"
  same_lines "$scratch/declared" "$scratch/global"
}

needs_no_swift() {
  plain ldd "$libdir/libtoro.so" | awk '{ print $1 }' >"$scratch/ldd"
  cat "$scratch/ldd"
  grep -q '^libevent_core' "$scratch/ldd"
  none grep -vE '^(linux-vdso|libevent_core-|libstdc\+\+|libm|libgcc_s|libc|/lib.*/ld-linux).*\.so' "$scratch/ldd"
}

is_a_proper_library() {
  readelf -dW "$libdir/libtoro.so" >"$scratch/dynamic"
  cat "$scratch/dynamic"
  grep -q "(SONAME).*\[libtoro.so.${version%%.*}\]" "$scratch/dynamic"
  grep -q 'NODELETE' "$scratch/dynamic"
  none grep -E 'RPATH|RUNPATH|TEXTREL' "$scratch/dynamic"
  readelf -lW "$libdir/libtoro.so" >"$scratch/segments"
  grep -q GNU_RELRO "$scratch/segments"
  none grep -E 'GNU_STACK.*E|RWE' "$scratch/segments"
}

names_no_directory() {
  strings "$libdir/libtoro.so" "$libdir/libtoro.a" | none grep -F -e "$project" -e "$HOME/"
}

# --- C and C++ ---

header_is_clean() {
  echo '#include <toro.h>' >"$scratch/only.c"
  cp "$scratch/only.c" "$scratch/only.cpp"
  for standard in c99 c11 c17; do plain gcc -std=$standard $warnings -I"$prefix/include" -fsyntax-only "$scratch/only.c"; done
  for standard in c++11 c++17 c++20; do
    plain g++ -std=$standard $warnings -I"$prefix/include" -fsyntax-only "$scratch/only.cpp"
  done
}

c_by_pkg_config() {
  plain gcc -std=gnu99 $warnings Tests/ToroInstallTests/consumer.c -o "$scratch/c" $(plain pkg-config --cflags --libs toro)
  needed "$scratch/c" | grep -qx "libtoro.so.${version%%.*}"
  works with_library "$scratch/c"
}

cxx_by_pkg_config() {
  plain g++ -std=c++11 $warnings Tests/ToroInstallTests/consumer.cpp -o "$scratch/cxx" \
    $(plain pkg-config --cflags --libs toro)
  works with_library "$scratch/cxx"
}

readme_program() {
  awk '/^```c$/ { copying = 1; next } /^```$/ { copying = 0 } copying' README.md >"$scratch/worker.c"
  for package in toro toro-static; do
    plain gcc -Wall -Werror "$scratch/worker.c" -o "$scratch/worker" $(plain pkg-config --cflags --libs $package)
    with_library "$scratch/worker" >"$scratch/worker.output"
    [ "$(head -n 2 "$scratch/worker.output")" = "$(printf 'working on a\nworking on b')" ]
    [ "$(wc -l <"$scratch/worker.output")" = 3 ]
  done
}

guide_programs() {
  awk -v file="$scratch/guide" '/^```c$/ { number++; copying = 1; next } /^```$/ { copying = 0 } copying { print > (file number ".c") }' docs/C.md
  for number in 1 2; do
    plain gcc -Wall -Werror "$scratch/guide$number.c" -o "$scratch/guide$number" $(plain pkg-config --cflags --libs toro libevent_core)
    with_library timeout 20 "$scratch/guide$number" >"$scratch/guide$number.output"
  done
  [ "$(cat "$scratch/guide1.output")" = "$(printf 'from another thread: success\n-: timed out')" ]
  [ "$(cat "$scratch/guide2.output")" = "the event: timed out" ]
}

c_static_library() {
  plain gcc -std=gnu99 $warnings Tests/ToroInstallTests/consumer.c -o "$scratch/c-static" \
    $(plain pkg-config --cflags --libs toro-static)
  needed "$scratch/c-static" | none grep toro
  works plain "$scratch/c-static"
}

cxx_static_library() {
  for flags in "" "-O2 -Wl,--gc-sections" "-no-pie" "-fuse-ld=gold"; do
    plain g++ -std=c++11 $warnings $flags Tests/ToroInstallTests/consumer.cpp -o "$scratch/cxx-static" \
      $(plain pkg-config --cflags --libs toro-static)
    works plain "$scratch/cxx-static"
  done
}

c_static_throughout() {
  # The linker warns of the C library's own dlopen and name look-ups.
  plain gcc -std=gnu99 -static Tests/ToroInstallTests/consumer.c -o "$scratch/c-alone" \
    $(plain pkg-config --static --cflags --libs toro)
  [ -z "$(needed "$scratch/c-alone")" ]
  works plain "$scratch/c-alone"
}

# A host whose libevent is the monolithic one: its base is known to what the library calls of libevent_core.
monolithic_libevent() {
  plain gcc -std=gnu11 $warnings -Wno-pedantic -ITests/C/ToroScenarios/include Tests/C/ToroCheck/main.c \
    Tests/C/ToroScenarios/*.c -o "$scratch/monolithic" -levent -levent_pthreads -lpthread \
    $(plain pkg-config --cflags --libs toro)
  needed "$scratch/monolithic" | grep -q '^libevent-2'
  for wanted in adopt host "locks or without" "in a child"; do with_library "$scratch/monolithic" "$wanted"; done
}

# --- CMake ---

cmake_builds() {
  local linkage=$1
  plain cmake -S Tests/ToroInstallTests/cmake -B "$scratch/cmake-$linkage" -DCMAKE_PREFIX_PATH="$prefix" -DLINKAGE="$linkage"
  plain cmake --build "$scratch/cmake-$linkage" -j 2
  works plain "$scratch/cmake-$linkage/consumer-c"
  works plain "$scratch/cmake-$linkage/consumer-cxx"
}
cmake_shared() {
  cmake_builds toro
  needed "$scratch/cmake-toro/consumer-c" | grep -qx "libtoro.so.${version%%.*}"
}
cmake_static() {
  cmake_builds toro_static
  needed "$scratch/cmake-toro_static/consumer-c" | none grep toro
}

cmake_versions() {
  mkdir -p "$scratch/versions"
  cat >"$scratch/versions/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(Versions C)
foreach(wanted "" 0.1 0.1.0)
  unset(Toro_DIR CACHE)
  find_package(Toro ${wanted} QUIET CONFIG)
  if(NOT Toro_FOUND)
    message(FATAL_ERROR "not found: Toro ${wanted}")
  endif()
endforeach()
foreach(unwanted 0.0 0.1.99 0.2 1.0)
  unset(Toro_DIR CACHE)
  find_package(Toro ${unwanted} QUIET CONFIG)
  if(Toro_FOUND)
    message(FATAL_ERROR "found, and should not be: Toro ${unwanted}")
  endif()
endforeach()
END
  plain cmake -S "$scratch/versions" -B "$scratch/versions/build" -DCMAKE_PREFIX_PATH="$prefix"
}

can_be_moved() {
  cp -a "$prefix" "$scratch/moved"
  mv "$prefix" "$prefix.away"
  trap 'mv "$prefix.away" "$prefix"' EXIT
  plain gcc -std=gnu99 Tests/ToroInstallTests/consumer.c -o "$scratch/c-moved" \
    $(plain PKG_CONFIG_PATH="$scratch/moved/lib/pkgconfig" pkg-config --define-prefix --cflags --libs toro)
  works plain LD_LIBRARY_PATH="$scratch/moved/lib" "$scratch/c-moved"
  plain cmake -S Tests/ToroInstallTests/cmake -B "$scratch/cmake-moved" -DCMAKE_PREFIX_PATH="$scratch/moved" -DLINKAGE=toro
  plain cmake --build "$scratch/cmake-moved" -j 2
  works plain "$scratch/cmake-moved/consumer-c"
}

# --- Other ways in ---

python_by_ctypes() { works with_library python3 Tests/ToroInstallTests/consumer.py; }

unloads() {
  plain gcc -std=gnu99 $warnings Tests/ToroInstallTests/unload.c -o "$scratch/unload" -ldl
  plain "$scratch/unload" "$libdir/libtoro.so.${version%%.*}"
}

beside_other_swift() {
  mkdir -p "$scratch/module"
  cp "$prefix/include/toro.h" "$scratch/module/"
  echo 'module ToroLibrary { header "toro.h" }' >"$scratch/module/module.modulemap"
  for linkage in "" -static-stdlib; do
    swiftc $linkage -I "$scratch/module" Tests/ToroInstallTests/consumer.swift "$libdir/libtoro.a" -levent_core -lstdc++ -lm \
      -o "$scratch/swift-program"
    works "$scratch/swift-program"
  done
}

# A root directory with a program, the libraries that the loader says it needs, and nothing else.
in_bare_root() {
  local program=$1 root=$scratch/root
  rm -rf "$root"
  mkdir -p "$root"
  for file in "$program" $(with_library ldd "$program" | grep -oE '/[^ ]+\.so[^ ]*'); do
    install -D "$(readlink -f "$file")" "$root$file"
  done
  local enter=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
  if [ "$(id -u)" != 0 ]; then enter="/usr/bin/unshare --map-root-user $enter"; fi
  works env -i LD_LIBRARY_PATH="$libdir" $enter "$root" "$program"
}
shared_in_bare_root() { in_bare_root "$scratch/c"; }
static_in_bare_root() { in_bare_root "$scratch/c-static"; }

# --- Manual pages ---

# What stands between .EX and .EE in a page's EXAMPLES, the n-th time.
example() {
  awk -v wanted="$2" '
    /^\.SH / { inside = ($2 == "EXAMPLES") }
    !inside { next }
    /^\.EX/ { number++; copying = (number == wanted); next }
    /^\.EE/ { copying = 0 }
    copying' "$1" | sed -e 's/^\\&//' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -e 's/\\(ha/^/g' -e 's/\\(ti/~/g' -e 's/\\(ga/`/g' -e 's/\\e/\\/g'
}

functions_have_pages() {
  local names
  names=$(scripts/exported-symbols.sh "$header"; echo toro_never toro_after_ns toro_after_ms toro_at_unix_ns)
  for name in $names; do
    MANPATH=$prefix/share/man man -w 3 "$name" >/dev/null
    MANPATH=$prefix/share/man MANWIDTH=200 man 3 "$name" 2>/dev/null | col -b | grep -q "$name("
  done
  # And each is documented once.
  for page in docs/man/*.3; do scripts/man-names.sh "$page"; done | LC_ALL=C sort | uniq -d | tee "$scratch/twice"
  [ ! -s "$scratch/twice" ]
}

pages_are_complete() {
  for page in docs/man/*.3; do
    for section in NAME SYNOPSIS DESCRIPTION 'RETURN VALUE' EXAMPLES 'SEE ALSO'; do
      grep -qx "\.SH $section" "$page" || {
        echo "$page: no $section"
        false
      }
    done
    # They refer to pages that there are.
    for other in $(sed -n 's/^\.BR \(toro[a-z_]*\) (3).*/\1/p' "$page"); do [ -e "docs/man/$other.3" ]; done
    [ "$(sed -n '1s/.*"Toro \([0-9.]*\)".*/\1/p' "$page")" = "$version" ]
  done
}

pages_are_clean() {
  for page in docs/man/*.3; do
    LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null | sed "s|^|$page: |"
  done | tee "$scratch/complaints"
  [ ! -s "$scratch/complaints" ]
}

synopses_match() {
  for page in docs/man/*.3; do
    {
      echo '#include <toro.h>'
      # Types and constants are the header's; a function declared again must be declared alike.
      MANWIDTH=200 man -l "$page" 2>/dev/null | col -bx | awk '
        /^SYNOPSIS/ { inside = 1; next } /^[A-Z]/ { inside = 0 } !inside || /#/ { next }
        { text = text " " $0 }
        END {
          while (match(text, /[{};]/)) {
            mark = substr(text, RSTART, 1); part = substr(text, 1, RSTART)
            text = substr(text, RSTART + 1)
            if (mark == "{") depth++
            else if (mark == "}") depth--
            else if (depth == 0 && part ~ /toro_[a-z_]+\(/ && part !~ /typedef/) print part
          }
        }'
    } >"$scratch/synopsis.c"
    # Functions that the header defines are static there.
    sed -i -E 's/^ *toro_deadline (toro_(never|after|at)[a-z_]*\()/static inline toro_deadline \1/' "$scratch/synopsis.c"
    plain gcc -std=c99 $warnings -Wredundant-decls -Wno-error=redundant-decls -Wno-unused-function -I"$prefix/include" \
      -fsyntax-only "$scratch/synopsis.c" 2>"$scratch/redeclared" || {
      cat "$scratch/redeclared"
      false
    }
    # All that were found in the page were declared before.
    [ "$(grep -c 'redundant redeclaration' "$scratch/redeclared")" = "$(grep -c ';$' "$scratch/synopsis.c")" ]
    [ "$(grep -c ';$' "$scratch/synopsis.c")" -gt 0 ]
  done
}

examples_work() {
  for page in docs/man/*.3; do
    echo "$page"
    example "$page" 1 >"$scratch/example.c"
    example "$page" 2 >"$scratch/example.expected"
    plain gcc -std=c11 -D_DEFAULT_SOURCE $warnings "$scratch/example.c" -o "$scratch/example" \
      $(plain pkg-config --cflags --libs toro) -levent_core
    with_library timeout 30 "$scratch/example" >"$scratch/example.output"
    diff "$scratch/example.expected" "$scratch/example.output"
  done
}

test_that "make install puts the header, the libraries and what finds them below the prefix" installs_into_prefix
test_that "make install honours DESTDIR, LIBDIR, INCLUDEDIR and MANDIR" honours_directories
test_that "What root installs with a umask of 077 can be used by everybody" is_for_everybody
test_that "make install honours directories with blanks and other odd characters in their names" honours_odd_names
test_that "make uninstall removes what was installed, and nothing else" uninstalls_everything
test_that "The shared library exports what the header declares" exports_the_header
test_that "The symbols file of the Debian package lists what the header declares" records_the_exports
test_that "The static library is one object, with the same symbols global" static_is_one_object
test_that "The shared library needs libevent, libstdc++ and libc alone" needs_no_swift
test_that "The shared library has its name, stays loaded, and is protected" is_a_proper_library
test_that "The libraries name no directory of the machine they were built on" names_no_directory
test_that "The header is clean C99 and C++11" header_is_clean
test_that "A C program is built by gcc with pkg-config, and works" c_by_pkg_config
test_that "A C++ program is built by g++ with pkg-config, and works" cxx_by_pkg_config
test_that "The C program in README.md works, linked either way" readme_program
test_that "The C programs in docs/C.md work" guide_programs
test_that "A C program linked with the static library works" c_static_library
test_that "A C++ program linked with the static library works, by every linker and option" cxx_static_library
test_that "A C program that is static throughout works" c_static_throughout
test_that "A host that is linked with all of libevent runs every scenario of adopting" monolithic_libevent
test_that "A CMake project uses the shared library" cmake_shared
test_that "A CMake project uses the static library" cmake_static
test_that "CMake finds the versions that are compatible" cmake_versions
test_that "An installation that was moved is found by pkg-config and CMake" can_be_moved
test_that "Python uses the shared library with ctypes, and asyncio hosts a reactor" python_by_ctypes
test_that "The shared library can be unloaded and loaded again" unloads
test_that "The static library's Swift runtime lives beside a program's own" beside_other_swift
test_that "A program and the shared library run in a root directory that has nothing else" shared_in_bare_root
test_that "A program with the static library runs in a root directory that has nothing else" static_in_bare_root
test_that "Every function has a manual page, by its own name" functions_have_pages
test_that "Every manual page has the sections that it should" pages_are_complete
test_that "The manual pages format without a warning" pages_are_clean
test_that "The manual pages declare functions as the header does" synopses_match
test_that "The examples of the manual pages compile and print what they say" examples_work

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
