// SPDX-License-Identifier: Apache-2.0
#include "tests/emulator/pc.h"

enum {
    SERIAL = 0x3f8,
    SERIAL_LINE_CONTROL = SERIAL + 3,
    SERIAL_LINE_STATUS = SERIAL + 5,
    SERIAL_SENT = 0x40,
    // ATA (ATA/ATAPI-6, 9.5: PIO data-in): registers of the first channel
    ATA_DATA = 0x1f0,
    ATA_SECTORS = 0x1f2,
    ATA_ADDRESS = 0x1f3, // and two more
    ATA_DRIVE = 0x1f6,
    ATA_COMMAND = 0x1f7, // written; the status when read
    ATA_BUSY = 0x80,
    ATA_WANTS_DATA = 0x08,
    ATA_READ_SECTORS = 0x20,
    ATA_FIRST_DRIVE_BY_NUMBER = 0xe0,
    SHUTDOWN = 0x8900, // of the emulator
};

void *memcpy(void *to, const void *from, size_t len)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(len) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t len)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(len) : "a"(value) : "memory");
    return to;
}

static void put_byte(uint8_t byte, uint16_t port)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"(port));
}

static uint8_t get_byte(uint16_t port)
{
    uint8_t byte;
    __asm__ volatile("inb %1, %0" : "=a"(byte) : "Nd"(port));
    return byte;
}

void pc_start(void)
{
    put_byte(3, SERIAL_LINE_CONTROL); // eight bits
}

void pc_print(const char *text)
{
    for (; *text != '\0'; text++) {
        put_byte((uint8_t)*text, SERIAL);
        while ((get_byte(SERIAL_LINE_STATUS) & SERIAL_SENT) == 0) {
        }
    }
}

void pc_print_number(unsigned n)
{
    char digits[12] = {0};
    size_t i = sizeof digits - 1;
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    pc_print(digits + i);
}

// NOLINTNEXTLINE(readability-non-const-parameter): the assembly writes there
static void read_sector(uint8_t *out, uint32_t sector)
{
    size_t words = PC_SECTOR_LEN / 2;
    put_byte((uint8_t)(ATA_FIRST_DRIVE_BY_NUMBER | sector >> 24), ATA_DRIVE);
    put_byte(1, ATA_SECTORS);
    for (unsigned i = 0; i < 3; i++) {
        put_byte((uint8_t)(sector >> 8 * i), (uint16_t)(ATA_ADDRESS + i));
    }
    put_byte(ATA_READ_SECTORS, ATA_COMMAND);
    while ((get_byte(ATA_COMMAND) & (ATA_BUSY | ATA_WANTS_DATA)) != ATA_WANTS_DATA) {
    }
    __asm__ volatile("rep insw" : "+D"(out), "+c"(words) : "d"(ATA_DATA) : "memory");
}

void pc_read_disk(uint8_t *out, uint32_t sector, uint32_t sectors)
{
    for (uint32_t i = 0; i < sectors; i++) {
        read_sector(out + (size_t)i * PC_SECTOR_LEN, sector + i);
    }
}

void pc_stop(void)
{
    for (const char *c = "Shutdown"; *c != '\0'; c++) {
        put_byte((uint8_t)*c, SHUTDOWN);
    }
}
