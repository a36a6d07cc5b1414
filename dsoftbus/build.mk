# The protocol core: one library for each side, from the same files.
DSOFTBUS_SRCS := $(wildcard dsoftbus/*.c)

$(HOST)/libdsoftbus.a: $(DSOFTBUS_SRCS:%.c=$(HOST)/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/os/libdsoftbus.a: $(DSOFTBUS_SRCS:%.c=$(BUILD)/os/%.o)
	@rm -f $@
	$(RV_AR) rcs $@ $^
