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
