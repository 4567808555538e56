# The commands of the project. `make run` starts an example, `make test` runs all
# tests. Both install and build what they need on a machine with cargo, npm,
# Python, and a C and C++ compiler.

CARGO ?= cargo
CXX ?= c++
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PORT ?= 3000

TARGET := $(or $(CARGO_TARGET_DIR),target)/release
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
ABI := $(shell sed -n 's/^.define BW_ABI_VERSION //p' include/bellwire.h)
SONAME := libbellwire.so.$(ABI)
LIB := build/lib
BW_LIBRARY := $(LIB)/libbellwire.so
BW_CFLAGS := -O2 -g -Wall -Wextra -Wpedantic -Iinclude $(CFLAGS)
BW_LIBS := -L$(LIB) -lbellwire '-Wl,-rpath,$$ORIGIN/../lib'

# V=1 shows the commands.
ifndef V
MAKEFLAGS += --silent
endif

.PHONY: check check-rust check-format check-lint check-types check-prose check-dependencies format
.PHONY: build lib header run test test-servers loom loom-build test-bindings dist bench install clean setup packages
build: lib examples

# -------------------------------------------------------------------- library
# The archive that rustc makes also exports the symbols of the standard library,
# and rustc cannot version symbols. So the linker makes one object of everything
# that the bw_* functions need. The shared library exports bw_* at version
# BW_$(ABI); the static library exports only bw_*, so that a program can link it
# together with another Rust library.

lib: $(BW_LIBRARY) $(LIB)/libbellwire.a

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find core ffi -name '*.rs' -o -name Cargo.toml)
$(TARGET)/libbellwire.a: $(RUST_SOURCES)
	$(CARGO) rustc --locked --release -p bellwire-ffi --lib --crate-type staticlib -- \
	  --print native-static-libs=$(abspath $(TARGET))/libbellwire.needs
	touch $@

$(LIB)/bellwire.o: $(TARGET)/libbellwire.a ffi/symbols.txt
	mkdir -p $(LIB)
	ld -r --gc-sections --force-group-allocation $$(sed 's/^/-u /' ffi/symbols.txt) -o $@.$$$$ $< && mv $@.$$$$ $@

$(LIB)/libbellwire.so.$(VERSION): $(LIB)/bellwire.o ffi/bellwire.map
	$(CC) -shared -o $@.$$$$ -Wl,-soname,$(SONAME) -Wl,-z,nodelete,-z,now,-z,relro,-z,defs \
	  -Wl,--gc-sections,--version-script=ffi/bellwire.map $< $$(cat $(TARGET)/libbellwire.needs) && mv $@.$$$$ $@

$(BW_LIBRARY): $(LIB)/libbellwire.so.$(VERSION)
	ln -sf $(<F) $(LIB)/$(SONAME)
	ln -sf $(SONAME) $@

$(LIB)/libbellwire.a: $(LIB)/bellwire.o
	set -e; own=$$(mktemp -d $(LIB)/XXXXXX); \
	objcopy --keep-global-symbols=ffi/symbols.txt --remove-section=.llvmbc --remove-section=.llvmcmd $< $$own/bellwire.o; \
	objcopy --strip-debug --strip-unneeded $$own/bellwire.o; \
	ar crs $$own/libbellwire.a $$own/bellwire.o; mv $$own/libbellwire.a $@; rm -r $$own

header:
	UPDATE=1 $(CARGO) test --quiet --locked -p bellwire-ffi --test header

# The compiler adds its own runtime, the shared or, with -static, the static one.
NEEDS = $$(tr ' ' '\n' < $(TARGET)/libbellwire.needs | grep -vx -e -lgcc_s -e -lc | paste -sd ' ')

