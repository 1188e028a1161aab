# What there is to do with a checkout. `make help` lists it.

.DEFAULT_GOAL := help
.PHONY: help demo test bench tsan asan fuzz-http lib install uninstall deb test-install examples test-examples format lint clean prerequisites \
	test-prerequisites example-prerequisites peer-prerequisites

# Where `make install` puts the C library. DESTDIR is put before each of these, and is not where it will be used.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DESTDIR ?=
DIRECTORIES = PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" INCLUDEDIR="$(INCLUDEDIR)" MANDIR="$(MANDIR)" DESTDIR="$(DESTDIR)"

# Swift's backtracer can hang when a test is meant to crash.
export SWIFT_BACKTRACE = enable=no

# What is tested beside the library itself: package traits, which are off for others.
TRAITS ?= TLS,HTTP,Logging,Metrics,ServiceLifecycle

SOURCES = Package.swift Sources Tests Examples Benchmarks Proof/Package.swift Proof/Sources

LIBRARY = .build-library/lib
LIBRARY_SOURCES = Package.swift packaging/libtoro.lds scripts/build-library.sh scripts/exported-symbols.sh \
	$(shell find CLibevent Sources -type f)

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

demo: example-prerequisites  ## Install what is missing, build, and have spiders crawl a site through a proxy; ends by itself
	swift build --package-path Examples
	Examples/.build/debug/Demo

test: test-prerequisites  ## Install what is missing and run the tests, the examples' too
	swift test --traits $(TRAITS)
	swift test --package-path Examples

bench: prerequisites  ## Run every workload; a table, then lines of JSON
	swift build --package-path Benchmarks -c release --static-swift-stdlib
	scripts/bench.sh Benchmarks/.build/release/ToroBench Benchmarks/.build/release/ToroCBench

.PHONY: bench-program bench-peers bench-scale bench-idle bench-flames bench-counts bench-statistics bench-publish test-bench performance

# What is measured, and by how many runs, is narrowed by RUNS=1 and COMPARE="--only queues --peer toro --peer go".
COMPARE ?=
PEERS = .build-peers
SUITE = PYTHONDONTWRITEBYTECODE=1 python3 Benchmarks/Suite --build $(PEERS)

bench-program: prerequisites
	@scripts/need.sh commands python3:python3 taskset:util-linux
	swift build --package-path Benchmarks -c release --static-swift-stdlib

bench-peers: bench-program  ## Install and build the peers in .build-peers, and measure Toro beside them; tables and plots
	Benchmarks/Peers/build.sh $(PEERS)
	$(SUITE) compare $(COMPARE)

bench-scale: bench-program  ## Measure operations with 1 to 1,000,000 waiters, timers, tasks and objects
	$(SUITE) scale

bench-idle: bench-program  ## Measure what 10,000 idle connections cost an echo server (peers that bench-peers has built)
	$(SUITE) idle

bench-flames: bench-program  ## Draw where the time of a hand-over goes, by perf
	@scripts/need.sh commands perf:linux-perf
	$(SUITE) flames

# COUNTS=--update writes what is measured as what is expected.
bench-counts: bench-program  ## Check how many allocations and system calls an operation takes
	@scripts/need.sh commands gcc:gcc strace:strace
	$(SUITE) counts $(COUNTS)

# STATISTICS=update writes what is measured as the thresholds.
STATISTICS ?= check

bench-statistics: prerequisites  ## Compare samples of the workloads with stored thresholds, loosely
	scripts/bench-statistics.sh $(STATISTICS)

test-bench:  ## Test what makes tables and plots of measurements
	@scripts/need.sh commands python3:python3
	PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover -s Benchmarks/Suite

bench-publish:  ## Write what was measured last into docs/Performance.md and README.md
	$(SUITE) publish

performance: bench-peers bench-scale bench-flames bench-publish  ## Measure all of that on a quiet machine (three quarters of an hour), and write it

tsan: test-prerequisites  ## Run the tests that use threads under the thread sanitizer
	swift test --traits $(TRAITS) --scratch-path .build-tsan --sanitize thread --filter Threads

asan: test-prerequisites  ## Run the tests under the address sanitizer
	swift test --traits $(TRAITS) --scratch-path .build-asan --sanitize address

# How many streams, and from which seed.
COUNT ?= 100000
SEED ?= 1

fuzz-http: test-prerequisites  ## Compare the HTTP parser with h11 and httptools on COUNT mutated streams (100000) from SEED (1)
	@scripts/need.sh commands python3:python3
	@python3 -c 'import ensurepip, venv' 2>/dev/null || scripts/install-packages.sh python3-venv
	swift build --traits $(TRAITS) --product ToroHTTPVerdict
	Tests/HTTP/Peers/fuzz.py .build/debug/ToroHTTPVerdict $(COUNT) $(SEED)

.PHONY: prove simulate faults fuzz soak proof-programs

# How many random programs for each family, and which of the small worlds: each EVERYth. PROCESSES share the work.
PROGRAMS ?= 300000
EVERY ?= 7
PROCESSES ?= 2
PROOF = Proof/.build/release/ToroProof

prove: simulate faults fuzz  ## Simulate, have calls fail, fuzz, and see that tests find every mutant and run every line; half an hour on two cores
	@scripts/need.sh commands python3:python3
	Proof/mutants.py --quick
	Proof/coverage.py

proof-programs: prerequisites
	swift build --package-path Proof -c release -Xswiftc -assert-config -Xswiftc Debug --product ToroProof
	swift build --package-path Proof -c release -Xswiftc -assert-config -Xswiftc Debug --product ToroFaults

