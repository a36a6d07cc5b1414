# Measuring on the OS: the bench image, its run, and its figures. Instructions are counted exactly.
.PHONY: bench-os
bench-os: $(OS)/bench/neuron.elf $(KT)/neuron.elf
	rm -rf $(BUILD)/provision/bench
	scripts/provision.sh --bringup --out $(BUILD)/provision/bench >/dev/null
	python3 tests/qemu/bench_os.py $^ $(BUILD)/provision/bench $(BUILD)/bench-os.log $(BUILD)/bench-os.json
