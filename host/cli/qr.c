// SPDX-License-Identifier: Apache-2.0
// QR codes, by libqrencode.
#include "host/cli/qr.h"

#include <qrencode.h>
#include <unistd.h>

#include "host/common/exit_code.h"

enum { QUIET = 4 }; // light modules all around, ISO/IEC 18004 6.3.8

static bool dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1) != 0;
}

static void print_line(FILE *out, const QRcode *code, int y)
{
    static const char *const blocks[2][2] = {{"\u2588", "\u2580"},
                                             {"\u2584", " "}}; // [upper][lower]
    const bool colours = isatty(fileno(out)) != 0;

    fputs(colours ? "\033[40;97m" : "", out);
    for (int x = -QUIET; x < code->width + QUIET; x++) {
        fputs(blocks[dark(code, x, y)][dark(code, x, y + 1)], out);
    }
    fputs(colours ? "\033[0m\n" : "\n", out);
}

bool qr_print(FILE *out, struct fault *fault, const char *text)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (code == NULL) {
        return fault_errno(fault, EXIT_FAILED, "no QR code");
    }
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        print_line(out, code, y);
    }
    QRcode_free(code);
    return true;
}
