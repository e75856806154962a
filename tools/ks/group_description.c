/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_description.c - a group as `ks groups describe` prints it: its partitions and its members.
 *
 * A partition is shown when something is committed for it, or when a member processes it: one that
 * never had a record has no offset, and somebody looks after it all the same. A group of a cluster
 * may have members that are no kstreams programs; what is not known of them is a dash.
 */
#include "group_description.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "command.h"
#include "table.h"

typedef struct group_partition {
    char *topic;
    int32_t partition;
    int64_t offset; /* -1: nothing is committed */
    int64_t end;
    char *member; /* that processes it; NULL: nobody */
} group_partition;

typedef struct group_description {
    table *members;
    size_t member_count;
    group_partition *partitions;
    size_t partition_count;
    size_t partition_capacity;
} group_description;

/* ---- what there is --------------------------------------------------------------------------- */

/* The partition, which is made when it is new. */
static group_partition *partition_of(group_description *self, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < self->partition_count; i++) {
        group_partition *at = &self->partitions[i];
        if (at->partition == partition && strcmp(at->topic, topic) == 0) {
            return at;
        }
    }
    self->partitions = ksi_grow(self->partitions, &self->partition_capacity,
                                self->partition_count + 1, sizeof *self->partitions);
    group_partition *made = &self->partitions[self->partition_count++];
    *made = (group_partition){.topic = ksi_strdup(topic), .partition = partition, .offset = -1};
    return made;
}

static const char *or_dash(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : "-";
}

/* "0_0 0_1 1_3", to be freed; a dash when there are none. */
static char *task_list(const ks_task_id *tasks, size_t count)
{
    size_t capacity = count * 24 + 2;
    char *text = ksi_alloc(capacity);
    size_t used = 0;

    (void)snprintf(text, capacity, "-");
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, capacity - used, "%s%" PRId32 "_%" PRId32,
                                 i > 0 ? " " : "", tasks[i].subtopology, tasks[i].partition);
    }
    return text;
}

static void see_member(const ks_group_member *member, void *user)
{
    group_description *self = user;
    char *active = task_list(member->active, member->active_tasks);
    char *standby = task_list(member->standby, member->standby_tasks);

    self->member_count++;
    table_text(self->members, member->member);
    table_text(self->members, or_dash(member->client_id));
    table_text(self->members, or_dash(member->host));
    table_text(self->members, or_dash(member->endpoint));
    table_text(self->members, or_dash(member->process_id));
    table_optional(self->members, member->threads > 0 ? member->threads : -1);
    table_text(self->members, active);
    table_text(self->members, standby);
    ksi_free(active);
    ksi_free(standby);
    for (size_t i = 0; i < member->input_count; i++) {
        const ks_topic_partition *input = &member->inputs[i];
        group_partition *read = partition_of(self, input->topic, input->partition);
        if (read->member == NULL) {
            read->member = ksi_strdup(member->member);
        }
    }
}

static void see_offset(const ks_group_offset *offset, void *user)
{
    group_partition *committed = partition_of(user, offset->topic, offset->partition);

    committed->offset = offset->offset;
    committed->end = offset->end;
}

static int by_partition(const void *left, const void *right)
{
    const group_partition *a = left;
    const group_partition *b = right;
    int order = strcmp(a->topic, b->topic);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static ks_status look(group_description *self, ks_log *log, const char *group, ks_error *error)
{
    ks_status status = ks_log_each_group_member(log, group, see_member, self, error);

    if (status == KS_OK) {
        status = ks_log_each_group_offset(log, group, see_offset, self, error);
    }
    for (size_t i = 0; i < self->partition_count && status == KS_OK; i++) {
        group_partition *at = &self->partitions[i];
        int64_t begin = 0;
        if (at->offset < 0) {
            status = ks_log_offsets(log, at->topic, at->partition, &begin, &at->end, error);
        }
    }
    if (self->partition_count > 0) {
        qsort(self->partitions, self->partition_count, sizeof *self->partitions, by_partition);
    }
    return status;
}

static void free_description(group_description *self)
{
    table_free(self->members);
    for (size_t i = 0; i < self->partition_count; i++) {
        ksi_free(self->partitions[i].topic);
        ksi_free(self->partitions[i].member);
    }
    ksi_free(self->partitions);
}

/* ---- printing -------------------------------------------------------------------------------- */

static table *partition_rows(const group_description *self)
{
    static const column columns[] = {{"topic", false}, {"partition", true}, {"offset", true},
                                     {"end", true},    {"lag", true},       {"member", false}};
    table *rows = table_new(columns, 6);

    for (size_t i = 0; i < self->partition_count; i++) {
        const group_partition *at = &self->partitions[i];
        table_text(rows, at->topic);
        table_number(rows, at->partition);
        table_optional(rows, at->offset);
        table_number(rows, at->end);
        table_optional(rows, at->offset >= 0 ? at->end - at->offset : -1);
        table_text(rows, or_dash(at->member));
    }
    return rows;
}

static void print_description(const group_description *self, const char *group, bool json)
{
    table *partitions = partition_rows(self);

    if (json) {
        fputs("{\"group\": ", stdout);
        json_text(stdout, ks_slice_cstr(group));
        fputs(",\n\"offsets\":\n", stdout);
        table_print(partitions, true, "");
        fputs(",\n\"members\":\n", stdout);
        table_print(self->members, true, "");
        fputs("}\n", stdout);
    } else {
        table_print(partitions, false, "nothing was committed yet");
        fputs("\n", stdout);
        table_print(self->members, false, "no members: nobody runs it now");
    }
    table_free(partitions);
}

int describe_group(ks_log *log, const char *group, bool json)
{
    static const column columns[] = {{"member", false},   {"client", false},  {"host", false},
                                     {"endpoint", false}, {"process", false}, {"threads", true},
                                     {"active", false},   {"standby", false}};
    group_description self = {.members = table_new(columns, 8)};
    ks_error error = {0};
    ks_status status = look(&self, log, group, &error);
    int exit_status = status == KS_OK ? EXIT_SUCCESS : failed(&error);

    if (status == KS_OK && self.partition_count == 0 && self.member_count == 0) {
        fprintf(stderr, "ks: there is no group %s; `ks groups list` lists them\n", group);
        exit_status = EXIT_FAILURE;
    } else if (status == KS_OK) {
        print_description(&self, group, json);
    }
    free_description(&self);
    return exit_status;
}
