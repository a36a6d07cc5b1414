# SPDX-License-Identifier: Apache-2.0
# How large things are: make size. noise/ is compiled three times: as the OS has it, for its stack; for size; and for size
# without the fixed-base comb. What is linked is what a user of every public function gets.
SIZE := $(BUILD)/size
SIZE_VARIANTS := speed small smallest
SIZE_FLAGS_speed :=
SIZE_FLAGS_small := -Os -DNOISE_SMALL -msave-restore
SIZE_FLAGS_smallest := $(SIZE_FLAGS_small) -DNOISE_NO_COMB

# Memory functions belong to the environment: addresses stand for them.
SIZE_ENVIRONMENT := $(foreach f,memcpy memmove memset memcmp,-Wl,--defsym=$(f)=0x20000)
SIZE_ROOTS = $(shell sed -n 's/^ *\(\(xk\|noise\)_[a-z0-9_]*\);$$/-Wl,-u,\1/p' $(NOISE_EXPORTS))

define size_rule
$(SIZE)/$(1)/%.o: %.c Makefile kernel/build.mk noise/build.mk tests/size/build.mk | $(OS)/gen/.done
	@mkdir -p $$(@D)
	$(RV_CC) $(RV_CFLAGS) $(RV_CFLAGS_noise) $(SIZE_FLAGS_$(1)) -g0 -fcallgraph-info=su -c -o $$@ $$<
$(SIZE)/$(1)/noise.elf: $(NOISE_SRC:%.c=$(SIZE)/$(1)/%.o) $(NOISE_EXPORTS)
	$(RV_CC) $(RV_LDFLAGS) -Wl,-e,0 -Wl,-Ttext=0x10000 $$(SIZE_ROOTS) $(SIZE_ENVIRONMENT) -o $$@ $$(filter %.o,$$^) -lgcc
size: $(SIZE)/$(1)/noise.elf $(SIZE)/$(1)/services/lib/string.o
endef
$(foreach variant,$(SIZE_VARIANTS),$(eval $(call size_rule,$(variant))))

.PHONY: size
size: $(SIZE_VARIANTS:%=$(SIZE)/%/tests/size/states.o) $(foreach i,$(IMAGES),$(OS)/$(i)/neuron.elf)
	python3 tests/size/report.py $(BUILD) $(BUILD)/size.json $(IMAGES)
