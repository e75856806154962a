/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset.c - `ks reset`: an application begins anew, as Kafka's application reset tool does it.
 *
 * The steps go from what the application could not run on without to what decides where it begins:
 * its members, its local state, its internal topics, and last the offsets of its input, which are
 * set all together or not at all. So a reset that was interrupted can be run again: what is gone
 * already is left out, and a shift has not shifted anything yet.
 *
 * A dry run takes the same way and prints the same lines, but for the acts themselves.
 */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/logger.h"
#include "base/memory.h"
#include "reset_plan.h"
#include "storage/state_directory.h"
#include "table.h"

typedef struct reset {
    ks_log *log;
    const reset_options *options;
    const reset_plan *plan;
    bool json; /* lines are not printed: the plan is, in the end */
} reset;

/* ---- the steps ------------------------------------------------------------------------------- */

static void say(const reset *self, const char *would, const char *did, const char *what)
{
    if (!self->json) {
        printf("%s %s\n", self->options->dry_run ? would : did, what);
    }
}

static int remove_members(const reset *self)
{
    ks_error error = {0};

    if (self->plan->members.count > 0 && !self->options->dry_run &&
        ks_log_remove_group_members(self->log, self->options->application_id, &error) != KS_OK) {
        return failed(&error);
    }
    for (size_t i = 0; i < self->plan->members.count; i++) {
        say(self, "would remove member", "removed member", self->plan->members.items[i]);
    }
    return 0;
}

static int delete_state(const reset *self)
{
    ks_error error = {0};
    ksi_logger logger;

    if (self->plan->state == NULL) {
        return 0;
    }
    if (!self->options->dry_run) {
        ksi_logger_init(&logger, NULL, NULL, KS_LOG_LEVEL_WARN);
        ks_status status = ksi_state_directory_delete_database(self->options->state_dir,
                                                               self->options->application_id,
                                                               &ksi_system_clock, &logger, &error);
        ksi_logger_destroy(&logger);
        if (status != KS_OK) {
            return failed(&error);
        }
    }
    say(self, "would delete the stores in", "deleted the stores in", self->plan->state);
    return 0;
}

static int delete_topics(const reset *self)
{
    for (size_t i = 0; i < self->plan->topics.count; i++) {
        const char *topic = self->plan->topics.items[i];
        ks_error error = {0};
        if (!self->options->dry_run && ks_log_delete_topic(self->log, topic, &error) != KS_OK &&
            error.code != KS_E_UNKNOWN_TOPIC) { /* it is gone, which is what was wanted */
            return failed(&error);
        }
        say(self, "would delete topic", "deleted topic", topic);
    }
    return 0;
}

static table *offset_rows(const reset *self)
{
    static const column columns[] = {
        {"topic", false}, {"partition", true}, {"committed", true}, {"offset", true}};
    table *rows = table_new(columns, 4);

    for (size_t i = 0; i < self->plan->offset_count; i++) {
        const planned_offset *at = &self->plan->offsets[i];
        table_text(rows, at->topic);
        table_number(rows, at->partition);
        table_optional(rows, at->committed);
        table_number(rows, at->offset);
    }
    return rows;
}

static int set_offsets(const reset *self)
{
    const reset_plan *plan = self->plan;
    ks_group_offset *offsets = ksi_calloc(plan->offset_count + 1, sizeof *offsets);
    ks_error error = {0};
    int exit_status = 0;

    for (size_t i = 0; i < plan->offset_count; i++) {
        const planned_offset *at = &plan->offsets[i];
        offsets[i] =
            (ks_group_offset){.topic = at->topic, .partition = at->partition, .offset = at->offset};
    }
    if (!self->options->dry_run && plan->offset_count > 0 &&
        ks_log_set_group_offsets(self->log, self->options->application_id, offsets,
                                 plan->offset_count, &error) != KS_OK) {
        exit_status = failed(&error);
    } else if (plan->offset_count > 0 && !self->json) {
        say(self, "would set the offsets of", "set the offsets of", self->options->application_id);
        table *rows = offset_rows(self);
        table_print(rows, false, "");
        table_free(rows);
    }
    ksi_free(offsets);
    return exit_status;
}

/* ---- what is said about them ----------------------------------------------------------------- */

static void print_texts(const char *name, const text_list *texts)
{
    printf(",\n\"%s\": [", name);
    for (size_t i = 0; i < texts->count; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        json_text(stdout, ks_slice_cstr(texts->items[i]));
    }
    putchar(']');
}

static void print_json(const reset *self)
{
    table *rows = offset_rows(self);

    fputs("{\"application.id\": ", stdout);
    json_text(stdout, ks_slice_cstr(self->options->application_id));
    printf(",\n\"dry_run\": %s", self->options->dry_run ? "true" : "false");
    print_texts("members", &self->plan->members);
    fputs(",\n\"state\": ", stdout);
    json_text(stdout, ks_slice_cstr(self->plan->state));
    print_texts("topics", &self->plan->topics);
    print_texts("left_alone", &self->plan->spared);
    fputs(",\n\"offsets\":\n", stdout);
    table_print(rows, true, "");
    fputs("}\n", stdout);
    table_free(rows);
}

