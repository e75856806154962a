/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_implementations.c - see transport_implementations.h.
 */
#include "transport_implementations.h"

#include "state_dir.h"
#include "transport/log_handle.h"
#include "transport/remote/remote_transport.h"
#include "transport/remote/server.h"

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

/* ---- a log in memory, through a socket ------------------------------------------------------- */

static ks_log *held;
static ksi_transport *holder;
static ksi_log_server *server;

static ks_log *open_through_socket(void)
{
    char path[256];
    ks_error error = {0};
    (void)snprintf(path, sizeof path, "%s/socket", state_dir_new());
    held = open_in_memory();
    holder = ksi_log_transport(held);
    server = ksi_log_server_start(holder, path, &error);
    ksi_transport *client = server != NULL ? ksi_remote_transport_open(path, &error) : NULL;
    if (client == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, error.message);
        abort();
    }
    return ksi_log_of(client);
}

static void close_holder(void)
{
    ksi_log_server_stop(server);
    holder->class->release(holder);
    ks_log_free(held);
}

static ksi_transport *borrow_holder(void)
{
    return holder;
}

const transport_implementation transport_implementations[] = {
    {.label = "memory", .open = open_in_memory},
    {.label = "files", .open = open_in_files},
    {.label = "socket",
     .open = open_through_socket,
     .closed = close_holder,
     .holder = borrow_holder},
};
const size_t transport_implementation_count =
    sizeof transport_implementations / sizeof transport_implementations[0];
