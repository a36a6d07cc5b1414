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

$(EMULATOR)/image.elf: $(EMULATOR)/boot.o $(EMULATOR)/tests/emulator/paths.o $(patsubst %.c,$(EMULATOR)/%.o,$(wildcard noise/*.c)) \
                       tests/emulator/image.ld
	ld -nostdlib -static --no-warn-rwx-segments -T tests/emulator/image.ld -o $@ $(filter %.o,$^)

$(EMULATOR)/%.bin: $(EMULATOR)/image.elf
	objcopy -O binary -j .$* $< $@

.PHONY: check-emulator
check-emulator: $(EMULATOR)/boot.bin $(EMULATOR)/program.bin
	prove $(PROVE_FLAGS) --exec python3 tests/emulator/run_emulator.py :: $^ $(EMULATOR)
