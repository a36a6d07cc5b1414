# neuron, and what every program of the OS side is built with.
OS := $(BUILD)/os
RV_CC ?= riscv64-unknown-elf-gcc
RV_AR ?= riscv64-unknown-elf-ar
RV_OPT ?= -O2
# -misa-spec=2.2: the CSR instructions and fence.i belong to rv64imac, as they did then.
RV_CFLAGS := $(WARN) $(RV_OPT) -g -I. -I$(OS)/gen -MMD -MP -march=rv64imac -misa-spec=2.2 -mabi=lp64 -mcmodel=medany \
             -ffreestanding -fno-strict-aliasing -fno-common -ffunction-sections -fdata-sections \
             -fno-stack-protector -fno-pic -fstack-usage -msmall-data-limit=0
RV_LDFLAGS := -nostdlib -static -march=rv64imac -misa-spec=2.2 -mabi=lp64 -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack

$(OS)/%.o: %.c Makefile kernel/build.mk | $(OS)/gen/.done
	@mkdir -p $(@D)
	$(RV_CC) $(RV_CFLAGS) $(RV_CFLAGS_$(firstword $(subst /, ,$<))) -c -o $@ $<

$(OS)/%.o: %.S Makefile kernel/build.mk | $(OS)/gen/.done
	@mkdir -p $(@D)
	$(RV_CC) $(RV_CFLAGS) -c -o $@ $<

KERNEL_OBJECTS := $(patsubst %,$(OS)/%.o,$(basename $(wildcard kernel/*.c kernel/*.S)))
RV_CFLAGS_kernel := -flto
