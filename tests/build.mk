# Tests, gates and benchmarks.

# NOISE_CPU=portable (or bmi2,avx2,...) in the environment limits the library in every program that links this.
CPU_ENV := $(HOST)/tests/cpu_env.o

# --- Unit tests: tests/unit/test_<module>.c is one cmocka program; a Python program is tests/*/test_*.py ---
# Both write TAP. What a module needs beyond the two libraries is said beside it:
#   UNIT_OBJS_<module> := $(HOST)/...o      UNIT_LIBS_<module> := -l...
UNIT_TESTS = $(patsubst tests/unit/test_%.c,$(HOST)/unit/test_%,$(wildcard tests/unit/test_*.c))
PYTHON_TESTS = $(wildcard tests/*/test_*.py)
$(HOST)/tests/%.o: HOST_CFLAGS += -D_GNU_SOURCE
PROVE_FLAGS ?=

# --- keystored ---
UNIT_OBJS_provision := $(addprefix $(HOST)/services/keystored/,provision.o lab/seed_option.o)
UNIT_OBJS_fw_cfg := $(HOST)/services/keystored/fw_cfg.o
UNIT_OBJS_bundle := $(HOST)/services/keystored/bundle.o
UNIT_OBJS_store := $(addprefix $(HOST)/services/keystored/,store.o provision.o lab/seed_option.o)

$(BUILD)/fuzz/fuzz_provision: $(addprefix $(BUILD)/fuzz/services/keystored/,provision.o bundle.o fw_cfg.o lab/seed_option.o)

.PHONY: provisioning-test
provisioning-test: $(OS)/lab/neuron.elf $(OS)/production/neuron.elf
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/provisioning_test.py :: $(OS) $(BUILD)/provisioning-test

# --- dsoftbusd: the lines on the console, through the markers of the manifest ---
UNIT_OBJS_report := $(HOST)/services/dsoftbusd/report.o
UNIT_OBJS_local := $(addprefix $(HOST)/services/dsoftbusd/,local.o local_handles.o rights.o report.o)
$(HOST)/services/dsoftbusd/report.o: HOST_CFLAGS += -I$(OS)/gen
$(HOST)/services/dsoftbusd/report.o: | $(OS)/gen/.done

# --- netstackd: the facade and the timers over lwIP, built for the host with the same options ---
HOST_NETSTACKD := $(addprefix $(HOST)/services/netstackd/,facade.o facade_tcp.o facade_udp.o facade_ping.o ring.o socket.o \
                  stack.o timers.o self_check.o)
$(LWIP_MODULES:%=$(HOST)/lwip/%.o): $(HOST)/lwip/%.o: services/netstackd/lwip/lwipopts.h services/netstackd/limits.h | $(LWIP_READY)
	@mkdir -p $(@D)
	$(HOST_CC) $(filter-out $(WARN),$(HOST_CFLAGS)) -std=c17 $(LWIP_CFLAGS) -c -o $@ $(LWIP)/src/$*.c
$(HOST)/liblwip.a: $(LWIP_MODULES:%=$(HOST)/lwip/%.o)
	rm -f $@ && ar rcs $@ $^
UNIT_OBJS_net_facade := $(HOST_NETSTACKD) $(HOST)/liblwip.a
UNIT_OBJS_net_datagrams := $(HOST_NETSTACKD) $(HOST)/liblwip.a
HOST_INTERFACE := $(HOST)/services/netstackd/interface.o
UNIT_OBJS_net_interface := $(HOST_INTERFACE) $(HOST_NETSTACKD) $(HOST)/liblwip.a
UNIT_OBJS_net_dhcp := $(UNIT_OBJS_net_interface)
UNIT_OBJS_net_virtio := $(addprefix $(HOST)/services/,lib/virtio.o netstackd/virtio_net.o)
UNIT_OBJS_net_stubs := $(HOST)/services/lib/net.o
HOST_LWIP_USERS := $(HOST_NETSTACKD) $(HOST_INTERFACE) \
                   $(addprefix $(HOST)/tests/unit/test_net_,facade.o datagrams.o interface.o dhcp.o)
$(HOST_LWIP_USERS): HOST_CFLAGS += $(LWIP_INCLUDES)
$(HOST_LWIP_USERS): | $(LWIP_READY)
$(HOST_INTERFACE): HOST_CFLAGS += -I$(OS)/gen
$(HOST_INTERFACE): | $(OS)/gen/.done
$(addprefix $(BUILD)/diag/host/tests/unit/test_net_,facade.ok datagrams.ok interface.ok dhcp.ok): WARN += $(LWIP_INCLUDES)

# --- kernel ---
UNIT_OBJS_elf := $(HOST)/kernel/elf.o
UNIT_OBJS_manifest := $(HOST)/kernel/manifest.o

# --- noise ---
# These inline so much of the model of AVX-512 that each takes half a minute at -O2; at -O0 some of gcc's intrinsics are macros.
MODEL_OPT := $(if $(findstring clang,$(HOST_CC)),-O0,-Og)
$(addprefix $(HOST)/tests/unit/test_,lanes_ifma_8_model.o lanes_ifma_4_model.o poly1305_ifma.o): HOST_CFLAGS += $(MODEL_OPT)
UNIT_LIBS_poly1305_x86 := -lcrypto
UNIT_LIBS_poly1305_ifma := -lcrypto
$(HOST)/tests/unit/test_poly1305_ifma.o: HOST_CFLAGS += -include tests/avx512_model.h
$(BUILD)/diag/host/tests/unit/test_poly1305_ifma.ok: WARN += -include tests/avx512_model.h
UNIT_LIBS_fe25519 := -lcrypto
UNIT_LIBS_fe25519_split := -lcrypto
UNIT_LIBS_fe25519_invert := -lcrypto
UNIT_LIBS_fe25519_invert_split := -lcrypto
UNIT_LIBS_fe25519_invert_small := -lcrypto

# The library in its other shapes, through the same tests: as rv64 has it, for size, and on the AVX-512 paths, which
# few machines have, in plain C.
NOISE_VARIANTS := split small smallest avx512
NOISE_VARIANT_split := -DNOISE_WORD_SIGN_EXTENDED -DNOISE_FE_NO_CARRY_FLAG
NOISE_VARIANT_small := -DNOISE_SMALL
NOISE_VARIANT_smallest := -DNOISE_SMALL -DNOISE_NO_COMB
# gcc takes ten times as long for the model at -O2.
NOISE_VARIANT_avx512 := -Og -include tests/avx512_model.h -include tests/ifma_model.h
NOISE_VARIANT_TESTS := blake2s chacha20poly1305 x25519 x25519_batch rng noise_xk xk_transport xk_order xk_batch
PUBLISHED_OBJS := $(addprefix $(HOST)/tests/,vectors/published_host.o vectors/published.o cpu_paths.o)
define noise_variant_rule
$(HOST)/noise-$(1)/%.o: noise/%.c Makefile
	@mkdir -p $$(@D)
	$(HOST_CC) $(HOST_CFLAGS) -ffreestanding $(NOISE_VARIANT_$(1)) -c -o $$@ $$<
$(HOST)/unit/$(1)/test_%: $(HOST)/tests/unit/test_%.o $(CPU_ENV) $(patsubst noise/%.c,$(HOST)/noise-$(1)/%.o,$(wildcard noise/*.c))
	@mkdir -p $$(@D)
	$(HOST_CC) $(HOST_LDFLAGS) -o $$@ $$^ -lcmocka
$(HOST)/published-$(1): $(PUBLISHED_OBJS) $(patsubst noise/%.c,$(HOST)/noise-$(1)/%.o,$(wildcard noise/*.c))
	$(HOST_CC) $(HOST_LDFLAGS) -o $$@ $$^
check-unit: $(NOISE_VARIANT_TESTS:%=$(HOST)/unit/$(1)/test_%)
endef
$(foreach variant,$(NOISE_VARIANTS),$(eval $(call noise_variant_rule,$(variant))))
check-unit: $(HOST)/unit/avx512/test_aead_paths

UNIT_OBJS_x25519_ifma_model := $(addprefix $(HOST)/noise-avx512/,x25519_ifma.o x25519_ifma_8.o)

NOISE_VECTORS := $(HOST)/noise-vectors
$(NOISE_VECTORS): $(HOST)/tests/vectors/noise_vectors.o $(CPU_ENV) $(HOST)/libnoise.a
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^ -lcjson
host: $(NOISE_VECTORS)
check-python: export NOISE_VECTORS := $(NOISE_VECTORS)
check-python: $(NOISE_VECTORS)

# The published test data on this machine, in each shape of the library (with sanitizers in the usual one, for AVX-512
# see check-emulator); and on bare rv64, with the unit tests.
PUBLISHED := $(HOST)/published
PUBLISHED_TEST = python3 tests/vectors/published_test.py $(or $(VECTORS),../shared/vectors) $(BUILD)/vectors
$(PUBLISHED): $(PUBLISHED_OBJS) $(LIBNOISE)
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^

.PHONY: check-vectors check-vectors-os check-paths
check-vectors: $(PUBLISHED) $(if $(SAN),,$(patsubst %,$(PUBLISHED)-%,$(filter-out avx512,$(NOISE_VARIANTS))))
	prove $(PROVE_FLAGS) --exec '$(PUBLISHED_TEST)' $^

# The unit tests of noise/ on each path.
check-paths: $(NOISE_VARIANT_TESTS:%=$(HOST)/unit/test_%) $(HOST)/unit/test_aead_paths
	prove $(PROVE_FLAGS) --exec 'python3 tests/every_path.py' $^

OS_UNIT := $(OS)/os_unit
OS_BARE := $(addprefix $(OS)/,tests/bench/os_start.o tests/bench/os_bare.o services/lib/string.o)
OS_BARE_LINK = $(RV_CC) -nostdlib -static -march=rv64imac -mabi=lp64 -Wl,--build-id=none -Wl,-z,noexecstack \
               -Wl,--no-warn-rwx-segments -T tests/bench/os_bench.ld -o $@ $(filter %.o %.a,$^) -lgcc
RV_CFLAGS_tests := -isystem tests/os_unit/include
$(OS_UNIT)/test_%.elf: $(OS)/tests/unit/test_%.o $(OS)/tests/os_unit/os_unit.o $(OS_BARE) $(OS_LIBNOISE) tests/bench/os_bench.ld
	@mkdir -p $(@D)
	$(OS_BARE_LINK)
$(OS_UNIT)/control.elf: $(OS)/tests/os_unit/control.o $(OS)/tests/os_unit/os_unit.o $(OS_BARE) $(OS_LIBNOISE) tests/bench/os_bench.ld
	@mkdir -p $(@D)
	$(OS_BARE_LINK)
$(OS)/published.elf: $(OS)/tests/os_unit/published.o $(OS)/tests/vectors/published.o $(OS_BARE) $(OS_LIBNOISE) tests/bench/os_bench.ld
	$(OS_BARE_LINK)
check-vectors-os: $(OS)/published.elf $(OS_UNIT)/control.elf $(NOISE_VARIANT_TESTS:%=$(OS_UNIT)/test_%.elf)
	prove $(PROVE_FLAGS) --exec '$(PUBLISHED_TEST)' $<
	prove $(PROVE_FLAGS) --exec 'python3 tests/os_unit/run.py' $(filter-out $<,$^)

# The primitives against other libraries, the handshake against other implementations; CASES, SEED, ROUNDS.
DIFFERENTIAL := $(HOST)/interop/differential
$(DIFFERENTIAL): $(HOST)/tests/interop/differential.o $(HOST)/tests/cpu_paths.o $(HOST)/libnoise.a
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^ -lcmocka -lcrypto -lsodium

INTEROP_PEER := $(HOST)/interop/peer
$(INTEROP_PEER): $(HOST)/tests/interop/peer.o $(CPU_ENV) $(HOST)/libnoise.a
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^

INTEROP_FLYNN := $(BUILD)/interop/flynn
$(INTEROP_FLYNN): tests/interop/interop_flynn.go
	@mkdir -p $(@D)
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(abspath $(BUILD))/gocache GOFLAGS= go build -o $@ $<

.PHONY: check-interop
check-interop: export PEER := $(INTEROP_PEER)
check-interop: $(INTEROP_PEER) $(INTEROP_FLYNN)
	prove $(PROVE_FLAGS) --exec env $(INTEROP_FLYNN)
	prove $(PROVE_FLAGS) --exec /usr/bin/python3 tests/interop/interop_dissononce.py

# --- Foreign peers: nodes made with other Noise libraries, against the lab image from outside ---
FOREIGN_FLYNN := $(BUILD)/interop/foreign-flynn
$(FOREIGN_FLYNN): tests/interop/foreign_flynn.go
	@mkdir -p $(@D)
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(abspath $(BUILD))/gocache GOFLAGS= go build -o $@ $<

.PHONY: foreign
foreign: $(OS)/lab/neuron.elf $(FOREIGN_FLYNN) build/host/keyscan
	prove $(PROVE_FLAGS) --exec /bin/sh scripts/foreign-test.sh

# The production image on fresh keys: from outside, and two of them.
.PHONY: production-test
production-test: $(OS)/production/neuron.elf
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/production_test.py :: $< $(BUILD)/production-test

# --- The installed library, as its users have it ---
.PHONY: check-install
check-install: export HOST_CC := $(HOST_CC)
check-install: library host-programs $(NOISE_RV64_DIST)/$(NOISE_STATIC)
	prove $(PROVE_FLAGS) --exec python3 tests/install/install_test.py :: $(BUILD)/stage $(NOISE_DIST) $(or $(VECTORS),../shared/vectors)

# --- Proofs: the arithmetic of noise/ for all inputs, in each way to add up products (tests/proofs/prove.py) ---
PROOFS := $(BUILD)/proofs
PROOFS_FLAGS_split := -DNOISE_FE_NO_CARRY_FLAG
PROOFS_FLAGS_halves := -DNOISE_FE_SHIFT_BY_HALVES
$(PROOFS)/%.ll: tests/proofs/routines.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(WARN) -I. $(PROOFS_FLAGS_$*) -O1 -Xclang -disable-llvm-passes -MMD -MT $@ -MF $(@:.ll=.d) -S -emit-llvm -o $@.raw $<
	opt -S -passes='always-inline,cgscc(inline),function(sroa,simplifycfg,early-cse)' -inline-threshold=100000 $@.raw -o $@
$(PROOFS)/%.so: tests/proofs/routines.c $(PROOFS)/%.ll
	$(HOST_CC) $(WARN) -I. $(PROOFS_FLAGS_$*) -O2 -ffreestanding -shared -fPIC -o $@ $< \
	    $(filter-out noise/fe25519.c noise/fe25519_invert.c noise/poly1305.c noise/x25519_ladder.c noise/x25519_comb.c,$(NOISE_SRC))

.PHONY: check-proofs check-proofs-%
check-proofs: check-proofs-carry check-proofs-halves check-proofs-split
check-proofs-%: $(PROOFS)/%.ll $(PROOFS)/%.so
	prove $(PROVE_FLAGS) --exec '/usr/bin/python3 tests/proofs/prove.py' $< :: $(PROOFS)/$*.so

# --- Gates and mutants ---
.PHONY: dep-gate mutants check-leaks
dep-gate: $(foreach i,$(IMAGES),$(OS)/$(i)/neuron.elf) $(OS)/libnoise.a $(OS)/libdsoftbus.a
	scripts/check-image $(OS) $(IMAGES)
	prove $(PROVE_FLAGS) --exec python3 tests/gates/control_image.py

# The key scan against keys that were planted, and programs that leak.
check-leaks: $(OS)/test/neuron.elf build/host/keyscan
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/leaks.py :: $(BUILD)/leaks

mutants:
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/mutants.py

# noise on bare rv64, without the kernel: executed instructions and stack, exact.
BENCH_OS_NOISE := $(OS)/bench-noise.elf
$(BENCH_OS_NOISE): $(OS)/tests/bench/os_noise.o $(OS_BARE) $(OS_LIBNOISE) tests/bench/os_bench.ld
	$(OS_BARE_LINK)

.PHONY: bench-os-noise
bench-os-noise: $(BENCH_OS_NOISE)
	python3 tests/bench/os_noise.py $< $(BUILD)/bench-os-noise.json

# noise on this machine, beside OpenSSL and libsodium: ROUNDS, SLICE.
NOISE_BENCH := $(HOST)/noise-bench
ROUNDS ?= 15
SLICE ?= 10
$(NOISE_BENCH): $(addprefix $(HOST)/tests/bench/,noise_bench.o bench_rows.o bench_batch.o bench_peers.o bench_report.o) $(HOST)/libnoise.a
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^ -lcrypto -lsodium
$(HOST)/tests/bench/%.o: HOST_CFLAGS += -D_DEFAULT_SOURCE

host: $(NOISE_BENCH)

.PHONY: bench check-bench
bench: $(NOISE_BENCH)
	$< --rounds $(ROUNDS) --slice $(SLICE) --json $(BUILD)/bench.json

check-bench: export NOISE_BENCH := $(NOISE_BENCH)
check-bench: $(NOISE_BENCH)
	prove $(PROVE_FLAGS) --exec python3 tests/bench/check_bench.py

.PHONY: check-differential nightly-differential
check-differential: $(DIFFERENTIAL)
	CMOCKA_MESSAGE_OUTPUT=tap prove $(PROVE_FLAGS) --exec env $<

# --- Two machines on one link ---
.PHONY: nightly-os2vm
nightly-os2vm:
	prove $(PROVE_FLAGS) --exec /bin/sh scripts/os2vm.sh :: 20

# A bad link between the machines; HANDSHAKES pairs are booted, of which MAY_FAIL may miss their 30 seconds.
.PHONY: link-test nightly-link
link-test: $(OS)/lab/neuron.elf $(OS)/test/neuron.elf $(HOST)/keyscan
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/link_test.py :: $< $(BUILD)/link-test
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/attack_test.py :: $< $(BUILD)/attack-test
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/link_stream_test.py :: $(OS)/test/neuron.elf $(BUILD)/link-stream
nightly-link: $(OS)/lab/neuron.elf $(OS)/test/neuron.elf $(HOST)/keyscan
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/link_test.py :: $< $(BUILD)/nightly-link 100 1
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/link_stream_test.py :: $(OS)/test/neuron.elf $(BUILD)/nightly-link-stream worst

# --- Long repetitions ---
# Ten million cases of each primitive, shared out over the processors; each has a seed of its own.
NIGHTLY_CASES ?= 10000000
nightly-differential: $(DIFFERENTIAL)
	rm -rf $(BUILD)/nightly-differential && mkdir -p $(BUILD)/nightly-differential
	jobs=$$(nproc); for job in $$(seq $$jobs); do \
	    CASES=$$(($(NIGHTLY_CASES) / jobs)) SEED=$$((2 * $$(date +%s) + 100 * job)) CMOCKA_MESSAGE_OUTPUT=tap $(DIFFERENTIAL) \
	        >$(BUILD)/nightly-differential/$$job.tap 2>&1 & \
	done; wait
	prove $(PROVE_FLAGS) --exec cat $(BUILD)/nightly-differential/*.tap

.PHONY: nightly-interop nightly-vectors
nightly-interop: export PEER := $(INTEROP_PEER)
nightly-interop: export ROUNDS := 10000
nightly-interop: $(INTEROP_PEER) $(INTEROP_FLYNN)
	prove $(PROVE_FLAGS) --exec env $(INTEROP_FLYNN)
	prove $(PROVE_FLAGS) --exec /usr/bin/python3 tests/interop/interop_dissononce.py

# The chain of RFC 7748 a million long, on every path, with each compiler's library, and on rv64.
nightly-vectors: export ITERATIONS := 1000000
nightly-vectors: $(PUBLISHED) $(OS)/published.elf
	prove $(PROVE_FLAGS) -j2 --exec '$(PUBLISHED_TEST)' $^

.SECONDEXPANSION:
.PRECIOUS: %.o %.elf %.a
$(HOST)/unit/test_%: $(HOST)/tests/unit/test_%.o $(CPU_ENV) $$(UNIT_OBJS_$$*) $(HOST)/libdsoftbus.a $(HOST)/libnoise.a
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(UNIT_LIBS_$*) -lcmocka

.PHONY: check check-unit check-python
check: check-unit check-python
check-unit: $$(UNIT_TESTS)
	CMOCKA_MESSAGE_OUTPUT=tap prove $(PROVE_FLAGS) --exec env $^
check-python:
	prove $(PROVE_FLAGS) --exec python3 $(PYTHON_TESTS)

# --- Diagnostics: every warning an error, and the static analysers, once for each side ---
# Each file that passed leaves a stamp, so a second run looks only at what has changed.
DIAG := $(BUILD)/diag
CLANG ?= clang
CLANG_TIDY ?= clang-tidy
# Left out: what is built for the OS, and fuzzers (their entry point belongs to the fuzzing library).
DIAG_HOST_SOURCES ?= $(filter-out tests/bench/os_% tests/ct/os_% tests/ct/traced.c tests/os_unit/% tests/qemu/bench/% tests/qemu/fault/% tests/qemu/kernel/%,\
                       $(wildcard noise/*.c dsoftbus/*.c host/*.c host/*/*.c tests/*/*.c tests/*/*/*.c docs/*/*.c))
