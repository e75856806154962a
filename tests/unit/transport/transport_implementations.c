/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_implementations.c - see transport_implementations.h.
 */
#include "transport_implementations.h"

#include "state_dir.h"

#include <stdio.h>
#include <stdlib.h>

static ks_log *open_or_stop(const char *servers)
{
    ks_error error = {0};
    ks_log *log = ks_log_open(servers, &error);
    if (log == NULL) {
        (void)fprintf(stderr, "%s: %s\n", servers, error.message);
        abort();
    }
    return log;
}

static ks_log *open_in_memory(void)
{
    return open_or_stop("embedded:");
}

static ks_log *open_in_files(void)
{
    char servers[256];
    (void)snprintf(servers, sizeof servers, "embedded:%s", state_dir_new());
    return open_or_stop(servers);
}

const transport_implementation transport_implementations[] = {
    {"memory", open_in_memory},
    {"files", open_in_files},
};
const size_t transport_implementation_count =
    sizeof transport_implementations / sizeof transport_implementations[0];
