# What there is to do with a checkout. `make help` lists it.

.DEFAULT_GOAL := help
.PHONY: help demo test bench tsan asan fuzz-http lib install uninstall deb test-install examples test-examples format lint clean prerequisites \
	test-prerequisites example-prerequisites

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

.PHONY: prove simulate

# How many random programs for each family, and which of the small worlds: each EVERYth. PROCESSES share the work.
PROGRAMS ?= 300000
EVERY ?= 7
PROCESSES ?= 2
PROOF = Proof/.build/release/ToroProof

prove: simulate  ## Simulate, and see that tests find every mutant and run every line; half an hour on two cores
	@scripts/need.sh commands python3:python3
	Proof/mutants.py --quick
	Proof/coverage.py

simulate: prerequisites  ## Run PROGRAMS random programs (300000) and each EVERYth small world (7) on primitives and models
	swift build --package-path Proof -c release -Xswiftc -assert-config -Xswiftc Debug
	$(PROOF) simulate all --programs $(PROGRAMS) --threaded 64 --processes $(PROCESSES)
	$(PROOF) simulate all --programs $$(($(PROGRAMS) / 10)) --form mixed --threaded 16 --processes $(PROCESSES)
	$(PROOF) simulate all --programs $$(($(PROGRAMS) / 10)) --form task --threaded 16 --processes $(PROCESSES)
	$(PROOF) worlds all --every $(EVERY) --processes $(PROCESSES)
	$(PROOF) sample all --steps $$(($(PROGRAMS) * 10)) --processes $(PROCESSES)

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

format:  ## Format the sources
	swift format --in-place --recursive $(SOURCES)

lint:  ## Check the sources' format
	swift format lint --strict --recursive $(SOURCES)

clean:  ## Remove what was built
	rm -rf .build .build-mutants .build-coverage Proof/.build .build-tsan .build-asan .build-library .build-deb .build-examples .build-peers Benchmarks/.build Examples/.build

prerequisites:
	@scripts/prerequisites.sh

# The examples speak TLS.
example-prerequisites: prerequisites
	@scripts/need.sh commands pkg-config:pkg-config
	@scripts/need.sh libraries openssl:libssl-dev

test-prerequisites: example-prerequisites
	@scripts/need.sh commands openssl:openssl curl:curl
