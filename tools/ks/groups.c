/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups.c - `ks groups`: how far applications have come, and moving one that rests.
 *
 * Members of an embedded log live in the process that holds it: asked from another one, a log that
 * nobody runs on has none.
 */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "group_description.h"
#include "table.h"
#include "where.h"

/* ---- list ------------------------------------------------------------------------------------ */

typedef struct group_listing {
    ks_log *log;
    table *rows;
    ks_status status;
    ks_error error;
    int64_t members;
    int64_t partitions;
    int64_t lag;
} group_listing;

static void count_offset(const ks_group_offset *offset, void *user)
{
    group_listing *listing = user;

    listing->partitions++;
    listing->lag += offset->end - offset->offset;
}

static void count_member(const ks_group_member *member, void *user)
{
    (void)member;
    ((group_listing *)user)->members++;
}

static void list_group(const char *group, void *user)
{
    group_listing *listing = user;

    if (listing->status != KS_OK) {
        return;
    }
    listing->members = 0;
    listing->partitions = 0;
    listing->lag = 0;
    listing->status =
        ks_log_each_group_offset(listing->log, group, count_offset, listing, &listing->error);
    if (listing->status == KS_OK) {
        listing->status =
            ks_log_each_group_member(listing->log, group, count_member, listing, &listing->error);
    }
    table_text(listing->rows, group);
    table_number(listing->rows, listing->members);
    table_number(listing->rows, listing->partitions);
    table_number(listing->rows, listing->lag);
}

static int print_groups(ks_log *log, bool json)
{
    static const column columns[] = {
        {"group", false}, {"members", true}, {"partitions", true}, {"lag", true}};
    group_listing listing = {.log = log, .rows = table_new(columns, 4)};
    ks_status status = ks_log_each_group(log, list_group, &listing, &listing.error);

    status = status == KS_OK ? listing.status : status;
    if (status == KS_OK) {
        table_print(listing.rows, json, "no groups: no application has committed anything here");
    }
    table_free(listing.rows);
    return status == KS_OK ? EXIT_SUCCESS : failed(&listing.error);
}

static int run_list(int argc, char **argv)
{
    log_options log_is = {0};
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is)};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0 && words.count > 0) {
        exit_status = usage("groups list takes no group; `ks groups describe %s` tells about it",
                            words.items[0]);
    }
    ks_log *log = exit_status == 0 ? open_log(&log_is, false, &exit_status) : NULL;
    if (log != NULL) {
        exit_status = print_groups(log, log_is.json);
    }
    ks_log_free(log);
    text_list_free(&words);
    return exit_status;
}

/* ---- describe and delete --------------------------------------------------------------------- */

static int run_describe(int argc, char **argv)
{
    return with_one_word(argc, argv, &(one_word){"groups describe", "group", describe_group});
}

static int delete_group(ks_log *log, const char *group, bool json)
{
    ks_error error = {0};

    (void)json;
    if (ks_log_delete_group(log, group, &error) != KS_OK) {
        return failed(&error);
    }
    printf("deleted %s\n", group);
    return EXIT_SUCCESS;
}

static int run_delete(int argc, char **argv)
{
    return with_one_word(argc, argv, &(one_word){"groups delete", "group", delete_group});
}

/* ---- reset ----------------------------------------------------------------------------------- */

/* What a group committed in a topic; -1: nothing. */
typedef struct committed_offsets {
    const char *topic;
    int64_t *offsets;
    int32_t count;
} committed_offsets;

static void note_committed(const ks_group_offset *offset, void *user)
{
    committed_offsets *committed = user;

    if (strcmp(offset->topic, committed->topic) == 0 && offset->partition < committed->count) {
        committed->offsets[offset->partition] = offset->offset;
    }
}

static int reset_group(ks_log *log, const char *group, const char *topic,
                       const where_options *where)
{
    ks_error error = {0};
    int32_t count = ks_log_partition_count(log, topic);
    committed_offsets committed = {.topic = topic, .count = count};
    ks_status status = KS_OK;
    size_t moved = 0;

    if (count == 0) {
        fprintf(stderr, "ks: there is no topic %s; `ks topics list` lists them\n", topic);
        return EXIT_FAILURE;
    }
    committed.offsets = ksi_alloc((size_t)count * sizeof *committed.offsets);
    for (int32_t i = 0; i < count; i++) {
        committed.offsets[i] = -1;
    }
    ks_group_offset *offsets = ksi_calloc((size_t)count, sizeof *offsets);
    status = ks_log_each_group_offset(log, group, note_committed, &committed, &error);
    for (int32_t i = 0; i < count && status == KS_OK; i++) {
        ks_group_offset *target = &offsets[moved];
        *target = (ks_group_offset){.topic = topic, .partition = i};
        status = where_find(log, where, (ks_topic_partition){topic, i}, committed.offsets[i],
                            &target->offset, &error);
        moved += target->offset >= 0;
    }
    if (status == KS_OK) {
        status = ks_log_set_group_offsets(log, group, offsets, moved, &error);
    }
    ksi_free(committed.offsets);
    ksi_free(offsets);
    return status == KS_OK ? EXIT_SUCCESS : failed(&error);
}

static int check_reset(where_options *where, const char *topic)
{
    int ways = 0;
    int exit_status = where_check(where, "groups reset", &ways);

    if (exit_status == 0 && topic == NULL) {
        return usage("groups reset: give --topic");
    }
    if (exit_status == 0 && ways == 0) {
        return usage("groups reset: where to? one of --to-earliest, --to-latest, --to-offset N, "
                     "--to-datetime TIME, --by-duration DURATION, --shift-by N");
    }
    return exit_status;
}

static int run_reset(int argc, char **argv)
{
    log_options log_is = {0};
    const char *topic = NULL;
    where_options where = WHERE_NOT_GIVEN;
    text_list words = {0};
    const option options[] = {
        LOG_OPTIONS(log_is), {"--topic", OPTION_TEXT, &topic}, WHERE_OPTIONS(where)};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0) {
        const char *group = only_word("groups reset", "group", &words);
        exit_status = group != NULL ? check_reset(&where, topic) : KS_TOOL_USAGE;
        ks_log *log = exit_status == 0 ? open_log(&log_is, false, &exit_status) : NULL;
        if (log != NULL) {
            exit_status = reset_group(log, group, topic, &where);
        }
        if (log != NULL && exit_status == 0) {
            exit_status = describe_group(log, group, log_is.json);
        }
        ks_log_free(log);
    }
    text_list_free(&words);
    return exit_status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run_groups(int argc, char **argv)
{
    static const action actions[] = {{"list", run_list},
                                     {"describe", run_describe},
                                     {"reset", run_reset},
                                     {"delete", run_delete}};

    return run_action("groups", actions, sizeof actions / sizeof actions[0], argc, argv);
}

const command groups_command = {
    .name = "groups",
    .arguments = "ACTION --bootstrap-server LOG [ARGUMENT]...",
    .summary = "shows how far applications have come; moves one that rests",
    .help = "  list                    groups (each is an application.id) and their lag\n"
            "  describe GROUP          offsets and lag by partition; members, with their tasks\n"
            "  reset GROUP --topic TOPIC WHERE\n"
            "                          moves it in a topic; not while it runs\n"
            "  delete GROUP            forgets its offsets; not while it runs\n\n" WHERE_HELP
            "\n" LOG_OPTIONS_HELP,
    .run = run_groups,
};
