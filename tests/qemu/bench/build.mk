# Measuring on the OS: the bench image and the bare machine, their runs, and their figures. Instructions are counted exactly.
.PHONY: bench-os
bench-os: bench-os-noise $(OS)/bench/neuron.elf $(KT)/neuron.elf
	rm -rf $(BUILD)/provision/bench
	scripts/provision.sh --bringup --out $(BUILD)/provision/bench >/dev/null
	python3 tests/qemu/bench_os.py $(filter %.elf,$^) $(BUILD)/provision/bench $(BUILD)/bench-os.log $(BUILD)/bench-os-system.json
	python3 tests/bench/join_json.py $(BUILD)/bench-os.json $(BUILD)/bench-os-noise.json $(BUILD)/bench-os-system.json
