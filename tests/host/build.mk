# The Linux programs as their users have them, on machines made of name spaces. Each target takes about a minute.
HOST_PAIRING_TESTS := tests/host/pairing.py

.PHONY: check-host-pairing
check-host-pairing: export HOST_PROGRAMS := $(HOST)/bin
check-host-pairing: host-programs
	prove $(PROVE_FLAGS) --exec python3 $(HOST_PAIRING_TESTS)
