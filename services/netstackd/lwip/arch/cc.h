// SPDX-License-Identifier: Apache-2.0
// lwIP's view of the compiler and of its surroundings.
#ifndef SERVICES_NETSTACKD_LWIP_ARCH_CC_H
#define SERVICES_NETSTACKD_LWIP_ARCH_CC_H

#include <stdint.h>

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H    1
#define LWIP_NO_UNISTD_H   1

#define X8_F  "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "lu"

#ifndef SSIZE_MAX
typedef long ssize_t;
#define SSIZE_MAX INT64_MAX
#endif

struct netif;
struct pbuf;

// services/netstackd/stack.c
uint32_t stack_random(void);
_Noreturn void stack_assert_failed(const char *what);
int stack_ip4_input(struct pbuf *p, struct netif *from);
uint16_t stack_checksum(const void *data, int len);

#define LWIP_RAND() stack_random()
#define LWIP_PLATFORM_DIAG(x)
// lwIP's assertions are about lwIP; they stay on.
#define LWIP_PLATFORM_ASSERT(what) stack_assert_failed(what)

#endif
