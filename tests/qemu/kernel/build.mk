# The kernel's own test image: its manifest and processes, and nothing of the services but their library.
KT := $(OS)/kernel-test
KT_PROCESSES := tester server victim spinner wrong-abi
KT_CFLAGS = $(subst -I$(OS)/gen,-I$(KT)/gen,$(RV_CFLAGS))

$(KT)/gen/.done: tests/qemu/kernel/kernel.manifest scripts/manifest.py
	@mkdir -p $(@D)
	python3 scripts/manifest.py gen $< $(@D)
	@touch $@
$(KT)/%.o: tests/qemu/kernel/%.c kernel/build.mk $(KT)/gen/.done
	$(RV_CC) $(KT_CFLAGS) -c -o $@ $<
$(KT)/%.o: tests/qemu/kernel/%.S kernel/build.mk
	@mkdir -p $(@D)
	$(RV_CC) $(KT_CFLAGS) -c -o $@ $<
$(KT)/tester.elf $(KT)/server.elf: $(KT)/registers.o
$(KT)/%.elf: $(KT)/%.o $(SERVICE_LIB) services/service.ld
	$(RV_CC) $(RV_LDFLAGS) -T services/service.ld -o $@ $(filter %.o %.a,$^) -lgcc
# The spinner's image, with the version in its note (name "neuron", type 1) changed.
$(KT)/wrong-abi.elf: $(KT)/spinner.elf
	python3 -c 'import sys; b = open(sys.argv[1], "rb").read(); n = b"neuron\0\0\1\0\0\0"; \
	  assert b.count(n) == 1; open(sys.argv[2], "wb").write(b.replace(n, n[:8] + b"\2\0\0\0"))' $< $@
$(KT)/manifest.c: $(KT_PROCESSES:%=$(KT)/%.elf) tests/qemu/kernel/kernel.manifest scripts/manifest.py
	python3 scripts/manifest.py image tests/qemu/kernel/kernel.manifest test $(KT_PROCESSES:%=$(KT)/%.elf) >$@
$(KT)/manifest.o: $(KT)/manifest.c
	$(RV_CC) $(KT_CFLAGS) -c -o $@ $<
$(KT)/neuron.elf: $(KERNEL_OBJECTS) $(KT)/manifest.o kernel/kernel.ld
	$(RV_CC) $(RV_LDFLAGS) -T kernel/kernel.ld -o $@ $(filter %.o,$^) -lgcc

.PHONY: kernel-test
kernel-test: $(KT)/neuron.elf
	prove $(PROVE_FLAGS) --exec 'python3 tests/qemu/kernel_test.py $(KT)/neuron.elf' $(BUILD)/kernel-test.log
