# SPDX-License-Identifier: Apache-2.0
# The programs for Linux: dsoftbusd, dsoftbus-keyd, dsoftbus.

HOST_COMMON_SRC := $(wildcard host/common/*.c)
LIBHOST := $(HOST)/libhost.a
HOST_BINARIES := $(addprefix $(HOST)/bin/,dsoftbusd dsoftbus-keyd dsoftbus)

HOST_HARDEN := -D_GNU_SOURCE -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
$(HOST)/host/%.o: HOST_CFLAGS += $(HOST_HARDEN)
HOST_LINK = $(HOST_CC) $(HOST_LDFLAGS) -pie -Wl,-z,relro,-z,now -Wl,--as-needed -o $@ $(filter %.o,$^) $(filter %.a,$^)

.PHONY: host-programs
host-programs: $(HOST_BINARIES)

$(LIBHOST): $(HOST_COMMON_SRC:%.c=$(HOST)/%.o)
	rm -f $@ && ar rcs $@ $^

$(HOST)/bin/dsoftbusd: $(patsubst %.c,$(HOST)/%.o,$(wildcard host/daemon/*.c)) $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	@mkdir -p $(@D)
	$(HOST_LINK) -luv -linih -lcjson -lseccomp

$(HOST)/bin/dsoftbus-keyd: $(patsubst %.c,$(HOST)/%.o,$(wildcard host/keyd/*.c)) $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	@mkdir -p $(@D)
	$(HOST_LINK) -lseccomp

$(HOST)/bin/dsoftbus: $(patsubst %.c,$(HOST)/%.o,$(wildcard host/cli/*.c)) $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	@mkdir -p $(@D)
	$(HOST_LINK) -linih -lcjson

.PHONY: install-programs uninstall-programs
install-programs: host-programs
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 $(HOST_BINARIES) $(DESTDIR)$(BINDIR)

uninstall-programs:
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(notdir $(HOST_BINARIES)))

# --- Tests: the programs themselves, on machines made of network namespaces ---
HOST_SYSTEM_TESTS := $(addprefix tests/host/,first_minute.py)

.PHONY: check-host
check-host: export HOST_PROGRAMS := $(HOST)/bin
check-host: host-programs
	prove $(PROVE_FLAGS) --exec python3 $(HOST_SYSTEM_TESTS)

# Unit tests: the archive gives each what it needs.
UNIT_OBJS_host_text := $(LIBHOST)
UNIT_OBJS_host_known_peers := $(LIBHOST)
UNIT_OBJS_host_config := $(LIBHOST)
UNIT_OBJS_host_control := $(LIBHOST)
UNIT_OBJS_host_files := $(LIBHOST)
UNIT_LIBS_host_config := -linih
UNIT_LIBS_host_control := -lcjson
HOST_UNIT_TESTS := $(patsubst tests/unit/test_%.c,$(HOST)/unit/test_%,$(wildcard tests/unit/test_host_*.c))
