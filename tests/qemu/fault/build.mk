# Two images for faults. `fault`: the test image with a client in selftest-client's place that wants everything back after a
# fault. `crash`: the lab image with an echo that faults whenever it is started.
FAULT := $(OS)/fault
$(FAULT)/selftest-client.elf: $(OS)/tests/qemu/fault/main.o $(OS)/services/selftest-client/node.o \
        $(SERVICE_LIBS_selftest-client) $(SERVICE_LIB) services/service.ld
$(FAULT)/echo.elf: $(OS)/tests/qemu/fault/crash.o $(SERVICE_LIB) services/service.ld
$(FAULT)/selftest-client.elf $(FAULT)/echo.elf:
	@mkdir -p $(@D)
	$(RV_CC) $(RV_LDFLAGS) -T services/service.ld -o $@ $(filter %.o %.a,$^) -lgcc

FAULT_ELFS := $(foreach s,$(filter-out selftest-client,$(SERVICES)),$(OS)/$(s).elf) $(FAULT)/selftest-client.elf
CRASH_ELFS := $(foreach s,$(filter-out selftest-client echo,$(SERVICES)),$(OS)/$(s).elf) $(FAULT)/echo.elf
$(FAULT)/manifest-fault.c: $(FAULT_ELFS) services/system.manifest scripts/manifest.py
	python3 scripts/manifest.py image services/system.manifest test $(FAULT_ELFS) >$@
$(FAULT)/manifest-crash.c: $(CRASH_ELFS) services/system.manifest scripts/manifest.py
	python3 scripts/manifest.py image services/system.manifest lab $(CRASH_ELFS) >$@
$(FAULT)/manifest-%.o: $(FAULT)/manifest-%.c
	$(RV_CC) $(RV_CFLAGS) -Wno-cast-qual -c -o $@ $<
$(FAULT)/%.elf: $(KERNEL_OBJECTS) $(FAULT)/manifest-%.o kernel/kernel.ld
	$(RV_CC) $(RV_LDFLAGS) -T kernel/kernel.ld -o $@ $(filter %.o,$^) -lgcc

.PHONY: fault-test
fault-test: $(FAULT)/fault.elf $(FAULT)/crash.elf
	prove $(PROVE_FLAGS) --exec python3 tests/qemu/fault_test.py :: $(OS) $(BUILD)/fault-test
