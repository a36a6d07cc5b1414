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
	objcopy -O binary -j .text -j .data $< $@

.PHONY: check-emulator
check-emulator: $(foreach p,paths published,$(EMULATOR)/$(p).boot $(EMULATOR)/$(p).program)
	prove $(PROVE_FLAGS) --exec python3 tests/emulator/run_emulator.py :: $(EMULATOR)/paths.boot $(EMULATOR)/paths.program $(EMULATOR)
	prove $(PROVE_FLAGS) --exec '$(PUBLISHED_TEST)' $(EMULATOR)/published.program

# Single steps through each path: constant time where no processor has AVX-512. See trap.S.
EMULATOR_TRACED := $(EMULATOR)/tests/ct/traced
TRACED_IMAGES := short primitives whole
$(EMULATOR)/tests/emulator/trap.o: EMULATOR_CFLAGS += -mgeneral-regs-only
$(EMULATOR_TRACED)-short.o: EMULATOR_CFLAGS += -DTRACE_SECRETS=4 -DTRACE_PRIMITIVES
$(EMULATOR_TRACED)-primitives.o: EMULATOR_CFLAGS += -DTRACE_PRIMITIVES
$(TRACED_IMAGES:%=$(EMULATOR_TRACED)-%.o): tests/ct/traced.c Makefile tests/emulator/build.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(EMULATOR_CFLAGS) -c -o $@ $<
$(EMULATOR)/trap_entry.o: tests/emulator/trap.S
	@mkdir -p $(@D)
	gcc -c -o $@ $<
$(TRACED_IMAGES:%=$(EMULATOR)/trace-%.elf): $(EMULATOR)/trace-%.elf: $(EMULATOR_TRACED)-%.o \
                         $(addprefix $(EMULATOR)/,boot.o trap_entry.o tests/cpu_paths.o) \
                         $(addprefix $(EMULATOR)/tests/emulator/,trace.o trap.o pc.o) $(EMULATOR_NOISE) tests/emulator/image.ld
	$(EMULATOR_LINK)

# check-ct-emulator: primitives, few secrets. check-ct-emulator-full: 16 secrets, with what HOST_CC makes at OPT; and handshakes on
# the path whose X25519 no other test of the kind has (without IFMA it is AVX2's, and check-ct-matrix has that).
# nightly-ct-emulator: with what each compiler makes at each level, which takes hours.
CT_EMULATOR_TEST = prove $(PROVE_FLAGS) --exec 'python3 tests/emulator/trace.py'
CT_AVX512 := bmi2,adx,avx2,avx512
.PHONY: check-ct-emulator check-ct-emulator-full nightly-ct-emulator
check-ct-emulator: $(addprefix $(EMULATOR)/trace-short.,elf boot program)
	$(CT_EMULATOR_TEST) $(EMULATOR)/trace-short :: 4 $(CT_AVX512) $(CT_AVX512),ifma
check-ct-emulator-full: $(foreach image,primitives whole,$(addprefix $(EMULATOR)/trace-$(image).,elf boot program))
	$(CT_EMULATOR_TEST) $(EMULATOR)/trace-primitives :: 16 $(CT_AVX512)
	$(CT_EMULATOR_TEST) $(EMULATOR)/trace-whole :: 16 $(CT_AVX512),ifma
nightly-ct-emulator:
	failed=; for level in -O1 -O2 -O3 -Os; do for compiler in gcc clang; do \
	    $(MAKE) HOST_CC=$$compiler OPT=$$level SAN= check-ct-emulator-full || failed="$$failed $$compiler $$level"; \
	done; done; [ -z "$$failed" ] || { echo "failed:$$failed"; false; }
