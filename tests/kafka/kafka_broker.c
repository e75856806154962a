/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_broker.c - see kafka_broker.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kafka_broker.h"

enum { SKIPPED = 77 };

static char address[1024];
static char names[64][128];
static unsigned name_count;

const char *kafka_bootstrap_servers(void)
{
    const char *given = getenv("KSTREAMS_KAFKA");
    if (given && given[0]) {
        return given;
    }
    if (!address[0]) {
        FILE *file = fopen("kafka/address", "r");
        if (!file || !fgets(address, sizeof address, file)) {
            printf("no Kafka runs: `make kafka-up` starts one, KSTREAMS_KAFKA=127.0.0.1:9092 says "
                   "where it is\n");
            exit(SKIPPED);
        }
        fclose(file);
        address[strcspn(address, "\n")] = '\0';
    }
    return address;
}

const char *kafka_name(const char *base)
{
    if (name_count == sizeof names / sizeof names[0]) {
        printf("kafka_name: this test has %u names; it may have more\n", name_count);
        abort();
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char *name = names[name_count];
    snprintf(name, sizeof names[0], "%s-%llx-%lx-%u", base, (unsigned long long)now.tv_sec,
             (unsigned long)getpid(), name_count);
    name_count++;
    return name;
}
