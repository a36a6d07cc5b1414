# The simulator: SEEDS seeds from FIRST on; SEED=n runs that one again and tells what happens; JOBS processes.
SIM := $(HOST)/sim
SEEDS ?= 10000
FIRST ?= 1
JOBS ?= $(shell nproc)
SIM_OBJS := $(patsubst tests/sim/%.c,$(HOST)/tests/sim/%.o,$(wildcard tests/sim/*.c))
# Every encryption of the library passes the check of nonces.
$(SIM): $(SIM_OBJS) $(HOST)/libdsoftbus.a $(LIBNOISE)
	$(HOST_CC) $(HOST_LDFLAGS) -Wl,--wrap=chacha20poly1305_seal -o $@ $^

.PHONY: sim nightly-sim sim-mutants
sim: $(SIM)
	$(if $(SEED),$(SIM) -v --seed $(SEED),$(SIM) --seeds $(SEEDS) --first $(FIRST) --jobs $(JOBS))

nightly-sim: $(SIM)
	prove $(PROVE_FLAGS) --exec '$(SIM) --seeds 200000 --first 10001 --jobs $(JOBS)' ::

# Each patch breaks the product in a copy of the tree, and the simulator has to say which invariant it was.
sim-mutants:
	prove $(PROVE_FLAGS) --exec python3 tests/sim/mutants.py