DIAG_HOST_FLAGS_host := -D_GNU_SOURCE
DIAG_HOST_FLAGS_tests := -D_GNU_SOURCE $(LWIP_INCLUDES)
DIAG_HOST_FLAGS_docs := -D_DEFAULT_SOURCE -isystem $(NOISE_INCLUDE)
DIAG_HOST_FLAGS = $(WARN) -I. $(DIAG_HOST_FLAGS_$(firstword $(subst /, ,$(1))))
DIAG_OS_SOURCES ?= $(wildcard noise/*.c dsoftbus/*.c kernel/*.c services/*/*.c services/keystored/*/*.c docs/*/*/*.c tests/os_unit/*.c)
RV_CFLAGS_docs := -isystem $(NOISE_INCLUDE)
$(addprefix $(BUILD)/diag/,host/docs/examples/client.ok host/docs/examples/server.ok os/docs/examples/bare_metal/main.ok): | \
    $(NOISE_HEADERS:%=$(NOISE_INCLUDE)/nexus/%)
DIAG_RV_CLANG := --target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany -ffreestanding
DIAG_RV_FLAGS = $(WARN) -I. -I$(OS)/gen $(RV_CFLAGS_$(firstword $(subst /, ,$(1)))) $(RV_CFLAGS_$(word 2,$(subst /, ,$(1))))
# gcc 12's analyser has no end on unrolled arithmetic without the limit, and takes arrays filled by a called function
# for uninitialised; clang's analyser and valgrind look for those.
GCC_ANALYZER := -fanalyzer --param analyzer-max-svalue-depth=4 -Wno-analyzer-use-of-uninitialized-value
# Nor does it come to an end on the first two; clang's does. The others are the text of noise/aead_avx2.c again.
GCC_ANALYZER_NOT := noise/x25519_ifma.c noise/x25519_ifma_8.c noise/aead_avx512.c noise/aead_ifma.c
# An assertion forks what clang's analyser follows, so in tests it stops earlier.
TIDY_FLAGS_tests := -Xclang -analyzer-config -Xclang max-nodes=20000
DIAG_RV_QUIET := -Wno-unknown-pragmas -Wno-ignored-optimization-argument
ANALYZE := --analyze --analyzer-output text -Xclang -analyzer-werror

# gcc's analyser does not know that a failed assertion of the test library does not return, so tests go without. clang's runs
# within clang-tidy.
$(DIAG)/host/%.ok: %.c .clang-tidy tests/build.mk | $(LWIP_READY)
	@mkdir -p $(@D)
	timeout 120 gcc $(call DIAG_HOST_FLAGS,$<) -O2 $(if $(filter tests/% $(GCC_ANALYZER_NOT),$<),,$(GCC_ANALYZER)) -MMD -MT $@ -MF $@.d -c -o $@.o $<
	$(CLANG) $(call DIAG_HOST_FLAGS,$<) -O2 -fsyntax-only $<
	$(CLANG_TIDY) --quiet $< -- $(call DIAG_HOST_FLAGS,$<) $(TIDY_FLAGS_$(firstword $(subst /, ,$<))) >$@.log 2>&1 || { cat $@.log; false; }
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem -I. $<
	@rm -f $@.o && touch $@

$(DIAG)/os/%.ok: %.c tests/build.mk | $(OS)/gen/.done
	@mkdir -p $(@D)
	timeout 120 $(RV_CC) $(RV_CFLAGS) $(call DIAG_RV_FLAGS,$<) $(GCC_ANALYZER) -MMD -MT $@ -MF $@.d -c -o $@.o $<
	$(CLANG) $(DIAG_RV_CLANG) $(call DIAG_RV_FLAGS,$<) $(DIAG_RV_QUIET) -O2 -fsyntax-only $<
	$(CLANG) $(DIAG_RV_CLANG) $(call DIAG_RV_FLAGS,$<) $(DIAG_RV_QUIET) $(ANALYZE) $<
	@rm -f $@.o && touch $@

.PHONY: diag-host diag-os
diag-host: $(DIAG_HOST_SOURCES:%.c=$(DIAG)/host/%.ok)
	@echo "diag-host: $(words $^) files clean"
diag-os: $(DIAG_OS_SOURCES:%.c=$(DIAG)/os/%.ok)
	@echo "diag-os: $(words $^) files clean"

# Each of the tools finds the fault that is made for it.
.PHONY: diag-control
diag-control:
	prove $(PROVE_FLAGS) --exec python3 tests/gates/control_diag.py

# --- Fuzzing: tests/fuzz/fuzz_<name>.c is one libFuzzer target over everything in noise/ and dsoftbus/ ---
FUZZ_SECONDS ?= 10
FUZZ_DIR := $(BUILD)/fuzz
FUZZ_FLAGS := $(WARN) -O1 -g -I. -MMD -MP -fno-strict-aliasing -fno-omit-frame-pointer \
              -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_LIB_OBJS := $(patsubst %.c,$(FUZZ_DIR)/%.o,$(wildcard noise/*.c dsoftbus/*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZ_DIR)/%.o: %.c Makefile tests/build.mk
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ_DIR)/fuzz_%: $(FUZZ_DIR)/tests/fuzz/fuzz_%.o $(FUZZ_LIB_OBJS)
	clang -fsanitize=fuzzer,address,undefined -o $@ $^ $(FUZZ_LIBS)

# The parsers of the Linux programs.
FUZZ_HOST_NAMES := control known_peers config file
FUZZ_HOST := $(FUZZ_HOST_NAMES:%=$(FUZZ_DIR)/fuzz_%)
FUZZ_WORDS = $(if $(filter $*,$(FUZZ_HOST_NAMES)),-dict=tests/fuzz/$*.dict)
$(FUZZ_HOST): $(patsubst %.c,$(FUZZ_DIR)/%.o,$(wildcard host/common/*.c))
$(FUZZ_HOST): FUZZ_LIBS := -linih -lcjson
$(FUZZ_DIR)/host/%.o $(FUZZ_HOST_NAMES:%=$(FUZZ_DIR)/tests/fuzz/fuzz_%.o): FUZZ_FLAGS += -D_GNU_SOURCE

# Finds that are to be kept as regression tests become unit tests; the corpus is only a cache,
# to which tests/fuzz/seeds/<name> is a beginning.
.PHONY: fuzz fuzz-% nightly-fuzz
fuzz: $(FUZZ_NAMES:%=fuzz-%)
fuzz-%: $(FUZZ_DIR)/fuzz_%
	@mkdir -p $(FUZZ_DIR)/corpus/$*
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 $(FUZZ_WORDS) \
	    -artifact_prefix=$(FUZZ_DIR)/$*- $(FUZZ_DIR)/corpus/$* $(wildcard tests/fuzz/seeds/$*) >$(FUZZ_DIR)/$*.log 2>&1 || { tail -n 60 $(FUZZ_DIR)/$*.log; false; }
	@sed -n '/DONE/s/.*\(cov: [0-9]*\).*/fuzz $*: \1/p; s/stat::number_of_executed_units: */fuzz $*: executions: /p' $(FUZZ_DIR)/$*.log
nightly-fuzz: FUZZ_SECONDS := 600
nightly-fuzz: fuzz
