// SPDX-License-Identifier: Apache-2.0
// The sections of the configuration that make services: [echo], [file], [tcp NAME]. For config.c.
#ifndef HOST_COMMON_CONFIG_SERVICES_H
#define HOST_COMMON_CONFIG_SERVICES_H

#include <stdio.h>

#include "host/common/config.h"

#define CONFIG_FILE_BYTES_DEFAULT (UINT64_C(4) << 30)

bool config_service_section(const char *section);

// Takes one key: 1, or 0 with what is wrong.
int config_service_take(struct config *config, char *wrong, size_t wrong_size, const char *section,
                        const char *name, const char *value) __attribute__((warn_unused_result));

// What a section must have is there.
bool config_services_check(const struct config *config, struct fault *fault, const char *name)
    __attribute__((warn_unused_result));

// As a file has them; what is not there as comments.
void config_services_print(FILE *out, const struct config *config);

// The service of this name; NULL if there is none.
const struct service_config *config_service_find(const struct config *config, const char *name,
                                                 size_t name_len);

// "echo", "file", "tcp".
const char *service_kind_name(enum service_kind kind);

#endif
