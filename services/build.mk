# Processes of the OS, the manifest, and the images made from both.
#
# Images: production (entropy from virtio-rng), lab (accepts a provisioned seed, nothing else differs),
# test (lab and selftest-client), bench (lab and the measuring client).
SERVICES := init keystored netstackd dsoftbusd selftest-client
IMAGES := test lab production

$(OS)/gen/.done: services/system.manifest services/markers.manifest scripts/manifest.py scripts/markers.py
	@mkdir -p $(@D)
	python3 scripts/manifest.py gen services/system.manifest $(@D)
	python3 scripts/markers.py header services/markers.manifest >$(@D)/markers.h
	@touch $@

rv_objects = $(patsubst %,$(OS)/%.o,$(basename $(wildcard $(1))))

SERVICE_LIB := $(OS)/libservice.a
$(SERVICE_LIB): $(call rv_objects,services/lib/*.c services/lib/*.S)
	rm -f $@ && $(RV_AR) rcs $@ $^

# keystored is linked twice: with the `seed` line (lab, test, bench), and without it.
SERVICE_LIBS_keystored := $(call rv_objects,services/keystored/lab/*.c)
$(OS)/production/keystored.elf: $(call rv_objects,services/keystored/*.c services/keystored/production/*.c) \
        $(OS)/libnoise.a $(SERVICE_LIB) services/service.ld
	@mkdir -p $(@D)
	$(RV_CC) $(RV_LDFLAGS) -T services/service.ld -Wl,-Map=$(@:.elf=.map) -o $@ $(filter %.o %.a,$^) $(SERVICE_LIB) -lgcc

# Link order: the service, its own archives (SERVICE_LIBS_<name>), the shared ones.
define service_rule
$(OS)/$(1).elf: $(call rv_objects,services/$(1)/*.c) $(SERVICE_LIBS_$(1)) $(OS)/libdsoftbus.a $(OS)/libnoise.a $(SERVICE_LIB) services/service.ld
	$(RV_CC) $(RV_LDFLAGS) -T services/service.ld -Wl,-Map=$(OS)/$(1).map -o $$@ $$(filter %.o %.a,$$^) $(SERVICE_LIB) -lgcc
endef
