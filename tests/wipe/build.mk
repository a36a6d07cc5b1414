# SPDX-License-Identifier: Apache-2.0
# Wiping: what is left of secrets after each call, on every path of the machine. LTO=1 for link-time optimisation, KEEP=1 with
# dead frames and registers left as they are.
LTO ?=
KEEP ?=
WIPE := $(HOST)/wipe$(if $(LTO),-lto)$(if $(KEEP),-keep)
WIPE_CLANG := $(findstring clang,$(HOST_CC))
WIPE_FLAGS := $(if $(LTO),-flto$(if $(WIPE_CLANG),,=auto)) $(if $(KEEP),-DNOISE_TEST_KEEP_FRAMES)
WIPE_LDFLAGS := $(OPT) $(WIPE_FLAGS) $(if $(LTO),$(if $(WIPE_CLANG),-fuse-ld=lld))
WIPE_OBJS := $(addprefix $(HOST)/tests/wipe/,main.o scan.o script.o leaky.o call_x86_64.o)
WIPE_NOISE_OBJS := $(patsubst noise/%.c,$(WIPE)/%.o,$(wildcard noise/*.c))

$(WIPE_NOISE_OBJS): $(WIPE)/%.o: noise/%.c Makefile tests/wipe/build.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -ffreestanding $(WIPE_FLAGS) -c -o $@ $<
$(HOST)/tests/wipe/%.o: tests/wipe/%.S
	@mkdir -p $(@D)
	$(HOST_CC) -c -o $@ $<
# Bound at the start: to bind late would save registers on the stack.
$(WIPE)/test_wipe: $(WIPE_OBJS) $(CPU_ENV) $(WIPE_NOISE_OBJS)
	$(HOST_CC) $(HOST_LDFLAGS) $(WIPE_LDFLAGS) -Wl,-z,now -o $@ $^

.PHONY: check-wipe check-wipe-build wipe-mutants nightly-wipe-mutants
nightly-wipe-mutants: wipe-mutants
check-wipe:
	prove $(PROVE_FLAGS) --exec /bin/sh tests/wipe/all.sh
check-wipe-build: $(WIPE)/test_wipe
	python3 tests/every_path.py $<

# The mutants need the objects of both kinds.
WIPE_UNIT_TESTS := $(addprefix $(HOST)/tests/unit/test_,noise_xk.o xk_transport.o blake2s.o rng.o)
wipe-mutants: $(HOST)/wipe/test_wipe $(WIPE_UNIT_TESTS)
	$(MAKE) KEEP=1 $(HOST)/wipe-keep/test_wipe
	prove $(PROVE_FLAGS) --exec python3 tests/wipe/mutants.py :: $(HOST) $(HOST_CC) $(HOST_CFLAGS)