static bool is_empty(const reset_plan *plan)
{
    return plan->members.count == 0 && plan->state == NULL && plan->topics.count == 0 &&
           plan->offset_count == 0;
}

/* To people: what is not done, though it may be expected. */
static void print_remarks(const reset *self)
{
    const reset_plan *plan = self->plan;

    if (is_empty(plan)) {
        printf("there is nothing of %s to reset\n", self->options->application_id);
    }
    for (size_t i = 0; i < plan->spared.count; i++) {
        printf("left alone: topic %s, which is of %s; --internal-topics would delete it\n",
               plan->spared.items[i], plan->spared_for.items[i]);
    }
    if (self->options->input_topics.count == 0) {
        printf("left alone: the offsets of input topics; --input-topics names them\n");
    }
    if (self->options->state_dir == NULL) {
        printf("left alone: local state; give --state-dir where the instances ran, or have each "
               "call ks_app_clean_up()\n");
    }
}

static int run_steps(const reset *self)
{
    static int (*const steps[])(const reset *self) = {remove_members, delete_state, delete_topics,
                                                      set_offsets};
    int exit_status = 0;

    if (self->options->dry_run && !self->json) {
        printf("dry run: nothing is changed\n");
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps && exit_status == 0; i++) {
        exit_status = steps[i](self);
    }
    if (exit_status != 0) {
        (void)fflush(stdout);
        fprintf(stderr, "ks: the reset is not complete; the same command does the rest\n");
    } else if (self->json) {
        print_json(self);
    } else {
        print_remarks(self);
    }
    return exit_status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int check(reset_options *options, const text_list *words)
{
    int ways = 0;

    if (words->count > 0) {
        return usage("reset takes options only, not %s", words->items[0]);
    }
    if (options->application_id == NULL || options->application_id[0] == '\0') {
        return usage("reset: which application? give --application-id");
    }
    int exit_status = where_check(&options->where, "reset", &ways);
    if (exit_status == 0 && options->from_file != NULL && ways > 0) {
        return usage("reset: offsets come from --from-file or from another option, not from both");
    }
    if (exit_status == 0 && options->input_topics.count == 0 &&
        (ways > 0 || options->from_file != NULL)) {
        return usage("reset: of which topics? give --input-topics");
    }
    return exit_status;
}

static int run_reset(int argc, char **argv)
{
    log_options log_is = {0};
    reset_options given = {.where = WHERE_NOT_GIVEN};
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is),
                              {"--application-id", OPTION_TEXT, &given.application_id},
                              {"--input-topics", OPTION_LIST, &given.input_topics},
                              {"--internal-topics", OPTION_LIST, &given.internal_topics},
                              WHERE_OPTIONS(given.where),
                              {"--from-file", OPTION_TEXT, &given.from_file},
                              {"--state-dir", OPTION_TEXT, &given.state_dir},
                              {"--dry-run", OPTION_FLAG, &given.dry_run},
                              {"--force", OPTION_FLAG, &given.force}};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0) {
        exit_status = check(&given, &words);
    }
    ks_log *log = exit_status == 0 ? open_log(&log_is, false, &exit_status) : NULL;
    if (log != NULL) {
        reset_plan plan;
        const reset self = {.log = log, .options = &given, .plan = &plan, .json = log_is.json};
        exit_status = reset_plan_make(&plan, log, &given);
        if (exit_status == 0) {
            exit_status = run_steps(&self);
        }
        reset_plan_free(&plan);
    }
    ks_log_free(log);
    text_list_free(&given.input_topics);
    text_list_free(&given.internal_topics);
    text_list_free(&words);
    return exit_status;
}

const command reset_command = {
    .name = "reset",
    .arguments = "--application-id ID --bootstrap-server LOG [OPTION]...",
    .summary = "makes an application that is stopped begin anew",
    .help = "  --application-id ID     whose internal topics are deleted: changelogs, repartition\n"
            "                          topics, those of foreign-key joins\n"
            "  --input-topics LIST     with commas between them; where they are read from "
            "then:\n" WHERE_HELP
            "  --from-file FILE        TOPIC,PARTITION,OFFSET a line; what it leaves out stays\n"
            "  --internal-topics LIST  deletes only these of them\n"
            "  --state-dir DIR         deletes the stores in DIR/ID as well, on this machine\n"
            "  --dry-run               says what would be done, and changes nothing\n"
            "  --force                 removes members that are dead and not missed "
            "yet\n" LOG_OPTIONS_HELP,
    .run = run_reset,
};
