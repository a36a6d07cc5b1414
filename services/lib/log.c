// SPDX-License-Identifier: Apache-2.0
// A small formatter that writes one line straight into the IPC page.
#include "services/lib/log.h"

#include <stdarg.h>
#include <stdbool.h>

#include "services/lib/sys.h"

struct line {
    uint8_t *bytes;
    size_t len;
    bool cut;
};

static void put(struct line *line, char c)
{
    if (line->len == NEURON_LOG_LINE_BYTES_MAX) {
        line->cut = true;
        return;
    }
    line->bytes[line->len++] = (c < 0x20 || c > 0x7e) ? '?' : (uint8_t)c;
}

static void put_string(struct line *line, const char *s)
{
    while (*s != '\0') {
        put(line, *s++);
    }
}

static void put_number(struct line *line, uint64_t value, unsigned base, unsigned width, char pad)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (; width > n; width--) {
        put(line, pad);
    }
    while (n > 0) {
        put(line, digits[--n]);
    }
}

// One conversion; `f` stands behind the '%'. Returns the position behind it.
static const char *put_conversion(struct line *line, const char *f, va_list *args)
{
    char pad = *f == '0' ? '0' : ' ';
    unsigned width = 0;
    while (*f >= '0' && *f <= '9') {
        width = width * 10 + (unsigned)(*f++ - '0');
    }
    bool is_long = *f == 'l';
    f += is_long;
    if (*f == 's') {
        put_string(line, va_arg(*args, const char *));
    } else if (*f == 'c') {
        put(line, (char)va_arg(*args, int));
    } else if (*f == 'd') {
        int64_t v = is_long ? va_arg(*args, long) : va_arg(*args, int);
        if (v < 0) {
            put(line, '-');
        }
        put_number(line, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, width, pad);
    } else if (*f == 'u' || *f == 'x') {
        uint64_t v = is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned);
        put_number(line, v, *f == 'x' ? 16 : 10, width, pad);
    } else {
        put(line, *f == '\0' ? '%' : *f);
    }
    return *f == '\0' ? f : f + 1;
}

static void log_va(const char *format, va_list *args)
{
    struct line line = {.bytes = ipc_page->log_line};
    while (*format != '\0') {
        if (*format == '%') {
            format = put_conversion(&line, format + 1, args);
        } else {
            put(&line, *format++);
        }
    }
    for (size_t i = 1; line.cut && i <= 3; i++) {
        line.bytes[line.len - i] = '.';
    }
    if (sys_log(line.len) != NEURON_OK) {
        return; // the manifest does not let this process print the line, and nobody could be told
    }
}

void log_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_va(format, &args);
    va_end(args);
}

_Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_va(format, &args);
    va_end(args);
    sys_exit(1);
}
