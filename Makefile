# DSoftBus in C. One Makefile, no recursion; `make help` lists the targets.
#
#   HOST_CC=clang SAN=address,undefined make check     another compiler, with sanitizers
#   OPT=-O3 make check                                 another optimisation level

HOST_CC ?= gcc
SAN ?=
# With sanitizers gcc takes three times as long at -O2, most of all for vectors.
OPT ?= $(if $(SAN),-Og,-O2)
BUILD := build

# Each combination of compiler, options and sanitizer has its own directory; the default is build/host.
comma := ,
VARIANT := $(if $(filter-out gcc,$(HOST_CC)),-$(HOST_CC))$(if $(filter-out -O2,$(OPT)),$(OPT))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
HOST := $(BUILD)/host$(VARIANT)

WARN := -std=c17 -Wall -Wextra -Wconversion -Wshadow -Wvla -Wswitch-enum -Wmissing-prototypes \
        -Wstrict-prototypes -Wundef -Wpointer-arith -Wcast-qual -Werror
# Nor does gcc follow variables for the debugger then, which takes another half of the time for vector code.
SAN_FAST := $(if $(findstring clang,$(HOST_CC)),,-fno-var-tracking)
HOST_CFLAGS := $(WARN) $(OPT) -g -I. -MMD -MP -fno-strict-aliasing -fno-common \
               $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer $(SAN_FAST))
HOST_LDFLAGS := $(if $(SAN),-fsanitize=$(SAN))

# Commands are shown with V=1 only.
ifndef V
.SILENT:
endif

.PHONY: all
all: host host-programs os

#: all          the programs for Linux (host-programs), tools of the tests (host), the images of the OS (os)
#: check        unit tests and Python tests, under a minute
#: test         every test, once (scripts/test.sh); nightly: the long repetitions
#: run          the single system (test image, bring-up keys) on this terminal; Ctrl-C ends it
#: sim          10,000 simulated networks: SEEDS=n, or SEED=n for one that tells what happens
#: foreign      the device and nodes made with other Noise libraries; production-test: the production image
#: link-test    two machines through bad links; fault-test: a fault in each process, at many points
#: host-test    the Linux programs on the loopback; check-host and check-host-*: on machines of name spaces
#: check-ct     constant time under valgrind; check-ct-matrix, check-ct-os: each compiler, level and path, and rv64;
#:              check-ct-emulator: AVX-512 and IFMA on an emulated processor
#: check-wipe   what is left of secrets; check-proofs: the arithmetic, for all inputs; check-install: the installed library
#: bench        noise/ beside OpenSSL and libsodium; bench-os: instructions on rv64; bench-host: the Linux daemon
#: fuzz         every fuzzer for FUZZ_SECONDS
#: mutants      each marker broken once; sim-mutants, wipe-mutants: the same for the simulator and for wiping
#: diag-host    every warning an error, and the analysers; diag-os: the same for the OS
#: dep-gate     what the images link
#: install      the library and the Linux programs (install-library, install-programs): PREFIX, DESTDIR; uninstall
#: clean
.PHONY: help test run
help:
	sed -n 's/^#: /make /p' Makefile

test:
	scripts/test.sh

run: build/os/test/neuron.elf
	rm -rf $(BUILD)/provision/run
	scripts/provision.sh --bringup --out $(BUILD)/provision/run
	python3 tests/qemu/terminal.py $< $(BUILD)/provision/run

# Where `make install` puts things; DESTDIR goes before each of them.
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

.PHONY: install uninstall
install: install-library install-programs
uninstall: uninstall-library uninstall-programs

include noise/build.mk
include noise/install.mk
include dsoftbus/build.mk
include kernel/build.mk
include services/build.mk
include host/build.mk
include tests/build.mk
include tests/sim/build.mk
include tests/host/build.mk
include tests/size/build.mk
include tests/wipe/build.mk
include tests/ct/build.mk
include tests/qemu/kernel/build.mk
include tests/qemu/bench/build.mk
include tests/emulator/build.mk
include tests/qemu/fault/build.mk
include tests/qemu/keyscan/build.mk

$(HOST)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -c -o $@ $<

# The long repetitions. A part is any rule `nightly-<name>:`, wherever it stands; nothing else has to know of it.
.PHONY: nightly
nightly:
	scripts/test.sh --nightly

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
