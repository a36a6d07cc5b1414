# SPDX-License-Identifier: Apache-2.0
# Constant time under valgrind: the library once more, with declassification told to valgrind.
CT_NOISE := $(HOST)/ct/ct_noise
CT_OBJS := $(patsubst noise/%.c,$(HOST)/ct/%.o,$(wildcard noise/*.c))
$(CT_OBJS): $(HOST)/ct/%.o: noise/%.c Makefile
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -gdwarf-4 -ffreestanding -DNOISE_CT_TEST -c -o $@ $<
$(HOST)/tests/ct/%.o: HOST_CFLAGS += -gdwarf-4
$(HOST)/ct/env/cpu_env.o: tests/cpu_env.c # valgrind 3.19 does not read what clang writes by default
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -gdwarf-4 -c -o $@ $<
$(CT_NOISE): $(HOST)/tests/ct/ct_noise.o $(HOST)/ct/env/cpu_env.o $(CT_OBJS)
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^

# check-ct: one compiler, one level, the path that valgrind's processor has. check-ct-matrix: all of each.
.PHONY: check-ct check-ct-build check-ct-matrix
check-ct: $(CT_NOISE)
	prove $(PROVE_FLAGS) --exec 'valgrind --quiet --error-limit=no --log-file=$(HOST)/ct/valgrind.log' $<
check-ct-build: $(CT_NOISE) $(HOST)/tests/ct/division.o
check-ct-matrix: $(NOISE_SRC:%.c=$(BUILD)/os/%.o) $(BUILD)/os/tests/ct/division.o
	prove $(PROVE_FLAGS) --exec python3 tests/ct/matrix.py :: $(BUILD)

# check-ct-os: traces of the rv64 binary.
CT_PLUGIN := $(HOST)/ct/trace_plugin.so
CT_OS := $(BUILD)/os/ct_trace.elf
$(CT_PLUGIN): tests/ct/trace_plugin.c tests/ct/qemu_plugin.h
	@mkdir -p $(@D)
	$(HOST_CC) $(filter-out -MMD -MP,$(HOST_CFLAGS)) -fPIC -shared -o $@ $<
$(CT_OS): $(BUILD)/os/tests/ct/traced.o $(BUILD)/os/tests/ct/os_marks.o $(OS_BARE) $(OS_LIBNOISE) tests/bench/os_bench.ld
	$(OS_BARE_LINK)

.PHONY: check-ct-os
check-ct-os: $(CT_OS) $(CT_PLUGIN)
	prove $(PROVE_FLAGS) --exec 'python3 tests/ct/os_trace.py' $(CT_OS) :: $(CT_PLUGIN)

# check-ct-step: traces on this machine; CT_PATHS names some paths only. Static, so that addresses are what objdump says.
CT_STEP := $(HOST)/ct/step_noise
CT_PATHS ?=
$(CT_STEP): $(HOST)/tests/ct/traced.o $(HOST)/tests/ct/step_marks.o $(CPU_ENV) $(LIBNOISE)
	$(HOST_CC) $(HOST_LDFLAGS) -static -o $@ $^

.PHONY: check-ct-step nightly-ct-step
check-ct-step: $(CT_STEP)
	prove $(PROVE_FLAGS) --exec 'python3 tests/ct/step.py' $(CT_STEP) :: $(CT_PATHS)
nightly-ct-step:
	for cc in gcc clang; do for level in -O1 -O2 -O3 -Os; do \
	    echo "$$cc $$level" && $(MAKE) HOST_CC=$$cc OPT=$$level SAN= check-ct-step || exit 1; \
	done; done
