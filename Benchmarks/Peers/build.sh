#!/bin/bash
# Installs what the peers need, and builds them. A peer that cannot be built is told of, and left out of the comparison.
#   build.sh DIRECTORY
set -euo pipefail
peers=$(cd "$(dirname "$0")" && pwd)
scripts=$peers/../../scripts
mkdir -p "$1/bin"
build=$(cd "$1" && pwd)
jobs=${JOBS:-$(nproc)}

"$scripts/need.sh" commands gcc:gcc g++:g++ pkg-config:pkg-config go:golang-go cargo:cargo node:nodejs wrk:wrk python3:python3
missing=
for package in libevent-dev libuv1-dev libasio-dev librust-tokio-dev librust-hyper-dev python3-venv; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] || "$scripts/install-packages.sh" $missing

failed=
# Runs a function, quietly where it succeeds.
attempt() {
  echo "building: $1"
  if ! (cd "$peers" && set -e && "build_$1") >"$build/$1.log" 2>&1; then
    tail -n 20 "$build/$1.log" >&2
    failed="$failed $1"
  fi
}

flags="-O2 -Wall -Wextra"
build_libevent() {
  gcc $flags -o "$build/bin/prims-libevent" c/prims.c -levent_core -levent_pthreads -lpthread || return
  gcc $flags -o "$build/bin/echo-libevent" c/echo_libevent.c -levent || return
  gcc $flags -o "$build/bin/hello-evhttp" c/hello_evhttp.c -levent
}
build_libuv() {
  gcc $flags -DUSE_UV -o "$build/bin/prims-libuv" c/prims.c -luv -lpthread || return
  gcc $flags -o "$build/bin/echo-libuv" c/echo_libuv.c -luv
}
build_load() { gcc $flags -o "$build/bin/echo-load" c/echo_load.c; }
build_asio() { g++ -std=c++20 $flags -o "$build/bin/prims-asio" cpp/prims_asio.cpp -lpthread; }
build_go() {
  for program in prims echo hello; do
    (cd go && GOCACHE=$build/go-cache go build -o "$build/bin/go-$program" "./$program") || return
  done
}
# With Debian's crates, offline. The sources are copied, since cargo writes its lock file beside them.
build_rust() {
  mkdir -p "$build/rust/.cargo" && cp -r rust/. "$build/rust/" || return
  printf '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "/usr/share/cargo/registry"\n' \
    >"$build/rust/.cargo/config.toml"
  (cd "$build/rust" && cargo build --release --offline --jobs "$jobs")
}
build_swift() { swift build -c release --package-path swift --scratch-path "$build/swift" --jobs "$jobs"; }
build_hummingbird() {
  swift build -c release --package-path swift-hummingbird --scratch-path "$build/hummingbird" --jobs "$jobs"
}
build_python() {
  [ -x "$build/venv/bin/python" ] || python3 -m venv "$build/venv" || return
  "$build/venv/bin/pip" install --quiet -r python/requirements.txt
}

for peer in load libevent libuv asio go rust python swift hummingbird; do attempt "$peer"; done
if [ -n "$failed" ]; then
  echo "build.sh: could not be built, and will be left out:$failed (the logs are in $build)" >&2
fi
