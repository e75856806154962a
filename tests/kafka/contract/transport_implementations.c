/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_implementations.c - the contract of a transport over Apache Kafka.
 *
 * The broker is shared with other tests, so nothing here is called by the name that a test of the
 * contract gives it: "orders" is "orders-..." with what no other log of no other run has.
 */
#include "transport_implementations.h"

#include "kafka_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 16, NAME_SIZE = 128 };

typedef struct named_thing {
    char base[NAME_SIZE];
    const char *name;
} named_thing;

static named_thing things[MOST_NAMES];
static size_t thing_count;

static const char *name_of(const char *base)
{
    for (size_t i = 0; i < thing_count; i++) {
        if (strcmp(things[i].base, base) == 0) {
            return things[i].name;
        }
    }
    if (thing_count == MOST_NAMES) {
        (void)fprintf(stderr, "a test of the contract has %d names at most\n", MOST_NAMES);
        abort();
    }
    named_thing *made = &things[thing_count++];
    (void)snprintf(made->base, sizeof made->base, "%s", base);
    made->name = kafka_name(base);
    return made->name;
}

static const char *base_of(const char *name)
{
    for (size_t i = 0; i < thing_count; i++) {
        if (strcmp(things[i].name, name) == 0) {
            return things[i].base;
        }
    }
    return NULL;
}

static ks_log *open_on_broker(void)
{
    ks_error error = {0};
    thing_count = 0; /* of the log before this one */
    ks_log *log = ks_log_open(kafka_bootstrap_servers(), &error);
    if (log == NULL) {
        (void)fprintf(stderr, "%s: %s\n", error.where, error.message);
        abort();
    }
    return log;
}

const transport_implementation transport_implementations[] = {
    {.label = "kafka",
     .open = open_on_broker,
     .is_cluster = true,
     .name = name_of,
     .base = base_of},
};
const size_t transport_implementation_count =
    sizeof transport_implementations / sizeof transport_implementations[0];
