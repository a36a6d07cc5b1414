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

SERVICE_LIBS_keystored += $(OS)/libnoise.a
SERVICE_LIBS_netstackd += $(OS)/libnoise.a
SERVICE_LIBS_dsoftbusd += $(OS)/libdsoftbus.a $(OS)/libnoise.a
SERVICE_LIBS_selftest-client += $(OS)/libdsoftbus.a $(OS)/libnoise.a

# The attackers' keys of the self-test, from the one place where test keys are derived.
# SECURITY: bring-up test keys, NOT production custody
$(OS)/gen/attackers.h: scripts/bringup.py
	@mkdir -p $(@D)
	python3 $< attackers >$@.new && mv $@.new $@
$(OS)/services/selftest-client/attacks.o $(OS)/services/selftest-client/mitm.o: $(OS)/gen/attackers.h

# Link order: the service, its own archives (SERVICE_LIBS_<name>), the library of all services.
define service_rule
$(OS)/$(1).elf: $(call rv_objects,services/$(1)/*.c) $(SERVICE_LIBS_$(1)) $(SERVICE_LIB) services/service.ld
	$(RV_CC) $(RV_LDFLAGS) -T services/service.ld -Wl,-Map=$(OS)/$(1).map -o $$@ $$(filter %.o %.a,$$^) -lgcc
endef
$(foreach s,$(SERVICES),$(eval $(call service_rule,$(s))))

# An image: the kernel, the manifest's tables for it, and the process images; a service that has a variant for this
# image (build/os/<image>/<service>.elf) is taken from there.
define image_rule
IMAGE_ELFS_$(1) := $(foreach s,$(2),$(if $(filter $(1)/$(s),$(SERVICE_VARIANTS)),$(OS)/$(1)/$(s).elf,$(OS)/$(s).elf))
$(OS)/$(1)/manifest.c: $$(IMAGE_ELFS_$(1)) services/system.manifest scripts/manifest.py
	@mkdir -p $$(@D)
	python3 scripts/manifest.py image services/system.manifest $(1) $$(IMAGE_ELFS_$(1)) >$$@
$(OS)/$(1)/manifest.o: $(OS)/$(1)/manifest.c
	$(RV_CC) $(RV_CFLAGS) -Wno-cast-qual -c -o $$@ $$<
$(OS)/$(1)/neuron.elf: $(KERNEL_OBJECTS) $(OS)/$(1)/manifest.o kernel/kernel.ld
	$(RV_CC) $(RV_LDFLAGS) -T kernel/kernel.ld -Wl,-Map=$(OS)/$(1)/neuron.map -o $$@ $$(filter %.o,$$^) -lgcc
endef
SERVICE_VARIANTS := production/keystored
$(eval $(call image_rule,test,$(SERVICES)))
$(eval $(call image_rule,lab,$(filter-out selftest-client,$(SERVICES))))
$(eval $(call image_rule,production,$(filter-out selftest-client,$(SERVICES))))

.PHONY: os
os: $(foreach i,$(IMAGES),$(OS)/$(i)/neuron.elf)