install: lib
	install -d $(DESTDIR)$(INCLUDEDIR)/bellwire $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/bellwire
	install -m 644 include/bellwire.h include/bellwire.hpp $(DESTDIR)$(INCLUDEDIR)
	install -m 644 include/bellwire/*.hpp $(DESTDIR)$(INCLUDEDIR)/bellwire
	install -m 644 $(LIB)/libbellwire.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(LIB)/libbellwire.so.$(VERSION) $(DESTDIR)$(LIBDIR)
	strip --strip-debug $(DESTDIR)$(LIBDIR)/libbellwire.so.$(VERSION)
	ln -sf libbellwire.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libbellwire.so
	for file in bellwire.pc bellwire-static.pc bellwireConfig.cmake bellwireConfigVersion.cmake; do \
	  case $$file in *.pc) folder=pkgconfig ;; *) folder=cmake/bellwire ;; esac; \
	  sed -e 's|@PREFIX@|$(PREFIX)|;s|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' \
	    -e 's|@INCLUDEDIR@|$(INCLUDEDIR:$(PREFIX)/%=$${prefix}/%)|' \
	    -e 's|@VERSION@|$(VERSION)|;s|@SONAME@|$(SONAME)|' \
	    -e "s|@NEEDS@|$(NEEDS)|" \
	    -e "s|@INCLUDE_FROM_LIB@|$$(realpath -ms --relative-to=$(LIBDIR) $(INCLUDEDIR))|" \
	    ffi/packaging/$$file.in > $(DESTDIR)$(LIBDIR)/$$folder/$$file || exit 1; \
	done

# ------------------------------------------------------------ what tests need

PACKAGES := valgrind cmake pkg-config chromium

setup: packages examples/arena/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json
	tests/setup.sh

packages:
	missing=; for name in $(PACKAGES); do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "please install:$$missing" >&2; exit 1; fi; \
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $$missing

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# ------------------------------------------------------------------ the verbs

run: $(BW_LIBRARY) build/examples/arena examples/arena/node_modules/.package-lock.json
	build/examples/arena --port $(PORT)

# Builds everything, then runs all suites, several at a time: tests/suites.py is the table of them.
test:
	tests/run.py

# The raw-byte suites with every way to be told events, with the server in C++, Python and Node, and with the official
# server, which has to pass them as well.
test-servers:
	tests/run.py 'protocol: *'

# The bindings are built by their own package tools; each also runs the black-box tests against its echo server.
test-bindings:
	tests/run.py '*Python*' '*Node*'

# Every order in which threads can meet. `--cfg loom` changes the library, so this build has a folder of its own. Its
# tests map and unmap stacks all the time, for which two at once would wait for each other. The model is computed, not
# delivered: link-time optimization would cost more than it saves.
loom loom-build: export CARGO_TARGET_DIR := build/loom
loom loom-build: export CARGO_PROFILE_RELEASE_LTO := off
loom loom-build: export CARGO_PROFILE_RELEASE_CODEGEN_UNITS := 16
loom loom-build: export RUSTFLAGS := --cfg loom
loom loom-build: export LOOM_MAX_PREEMPTIONS ?= 3
LOOM := $(CARGO) test --locked --release -p bellwire-core --test loom
loom-build:
	$(LOOM) --no-run

loom:
	$(LOOM) -- --test-threads=1

# ------------------------------------------------------------------ the checks
# What needs no test: formatting, lints, types, documentation, dependencies, prose. Warnings are errors.

check: check-rust check-format check-lint check-types check-prose check-dependencies

CHECK := build/check/bin
BIOME := tests/check/node_modules/.bin/biome
NODE_CHECKS := tests/check/node_modules/.package-lock.json
# cbindgen writes bellwire.h, and the test below compares it.
C_FILES = $(shell git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | grep -vx include/bellwire.h)

build/check/installed: tests/check/requirements.txt
	test -x $(CHECK)/python || python3 -m venv build/check
	$(CHECK)/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

check-rust:
	$(CARGO) clippy --quiet --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --locked -p bellwire-core --no-deps
	$(CARGO) test --quiet --locked -p bellwire-core --test layers
	$(CARGO) test --quiet --locked -p bellwire-ffi --test header

check-format: build/check/installed $(NODE_CHECKS)
	$(CARGO) fmt --all --check
	$(CHECK)/clang-format --dry-run -Werror $(C_FILES)
	$(CHECK)/ruff format --quiet --check
	$(BIOME) format --log-level=warn

check-lint: build/check/installed $(NODE_CHECKS)
	$(CHECK)/ruff check --quiet
	$(CHECK)/shellcheck .ci/run $$(git ls-files '*.sh')
	$(BIOME) lint --log-level=warn --error-on-warnings

# The declarations of the Node package are checked by programs that use them.
check-types: build/check/installed $(NODE_CHECKS) bindings/node/node_modules/.package-lock.json
	cd bindings/python && MYPYPATH=python ../../$(CHECK)/mypy --no-error-summary python/bellwire ../../examples/python/*.py tests/typed.py
	tests/check/node_modules/.bin/pyright --warnings > build/check/pyright.log || { cat build/check/pyright.log; exit 1; }
	bindings/node/node_modules/.bin/tsc -p bindings/node/test/types

check-prose:
	tests/check/prose.py

# cargo-deny also knows of vulnerabilities, and is run where it is installed.
check-dependencies:
	tests/check/dependencies.py
	if command -v cargo-deny >/dev/null; then $(CARGO) deny --log-level error check; fi

format: build/check/installed $(NODE_CHECKS)
	$(CARGO) fmt --all
	$(CHECK)/clang-format -i $(C_FILES)
	$(CHECK)/ruff check --quiet --select I --fix
	$(CHECK)/ruff format --quiet
	$(BIOME) format --log-level=warn --write

# ----------------------------------------------------------------- the release
# The artefacts that this machine can make, each tried in an empty folder. cargo compiles the crate that it packs.

DIST := $(CURDIR)/build/dist
RELEASE := bellwire-$(VERSION)-linux-$(shell uname -m)
dist: lib build/python/tools
	rm -rf $(DIST) && mkdir -p $(DIST)/$(RELEASE)
	$(MAKE) install PREFIX=/usr/local DESTDIR=$(DIST)/root
	cp -a $(DIST)/root/usr/local/. LICENSE* README.md CHANGELOG.md $(DIST)/$(RELEASE)
	tar -C $(DIST) -czf $(DIST)/$(RELEASE).tar.gz $(RELEASE)
	rm -r $(DIST)/root $(DIST)/$(RELEASE)
	cd bindings/python && ../../build/python/bin/maturin build --quiet --release --locked --out $(DIST)
	cd bindings/python && ../../build/python/bin/maturin sdist --out $(DIST)
	$(MAKE) -C bindings/node build
	cd bindings/node && npm pack --silent --pack-destination $(DIST)
	$(CARGO) package --quiet --locked --allow-dirty -p bellwire-core
	cp target/package/bellwire-core-$(VERSION).crate $(DIST)
	cd $(DIST) && sha256sum * > SHA256SUMS
	tests/check/dist.sh $(DIST)

build/python/tools:
	$(MAKE) -C bindings/python $(CURDIR)/$@

bench: lib
	$(MAKE) -C tests/load bench

clean:
	$(CARGO) clean
	rm -rf build

include examples/rules.mk
include ffi/rules.mk
