# SPDX-License-Identifier: Apache-2.0
# The programs for Linux: dsoftbusd, dsoftbus-keyd, dsoftbus-filed, dsoftbus.

HOST_COMMON_SRC := $(wildcard host/common/*.c)
LIBHOST := $(HOST)/libhost.a
HOST_BINARIES := $(addprefix $(HOST)/bin/,dsoftbusd dsoftbus-keyd dsoftbus-filed dsoftbus)

HOST_HARDEN := -D_GNU_SOURCE -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
$(HOST)/host/%.o: HOST_CFLAGS += $(HOST_HARDEN)
HOST_LINK = $(HOST_CC) $(HOST_LDFLAGS) -pie -Wl,-z,relro,-z,now -Wl,--as-needed -o $@ $(filter %.o,$^) $(filter %.a,$^)

.PHONY: host-programs
host-programs: $(HOST_BINARIES)

$(LIBHOST): $(HOST_COMMON_SRC:%.c=$(HOST)/%.o)
	rm -f $@ && ar rcs $@ $^

$(HOST)/bin/dsoftbusd: $(patsubst %.c,$(HOST)/%.o,$(wildcard host/daemon/*.c)) $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	@mkdir -p $(@D)
	$(HOST_LINK) -luv -linih -lcjson -lseccomp -lmicrohttpd

$(HOST)/bin/dsoftbus-keyd: $(patsubst %.c,$(HOST)/%.o,$(wildcard host/keyd/*.c)) $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	@mkdir -p $(@D)
	$(HOST_LINK) -lseccomp

$(HOST)/bin/dsoftbus-filed: $(patsubst %.c,$(HOST)/%.o,$(wildcard host/filed/*.c)) $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	@mkdir -p $(@D)
	$(HOST_LINK) -lseccomp

$(HOST)/bin/dsoftbus: $(patsubst %.c,$(HOST)/%.o,$(wildcard host/cli/*.c)) $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	@mkdir -p $(@D)
	$(HOST_LINK) -linih -lcjson -lqrencode

# --- Manual, completions, service: the first two from the command's own table ---
HOST_EXTRA := $(HOST)/extra
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
DATADIR ?= $(PREFIX)/share

$(HOST_EXTRA)/dsoftbus.1.scd: $(HOST)/bin/dsoftbus
	@mkdir -p $(@D)
	$< --generate man >$@.new && mv $@.new $@
$(HOST_EXTRA)/dsoftbus.1: $(HOST_EXTRA)/dsoftbus.1.scd
	scdoc <$< >$@.new && mv $@.new $@
$(HOST_EXTRA)/dsoftbusd.8: host/package/dsoftbusd.8.scd
	@mkdir -p $(@D)
	scdoc <$< >$@.new && mv $@.new $@
$(addprefix $(HOST_EXTRA)/dsoftbus.,bash zsh fish): $(HOST_EXTRA)/dsoftbus.%: $(HOST)/bin/dsoftbus
	@mkdir -p $(@D)
	$< --generate $* >$@.new && mv $@.new $@
# Always made anew: BINDIR may have changed.
.PHONY: host-unit
host-unit: | $(HOST_EXTRA)/dsoftbusd.8
	sed 's#@BINDIR@#$(BINDIR)#' host/package/dsoftbusd.service.in >$(HOST_EXTRA)/dsoftbusd.service

.PHONY: host-extra
host-extra: $(addprefix $(HOST_EXTRA)/,dsoftbus.1 dsoftbusd.8 dsoftbus.bash dsoftbus.zsh dsoftbus.fish) host-unit

# from, to: everything besides the programs
HOST_INSTALLED := \
    $(HOST_EXTRA)/dsoftbus.1:$(MANDIR)/man1/dsoftbus.1 $(HOST_EXTRA)/dsoftbusd.8:$(MANDIR)/man8/dsoftbusd.8 \
    $(HOST_EXTRA)/dsoftbus.bash:$(DATADIR)/bash-completion/completions/dsoftbus \
    $(HOST_EXTRA)/dsoftbus.zsh:$(DATADIR)/zsh/site-functions/_dsoftbus \
    $(HOST_EXTRA)/dsoftbus.fish:$(DATADIR)/fish/vendor_completions.d/dsoftbus.fish \
    $(HOST_EXTRA)/dsoftbusd.service:$(UNITDIR)/dsoftbusd.service host/package/dsoftbus.sysusers:$(SYSUSERSDIR)/dsoftbus.conf

.PHONY: install-programs uninstall-programs
install-programs: host-programs host-extra
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 $(HOST_BINARIES) $(DESTDIR)$(BINDIR)
	for pair in $(HOST_INSTALLED); do install -D -m 644 "$${pair%%:*}" "$(DESTDIR)$${pair#*:}" || exit 1; done

uninstall-programs:
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(notdir $(HOST_BINARIES)))
	for pair in $(HOST_INSTALLED); do rm -f "$(DESTDIR)$${pair#*:}"; done

# --- Tests: the programs themselves, on machines made of network namespaces ---
HOST_SYSTEM_TESTS := $(addprefix tests/host/,keyd_test.py first_minute.py doctor.py)

.PHONY: check-host
check-host: export HOST_PROGRAMS := $(HOST)/bin
check-host: host-programs
	prove $(PROVE_FLAGS) --exec python3 $(HOST_SYSTEM_TESTS)

# The data plane on the loopback interface: no privileges, ports that the kernel chooses.
HOST_LOOPBACK_TESTS := $(addprefix tests/host/,streams.py commands.py files.py hostile.py)

.PHONY: host-test
host-test: export HOST_PROGRAMS := $(HOST)/bin
host-test: host-programs
	prove $(PROVE_FLAGS) --exec python3 $(HOST_LOOPBACK_TESTS)

# What the daemon does with its time and memory, each figure beside one of something else in the same run.
HOST_BENCH_TOOLS := $(addprefix $(HOST)/,host_swarm host_echo)
$(HOST)/tests/bench/host_%.o: HOST_CFLAGS += -D_GNU_SOURCE
$(HOST)/host_swarm: $(HOST)/tests/bench/host_swarm.o $(LIBHOST) $(HOST)/libdsoftbus.a $(LIBNOISE)
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^
$(HOST)/host_echo: $(HOST)/tests/bench/host_echo.o
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^ -luv

.PHONY: bench-host
bench-host: export HOST_PROGRAMS := $(HOST)/bin
bench-host: export HOST_TOOLS := $(HOST)
bench-host: host-programs $(HOST_BENCH_TOOLS) $(HOST)/noise-bench
	python3 tests/bench/host_bench.py $(BUILD)/bench-host.json

# Unit tests: the archive gives each what it needs.
UNIT_OBJS_host_text := $(LIBHOST)
UNIT_OBJS_host_known_peers := $(LIBHOST)
UNIT_OBJS_host_config := $(LIBHOST)
UNIT_OBJS_host_control := $(LIBHOST)
UNIT_OBJS_host_files := $(LIBHOST)
UNIT_OBJS_host_sandbox := $(HOST)/host/daemon/seccomp.o
UNIT_LIBS_host_config := -linih
UNIT_LIBS_host_sandbox := -lseccomp
UNIT_LIBS_host_control := -lcjson
HOST_UNIT_TESTS := $(patsubst tests/unit/test_%.c,$(HOST)/unit/test_%,$(wildcard tests/unit/test_host_*.c))
