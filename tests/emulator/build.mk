# noise/ as it is compiled for each path, on an emulated processor that has all of them. See boot.S.
EMULATOR := $(BUILD)/emulator$(VARIANT)
EMULATOR_CFLAGS := $(WARN) $(OPT) -I. -MMD -MP -fno-strict-aliasing -ffreestanding -fno-pic -fno-pie -mno-red-zone \
                   -fno-stack-protector -fcf-protection=none

$(EMULATOR)/%.o: %.c Makefile tests/emulator/build.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(EMULATOR_CFLAGS) -c -o $@ $<

$(EMULATOR)/boot.o: tests/emulator/boot.S
	@mkdir -p $(@D)
	gcc -c -o $@ $<

EMULATOR_NOISE := $(patsubst %.c,$(EMULATOR)/%.o,$(wildcard noise/*.c))
EMULATOR_LINK = ld -nostdlib -static --no-warn-rwx-segments -T tests/emulator/image.ld -o $@ $(filter %.o,$^)
$(EMULATOR)/paths.elf: $(EMULATOR)/boot.o $(EMULATOR)/tests/emulator/paths.o $(EMULATOR)/tests/emulator/pc.o $(EMULATOR_NOISE) \
                       tests/emulator/image.ld
	$(EMULATOR_LINK)
$(EMULATOR)/published.elf: $(EMULATOR)/boot.o $(addprefix $(EMULATOR)/tests/,emulator/published.o emulator/pc.o cpu_paths.o \
                           vectors/published.o) $(EMULATOR_NOISE) tests/emulator/image.ld
	$(EMULATOR_LINK)

# The boot sector, and the program that it loads.
$(EMULATOR)/%.boot: $(EMULATOR)/%.elf
	objcopy -O binary -j .boot $< $@
$(EMULATOR)/%.program: $(EMULATOR)/%.elf
	objcopy -O binary -j .program $< $@

.PHONY: check-emulator
check-emulator: $(foreach p,paths published,$(EMULATOR)/$(p).boot $(EMULATOR)/$(p).program)
	prove $(PROVE_FLAGS) --exec python3 tests/emulator/run_emulator.py :: $(EMULATOR)/paths.boot $(EMULATOR)/paths.program $(EMULATOR)
	prove $(PROVE_FLAGS) --exec '$(PUBLISHED_TEST)' $(EMULATOR)/published.program
