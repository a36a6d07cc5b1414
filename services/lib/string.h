// SPDX-License-Identifier: Apache-2.0
// The few C string functions that compilers and lwIP expect. None is for secrets: use noise/ct.h there.
#ifndef SERVICES_LIB_STRING_H
#define SERVICES_LIB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t len);

#endif
