# Processes of the OS, the manifest, and the images made from both.
#
# Images: production (entropy from virtio-rng), lab (accepts a provisioned seed, nothing else differs),
# test (lab and selftest-client), bench (the same with the measuring client in its place).
SERVICES := init keystored netstackd dsoftbusd echo selftest-client
IMAGES := test lab production bench

$(OS)/gen/.done: services/system.manifest services/markers.manifest services/two-machine.manifest scripts/manifest.py scripts/bus_rights.py scripts/markers.py
	@mkdir -p $(@D)
	python3 scripts/manifest.py gen services/system.manifest $(@D)
	python3 scripts/markers.py header services/markers.manifest services/two-machine.manifest >$(@D)/markers.h
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

# netstackd: lwIP as it is published (scripts/fetch-lwip.sh), compiled with netstackd's options. Its warnings are its own.
#   make LWIP_SRC=DIR ...     an lwIP 2.1.3 source tree of your own
LWIP := $(or $(LWIP_SRC),.deps/lwip)
LWIP_READY := $(if $(LWIP_SRC),,.deps/lwip/.sha256)
LWIP_MODULES := $(addprefix core/,def inet_chksum init ip mem memp netif pbuf raw stats tcp tcp_in tcp_out timeouts udp) \
                $(addprefix core/ipv4/,dhcp etharp icmp igmp ip4 ip4_addr) netif/ethernet
LWIP_INCLUDES := -isystem services/netstackd/lwip -isystem $(LWIP)/src/include
LWIP_CFLAGS := -w -I. $(LWIP_INCLUDES)
RV_CFLAGS_netstackd := -isystem services/netstackd/lwip/shim $(LWIP_INCLUDES)

.deps/lwip/.sha256: scripts/fetch-lwip.sh
	./scripts/fetch-lwip.sh && touch $@
$(LWIP_MODULES:%=$(OS)/lwip/%.o): $(OS)/lwip/%.o: services/netstackd/lwip/lwipopts.h services/netstackd/limits.h | $(LWIP_READY)
	@mkdir -p $(@D)
	$(RV_CC) $(filter-out $(WARN),$(RV_CFLAGS)) -std=c17 $(RV_CFLAGS_netstackd) $(LWIP_CFLAGS) -c -o $@ $(LWIP)/src/$*.c
$(OS)/liblwip.a: $(LWIP_MODULES:%=$(OS)/lwip/%.o)
	rm -f $@ && $(RV_AR) rcs $@ $^
$(call rv_objects,services/netstackd/*.c): RV_CFLAGS += $(RV_CFLAGS_netstackd)
$(call rv_objects,services/netstackd/*.c): | $(LWIP_READY)
SERVICE_LIBS_netstackd += $(OS)/liblwip.a $(OS)/libnoise.a
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
SERVICE_VARIANTS := production/keystored bench/selftest-client
$(OS)/bench/selftest-client.elf: $(call rv_objects,tests/qemu/bench/*.c) $(OS)/services/selftest-client/node.o \
        $(SERVICE_LIBS_selftest-client) $(SERVICE_LIB) services/service.ld
	@mkdir -p $(@D)
	$(RV_CC) $(RV_LDFLAGS) -T services/service.ld -Wl,-Map=$(@:.elf=.map) -o $@ $(filter %.o %.a,$^) -lgcc
$(eval $(call image_rule,test,$(SERVICES)))
$(eval $(call image_rule,bench,$(SERVICES)))
$(eval $(call image_rule,lab,$(filter-out selftest-client,$(SERVICES))))
$(eval $(call image_rule,production,$(filter-out selftest-client,$(SERVICES))))

.PHONY: os
os: $(foreach i,$(IMAGES),$(OS)/$(i)/neuron.elf)
