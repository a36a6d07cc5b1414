# The Linux programs as their users have them, on machines made of name spaces. Each target takes about a minute.
HOST_PAIRING_TESTS := tests/host/pairing.py

.PHONY: check-host-pairing
check-host-pairing: export HOST_PROGRAMS := $(HOST)/bin
check-host-pairing: host-programs
	prove $(PROVE_FLAGS) --exec python3 $(HOST_PAIRING_TESTS)

# With a machine under QEMU, production image.
.PHONY: check-host-guest
check-host-guest: export HOST_PROGRAMS := $(HOST)/bin
check-host-guest: host-programs $(OS)/production/neuron.elf
	prove $(PROVE_FLAGS) --exec python3 tests/host/guest.py :: $(OS)/production/neuron.elf

# Manual, completions, unit, metrics, installation.
.PHONY: check-host-package
check-host-package: export HOST_PROGRAMS := $(HOST)/bin
check-host-package: host-programs host-extra
	prove $(PROVE_FLAGS) --exec python3 tests/host/package.py

# A flood of connections and datagrams; FLOOD_SECONDS.
FLOOD := $(HOST)/tests/host/flood
$(FLOOD): $(HOST)/tests/host/flood.o
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^

.PHONY: check-host-flood nightly-host-flood
check-host-flood nightly-host-flood: export HOST_PROGRAMS := $(HOST)/bin
check-host-flood nightly-host-flood: export FLOOD := $(FLOOD)
check-host-flood: host-programs $(FLOOD)
	prove $(PROVE_FLAGS) --exec python3 tests/host/flood.py
nightly-host-flood: export FLOOD_SECONDS := 60
nightly-host-flood: host-programs $(FLOOD)
	prove $(PROVE_FLAGS) --exec python3 tests/host/flood.py

# Killed at random moments (SEED); where the static key is.
.PHONY: check-host-kill check-host-custody
check-host-kill check-host-custody: export HOST_PROGRAMS := $(HOST)/bin
check-host-kill check-host-custody: check-host-%: host-programs
	prove $(PROVE_FLAGS) --exec python3 tests/host/$*.py
