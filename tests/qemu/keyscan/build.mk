# keyscan: looks for the keys of a run in its logs and captures. It computes with the libraries of the product.
KEYSCAN := $(HOST)/keyscan
KEYSCAN_OBJS := $(patsubst %.c,$(HOST)/%.o,$(wildcard tests/qemu/keyscan/*.c)) \
                $(addprefix $(HOST)/services/keystored/,provision.o lab/seed_option.o)
$(filter $(HOST)/tests/%,$(KEYSCAN_OBJS)): HOST_CFLAGS += -D_DEFAULT_SOURCE -I$(OS)/gen
$(filter $(HOST)/tests/%,$(KEYSCAN_OBJS)): | $(OS)/gen/.done $(OS)/gen/attackers.h
$(patsubst $(HOST)/%.o,$(BUILD)/diag/host/%.ok,$(filter $(HOST)/tests/%,$(KEYSCAN_OBJS))): WARN += -I$(OS)/gen
$(patsubst $(HOST)/%.o,$(BUILD)/diag/host/%.ok,$(filter $(HOST)/tests/%,$(KEYSCAN_OBJS))): | $(OS)/gen/.done $(OS)/gen/attackers.h
$(KEYSCAN): $(KEYSCAN_OBJS) $(HOST)/libdsoftbus.a $(HOST)/libnoise.a
	$(HOST_CC) $(HOST_LDFLAGS) -o $@ $^
host: $(KEYSCAN)

# Everything but main, for the unit tests.
KEYSCAN_PARTS := $(filter-out %/keyscan.o,$(KEYSCAN_OBJS))
UNIT_OBJS_keyscan_capture := $(KEYSCAN_PARTS)
UNIT_OBJS_keyscan_search := $(KEYSCAN_PARTS)
UNIT_OBJS_keyscan_console := $(KEYSCAN_PARTS)
UNIT_OBJS_keyscan_replay := $(KEYSCAN_PARTS)
