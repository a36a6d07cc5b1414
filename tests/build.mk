# Tests, gates and benchmarks.

# --- Unit tests: tests/unit/test_<module>.c is one cmocka program; a Python program is tests/*/test_*.py ---
# Both write TAP. What a module needs beyond the two libraries is said beside it:
#   UNIT_OBJS_<module> := $(HOST)/...o      UNIT_LIBS_<module> := -l...
UNIT_TESTS = $(patsubst tests/unit/test_%.c,$(HOST)/unit/test_%,$(wildcard tests/unit/test_*.c))
PYTHON_TESTS = $(wildcard tests/*/test_*.py)
PROVE_FLAGS ?=

.SECONDEXPANSION:
.SECONDARY:
$(HOST)/unit/test_%: $(HOST)/tests/unit/test_%.o $$(UNIT_OBJS_$$*) $(HOST)/libdsoftbus.a $(HOST)/libnoise.a
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(UNIT_LIBS_$*) -lcmocka

.PHONY: check check-unit check-python
check: check-unit check-python
check-unit: $$(UNIT_TESTS)
	CMOCKA_MESSAGE_OUTPUT=tap prove $(PROVE_FLAGS) --exec env $^
check-python:
	prove $(PROVE_FLAGS) --exec python3 $(PYTHON_TESTS)
