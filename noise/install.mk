# SPDX-License-Identifier: Apache-2.0
# noise/ as a library for others: libnexus-noise-xk, static and shared, with header, pkg-config, CMake and man page.
#
#   make install-library            needs a compiler, binutils and scdoc
#   make install-rv64               the static library for bare rv64imac, under $(LIBDIR)/riscv64-unknown-elf

NOISE_VERSION := 0.1.0
NOISE_SONAME := libnexus-noise-xk.so.0.1
NOISE_SHARED := libnexus-noise-xk.so.$(NOISE_VERSION)
NOISE_STATIC := libnexus-noise-xk.a
NOISE_PACKAGE := noise/package
NOISE_EXPORTS := $(NOISE_PACKAGE)/exports.map
NOISE_HEADERS := noise_xk.h noise_error.h cpu.h
NOISE_DIST := $(HOST)/dist
NOISE_RV64_DIST := $(BUILD)/os/dist
RV64_LIBDIR = $(LIBDIR)/riscv64-unknown-elf

# Position-independent, one section for each function so that a static user links what it calls, no path of this tree;
# CFLAGS are whatever a packager wants to add.
$(NOISE_DIST)/%.o: noise/%.c Makefile noise/install.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -ffreestanding -fPIC -fno-semantic-interposition -ffunction-sections -fdata-sections \
	    -ffile-prefix-map=$(CURDIR)=. -g0 $(CFLAGS) -c -o $@ $<

# Nothing but the compiler's own four memory calls may be left open: -z defs with libc alone.
$(NOISE_DIST)/$(NOISE_SHARED): $(NOISE_SRC:noise/%.c=$(NOISE_DIST)/%.o) $(NOISE_EXPORTS)
	$(HOST_CC) $(HOST_LDFLAGS) -shared -nostdlib -Wl,-soname,$(NOISE_SONAME) -Wl,--version-script,$(NOISE_EXPORTS) \
	    -Wl,-z,defs,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -o $@ $(filter %.o,$^) -lc

# Static: one object, in which the names that are not public have become local.
#   $(call noise_static,prefix of ld, objcopy and ar)
define noise_static
	sed -n 's/^ *\(\(xk\|noise\)_[a-z0-9_]*\);$$/\1/p' $(NOISE_EXPORTS) >$(@D)/exports.txt
	$(1)ld -r -o $(@D)/nexus-noise-xk.o $(filter %.o,$^)
	$(1)objcopy --keep-global-symbols=$(@D)/exports.txt $(@D)/nexus-noise-xk.o
	rm -f $@ && $(1)ar rcsD $@ $(@D)/nexus-noise-xk.o
endef
$(NOISE_DIST)/$(NOISE_STATIC): $(NOISE_SRC:noise/%.c=$(NOISE_DIST)/%.o) $(NOISE_EXPORTS)
	$(call noise_static,)
$(NOISE_RV64_DIST)/$(NOISE_STATIC): $(NOISE_SRC:%.c=$(BUILD)/os/%.o) $(NOISE_EXPORTS)
	@mkdir -p $(@D)
	$(call noise_static,$(RV_AR:ar=))

$(NOISE_DIST)/noise_xk.3: $(NOISE_PACKAGE)/noise_xk.3.scd
	@mkdir -p $(@D)
	scdoc <$< >$@.new && mv $@.new $@

# A public header finds its sibling beside itself, wherever it is installed.
NOISE_INCLUDE := $(BUILD)/include
$(NOISE_INCLUDE)/nexus/%.h: noise/%.h
	@mkdir -p $(@D)
	sed 's|^#include "noise/|#include "|' $< >$@.new && mv $@.new $@

define install_headers
	install -d $(DESTDIR)$(INCLUDEDIR)/nexus
	install -m 644 $(NOISE_HEADERS:%=$(NOISE_INCLUDE)/nexus/%) $(DESTDIR)$(INCLUDEDIR)/nexus
endef

# $(call from_template,template,installed file)
define from_template
	install -d $(dir $(DESTDIR)$(2))
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(NOISE_VERSION)|' \
	    -e 's|@SHARED@|$(NOISE_SHARED)|; s|@SONAME@|$(NOISE_SONAME)|; s|@STATIC@|$(NOISE_STATIC)|' \
	    -e "s|@INCLUDE_FROM_HERE@|$$(realpath -m --relative-to=$(LIBDIR)/cmake/NexusNoiseXk $(INCLUDEDIR))|" \
	    $(NOISE_PACKAGE)/$(1) >$(DESTDIR)$(2)
	chmod 644 $(DESTDIR)$(2)
endef

.PHONY: library install-library uninstall-library install-rv64 uninstall-rv64
library: $(NOISE_DIST)/$(NOISE_SHARED) $(NOISE_DIST)/$(NOISE_STATIC) $(NOISE_DIST)/noise_xk.3 $(NOISE_HEADERS:%=$(NOISE_INCLUDE)/nexus/%)

install-library: library
	$(install_headers)
	install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(MANDIR)/man3
	install -m 755 $(NOISE_DIST)/$(NOISE_SHARED) $(DESTDIR)$(LIBDIR)
	ln -sf $(NOISE_SHARED) $(DESTDIR)$(LIBDIR)/$(NOISE_SONAME)
	ln -sf $(NOISE_SONAME) $(DESTDIR)$(LIBDIR)/libnexus-noise-xk.so
	install -m 644 $(NOISE_DIST)/$(NOISE_STATIC) $(DESTDIR)$(LIBDIR)
	install -m 644 $(NOISE_DIST)/noise_xk.3 $(DESTDIR)$(MANDIR)/man3
	$(call from_template,nexus-noise-xk.pc.in,$(LIBDIR)/pkgconfig/nexus-noise-xk.pc)
	$(call from_template,NexusNoiseXkConfig.cmake.in,$(LIBDIR)/cmake/NexusNoiseXk/NexusNoiseXkConfig.cmake)
	$(call from_template,NexusNoiseXkConfigVersion.cmake.in,$(LIBDIR)/cmake/NexusNoiseXk/NexusNoiseXkConfigVersion.cmake)

uninstall-library:
	rm -f $(NOISE_HEADERS:%=$(DESTDIR)$(INCLUDEDIR)/nexus/%) $(DESTDIR)$(MANDIR)/man3/noise_xk.3 \
	    $(addprefix $(DESTDIR)$(LIBDIR)/,$(NOISE_SHARED) $(NOISE_SONAME) libnexus-noise-xk.so $(NOISE_STATIC) \
	        pkgconfig/nexus-noise-xk.pc $(addprefix cmake/NexusNoiseXk/NexusNoiseXk,Config.cmake ConfigVersion.cmake))
	for directory in $(DESTDIR)$(INCLUDEDIR)/nexus $(DESTDIR)$(LIBDIR)/cmake/NexusNoiseXk; do \
	    [ ! -d $$directory ] || rmdir --ignore-fail-on-non-empty $$directory; \
	done

install-rv64: $(NOISE_RV64_DIST)/$(NOISE_STATIC) $(NOISE_HEADERS:%=$(NOISE_INCLUDE)/nexus/%)
	$(install_headers)
	install -d $(DESTDIR)$(RV64_LIBDIR)
	install -m 644 $< $(DESTDIR)$(RV64_LIBDIR)

uninstall-rv64:
	rm -f $(DESTDIR)$(RV64_LIBDIR)/$(NOISE_STATIC)
	[ ! -d $(DESTDIR)$(RV64_LIBDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(RV64_LIBDIR)
