# SPDX-License-Identifier: Apache-2.0
# noise/: one archive for the host, one for the OS. Nothing but freestanding C in either.

NOISE_SRC := $(wildcard noise/*.c)
LIBNOISE := $(HOST)/libnoise.a
OS_LIBNOISE := $(BUILD)/os/libnoise.a

$(LIBNOISE): $(NOISE_SRC:%.c=$(HOST)/%.o)
	rm -f $@ && ar rcs $@ $^

# Freestanding on the host too: what the compiler may assume about a libc must not differ between the two.
$(NOISE_SRC:%.c=$(HOST)/%.o): HOST_CFLAGS += -ffreestanding

$(OS_LIBNOISE): $(NOISE_SRC:%.c=$(BUILD)/os/%.o)
	rm -f $@ && $(RV_AR) rcs $@ $^

# Scheduling before register allocation makes gcc spill in the field arithmetic.
RV_CFLAGS_noise := -fno-schedule-insns

# clang's scheduler reorders the field arithmetic in vectors: 53,000 cycles instead of 48,500 for a ladder.
%/x25519_avx2.o %/x25519_ifma.o %/x25519_ifma_8.o: HOST_CFLAGS += $(if $(findstring clang,$(HOST_CC)),-mllvm -enable-misched=0)

# What is in vectors there is written so. clang would add gathers and scatters, with public addresses, but of secrets, and
# processors with Gather Data Sampling leak what they gather.
%/x25519_avx2.o %/x25519_ifma.o %/x25519_ifma_8.o %/aead_avx2.o %/aead_avx512.o %/aead_ifma.o: \
    HOST_CFLAGS += $(if $(findstring clang,$(HOST_CC)),-mllvm -vectorize-loops=false -mllvm -vectorize-slp=false)