simulate: proof-programs  ## Run PROGRAMS random programs (300000) and each EVERYth small world (7) on primitives and models
	$(PROOF) simulate all --programs $(PROGRAMS) --threaded 64 --processes $(PROCESSES)
	$(PROOF) simulate all --programs $$(($(PROGRAMS) / 10)) --form mixed --threaded 16 --processes $(PROCESSES)
	$(PROOF) simulate all --programs $$(($(PROGRAMS) / 10)) --form task --threaded 16 --processes $(PROCESSES)
	$(PROOF) worlds all --every $(EVERY) --processes $(PROCESSES)
	$(PROOF) sample all --steps $$(($(PROGRAMS) * 10)) --processes $(PROCESSES)

faults: proof-programs  ## Have each call of the system's that some scenarios make fail once
	@scripts/need.sh commands python3:python3 gcc:gcc
	Proof/faults.py --processes $(PROCESSES)

# How many inputs for each target.
INPUTS ?= 20000

fuzz: prerequisites  ## Give parsers, the C interface and the primitives INPUTS inputs each (20000) that a fuzzer makes up
	@scripts/need.sh commands python3:python3
	Proof/fuzz.py --runs $(INPUTS) --processes $(PROCESSES)

# For how long.
MINUTES ?= 10

soak: example-prerequisites  ## Let clients that behave badly loose on the example daemons for MINUTES (10); a table and a plot in .build-soak
	@scripts/need.sh commands python3:python3
	swift build --package-path Examples -c release
	Proof/soak.py --minutes $(MINUTES)

lib: $(LIBRARY)/libtoro.a  ## Build the C library, shared and static, with the Swift runtime inside

# The shared library is made first, so that this file stands for both.
$(LIBRARY)/libtoro.a: $(LIBRARY_SOURCES)
	@scripts/prerequisites.sh
	@scripts/need.sh commands gcc:gcc g++:g++ objcopy:binutils
	scripts/build-library.sh $(LIBRARY)

install: lib  ## Install the C library below PREFIX (/usr/local); LIBDIR, INCLUDEDIR, MANDIR, DESTDIR
	$(DIRECTORIES) scripts/install-library.sh install $(LIBRARY)

uninstall:  ## Remove what install put there, given the same variables
	$(DIRECTORIES) scripts/install-library.sh uninstall $(LIBRARY)

deb: lib  ## Make the Debian packages libtoro0 and libtoro-dev in .build-deb, and have lintian check them
	@scripts/need.sh commands dpkg-buildpackage:dpkg-dev dh:debhelper lintian:lintian
	scripts/build-deb.sh .build-deb

test-install: lib  ## Install the C library into a scratch directory and use it as C, C++, CMake and Python programs do
	@scripts/need.sh commands cmake:cmake pkg-config:pkg-config python3:python3 man:man-db groff:groff-base col:bsdextrautils
	Tests/ToroInstallTests/run.sh

examples: lib  ## Build the examples in C, with the libraries that they use
	@scripts/need.sh commands gcc:gcc pkg-config:pkg-config
	@scripts/need.sh libraries libevent_extra:libevent-dev glib-2.0:libglib2.0-dev libuv:libuv1-dev
	scripts/build-examples.sh .build-examples
	swift build --product MixedServer

test-examples: examples  ## Start the examples in C and talk to them as clients do
	@scripts/need.sh commands python3:python3 curl:curl nc:netcat-openbsd valgrind:valgrind
	Tests/ToroExamplesTests/run.py .build-examples .build/debug/MixedServer

# Where screenshots are to be left, if anywhere.
PICTURES ?=
.PHONY: test-inspector docs test-docs

test-inspector: example-prerequisites  ## Look at the inspector's page in headless Chromium; PICTURES=folder keeps screenshots
	@scripts/need.sh commands python3:python3 chromium:chromium
	swift build --package-path Examples --product CachingProxy
	swift build --package-path Examples --product Philosophers
	swift build --product toro-inspect
	Tests/Browser/inspector.py Examples/.build/debug .build/debug/toro-inspect $(PICTURES)

docs: example-prerequisites  ## Build the documentation as a site in .build-docs
	scripts/build-docs.sh .build-docs

test-docs: docs  ## Run the documentation's programs, follow its links, and open its pages in headless Chromium
	@scripts/need.sh commands python3:python3 chromium:chromium
	scripts/check-docs.sh
	Tests/Browser/documentation.py .build-docs $(PICTURES)

format:  ## Format the sources
	swift format --in-place --recursive $(SOURCES)

lint:  ## Check the sources' format
	swift format lint --strict --recursive $(SOURCES)

clean:  ## Remove what was built
	rm -rf .build .build-mutants .build-coverage Proof/.build .build-tsan .build-asan .build-library .build-deb .build-examples .build-docs .build-fuzz \
		.build-peers .build-parsers Benchmarks/.build Benchmarks/Statistics/.build Examples/.build

prerequisites:
	@scripts/prerequisites.sh

# The examples speak TLS.
example-prerequisites: prerequisites
	@scripts/need.sh commands pkg-config:pkg-config
	@scripts/need.sh libraries openssl:libssl-dev

test-prerequisites: example-prerequisites
	@scripts/need.sh commands openssl:openssl curl:curl

# Other people's clients and servers that tests talk to where they are there: `make test` goes without what is not.
peer-prerequisites:
	@PATH="$$PATH:/usr/sbin" scripts/need.sh commands wrk:wrk slowhttptest:slowhttptest nginx:nginx-light python3:python3 \
	  socat:socat nc:netcat-openbsd strace:strace
	@/usr/bin/python3 -c 'import aiohttp, requests' 2>/dev/null || scripts/install-packages.sh python3-aiohttp python3-requests
