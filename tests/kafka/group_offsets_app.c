/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_offsets_app.c - commits and reads the offset of one partition as it is told on standard
 * input, for tests that do things to brokers meanwhile.
 *
 *     group_offsets_app SERVERS GROUP TOPIC
 *
 *     commit 7    ->  committed 7
 *     fetch       ->  offset 7
 *
 * A call that fails with an error flagged retriable is made again; any other error ends the
 * program with a line about it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "membership/kafka/kafka_group.h"

enum { REQUEST_TIMEOUT_MS = 2000, ATTEMPTS = 30 };

typedef struct group_of_one {
    ksi_kafka_group_offsets *offsets;
    const char *group;
    ks_arena arena;
} group_of_one;

static ks_status call(group_of_one *self, bool commits, ksi_kafka_offset *offset, ks_error *error)
{
    return commits
               ? ksi_kafka_group_offsets_commit(self->offsets, self->group, NULL, offset, 1, error)
               : ksi_kafka_group_offsets_fetch(self->offsets, self->group, offset, 1, &self->arena,
                                               error);
}

static bool call_until_it_succeeds(group_of_one *self, bool commits, ksi_kafka_offset *offset)
{
    char text[768];
    ks_error error = {0};
    for (int i = 0; i < ATTEMPTS; i++) {
        if (call(self, commits, offset, &error) == KS_OK) {
            return true;
        }
        (void)fprintf(stderr, "%s\n", ks_error_text(&error, text, sizeof text));
        if ((error.flags & KS_ERROR_RETRIABLE) == 0) {
            return false;
        }
    }
    return false;
}

static bool obey(group_of_one *self, const char *topic, const char *line)
{
    ksi_kafka_offset offset = {.topic = topic};
    bool commits = strncmp(line, "commit ", 7) == 0;
    if (commits) {
        offset.offset = strtoll(line + 7, NULL, 10);
    }
    if (!call_until_it_succeeds(self, commits, &offset)) {
        return false;
    }
    (void)printf("%s %" PRId64 "\n", commits ? "committed" : "offset", offset.offset);
    return fflush(stdout) == 0;
}

int main(int count, char **arguments)
{
    if (count != 4) {
        (void)fprintf(stderr, "usage: group_offsets_app SERVERS GROUP TOPIC\n");
        return 2;
    }
    const ksi_kafka_cluster cluster = {.bootstrap_servers = arguments[1],
                                       .client_id = "group_offsets_app",
                                       .request_timeout_ms = REQUEST_TIMEOUT_MS};
    ks_error error = {0};
    group_of_one self = {.offsets = ksi_kafka_group_offsets_open(&cluster, NULL, &error),
                         .group = arguments[2]};
    if (self.offsets == NULL) {
        ks_error_print(arguments[0], &error);
        return 1;
    }
    ksi_arena_init(&self.arena, 0);
    char line[64];
    bool good = true;
    while (good && fgets(line, sizeof line, stdin) != NULL) {
        good = obey(&self, arguments[3], line);
    }
    ksi_arena_destroy(&self.arena);
    ksi_kafka_group_offsets_close(self.offsets);
    return good ? 0 : 1;
}
