/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset_plan.c - what `ks reset` would do to an application.
 *
 * Which topics are internal is Java's rule, by name: "<application.id>-...", ending as changelogs,
 * repartition topics and the topics of foreign-key joins end. The rule alone would take the topics
 * of an application "orders-eu" for those of "orders". So a topic that bears the name of another
 * group of the log as well is left alone, unless it is asked for by name.
 */
#include "reset_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <kstreams/serde.h>

#include "base/arena.h"
#include "base/memory.h"
#include "command.h"

typedef struct known_topic {
    const char *name;
    int32_t partitions;
} known_topic;

/* What the log has, as it was when the plan was begun. */
typedef struct survey {
    ks_arena *arena;
    const char *application_id;
    known_topic *topics;
    size_t topic_count;
    size_t topic_capacity;
    planned_offset *committed; /* by the application */
    size_t committed_count;
    size_t committed_capacity;
    text_list groups; /* the other ones */
} survey;

/* ---- the log as it is ------------------------------------------------------------------------ */

static void see_topic(const char *topic, int32_t partitions, void *user)
{
    survey *seen = user;

    seen->topics =
        ksi_grow(seen->topics, &seen->topic_capacity, seen->topic_count + 1, sizeof *seen->topics);
    seen->topics[seen->topic_count++] =
        (known_topic){ksi_arena_strdup(seen->arena, topic), partitions};
}

static void see_offset(const ks_group_offset *offset, void *user)
{
    survey *seen = user;

    seen->committed = ksi_grow(seen->committed, &seen->committed_capacity,
                               seen->committed_count + 1, sizeof *seen->committed);
    seen->committed[seen->committed_count++] =
        (planned_offset){.topic = ksi_arena_strdup(seen->arena, offset->topic),
                         .partition = offset->partition,
                         .committed = offset->offset};
}

static void see_group(const char *group, void *user)
{
    survey *seen = user;

    if (strcmp(group, seen->application_id) != 0) {
        text_list_add(&seen->groups, ksi_arena_strdup(seen->arena, group));
    }
}

static ks_status survey_log(survey *seen, ks_log *log, ks_error *error)
{
    ks_status status = ks_log_each_topic(log, see_topic, seen, error);

    if (status == KS_OK) {
        status = ks_log_each_group_offset(log, seen->application_id, see_offset, seen, error);
    }
    return status == KS_OK ? ks_log_each_group(log, see_group, seen, error) : status;
}

static void survey_free(survey *seen)
{
    ksi_free(seen->topics);
    ksi_free(seen->committed);
    text_list_free(&seen->groups);
}

static const known_topic *find_topic(const survey *seen, const char *name)
{
    for (size_t i = 0; i < seen->topic_count; i++) {
        if (strcmp(seen->topics[i].name, name) == 0) {
            return &seen->topics[i];
        }
    }
    return NULL;
}

static int64_t committed_of(const survey *seen, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < seen->committed_count; i++) {
        const planned_offset *at = &seen->committed[i];
        if (at->partition == partition && strcmp(at->topic, topic) == 0) {
            return at->committed;
        }
    }
    return -1;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static bool has_text(const text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* The names in "a,b" and "c", each once. */
static void split_names(const text_list *given, ks_arena *arena, text_list *names)
{
    for (size_t i = 0; i < given->count; i++) {
        char *rest = ksi_arena_strdup(arena, given->items[i]);
        char *state = NULL;
        for (char *name = strtok_r(rest, ", ", &state); name != NULL;
             name = strtok_r(NULL, ", ", &state)) {
            if (!has_text(names, name)) {
                text_list_add(names, name);
            }
        }
    }
}

/* ---- internal topics ------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* ...-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-<digits>-topic, and -RESPONSE- */
static bool is_foreign_key_topic(const char *name)
{
    static const char *const middles[] = {"-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-",
                                          "-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-"};

    for (size_t i = 0; i < sizeof middles / sizeof *middles; i++) {
        const char *found = name[0] != '\0' ? strstr(name + 1, middles[i]) : NULL;
        const char *number = found != NULL ? found + strlen(middles[i]) : "";
        size_t digits = strspn(number, "0123456789");
        if (digits > 0 && strcmp(number + digits, "-topic") == 0) {
            return true;
        }
    }
    return false;
}

/* @java StreamsResetter#matchesInternalTopicFormat */
static bool has_internal_form(const char *name)
{
    return ends_with(name, "-changelog") || ends_with(name, "-repartition") ||
           ends_with(name, "-subscription-registration-topic") ||
           ends_with(name, "-subscription-response-topic") || is_foreign_key_topic(name);
}

/* What follows "<application.id>-" in the name of a topic; NULL when it begins otherwise. */
static const char *name_within(const char *topic, const char *application_id)
{
    size_t length = strlen(application_id);

    return strncmp(topic, application_id, length) == 0 && topic[length] == '-' ? topic + length + 1
                                                                               : NULL;
}

/* The longest name of another group that a topic of this one bears as well; NULL: there is none. */
static const char *other_owner(const survey *seen, const char *topic)
{
    const char *owner = NULL;

    for (size_t i = 0; i < seen->groups.count; i++) {
        const char *group = seen->groups.items[i];
        const char *rest = name_within(topic, group);
        bool is_longer = name_within(group, seen->application_id) != NULL;
        if (is_longer && rest != NULL && has_internal_form(rest) &&
            (owner == NULL || strlen(group) > strlen(owner))) {
            owner = group;
        }
    }
    return owner;
}

static void find_internal_topics(reset_plan *plan, const survey *seen, const text_list *inputs)
{
    for (size_t i = 0; i < seen->topic_count; i++) {
        const char *topic = seen->topics[i].name;
        const char *rest = name_within(topic, seen->application_id);
        if (rest == NULL || !has_internal_form(topic) || has_text(inputs, topic)) {
            continue;
        }
        const char *owner = other_owner(seen, topic);
        if (owner == NULL) {
            text_list_add(&plan->topics, topic);
        } else {
            text_list_add(&plan->spared, topic);
            text_list_add(&plan->spared_for, ksi_arena_strdup(plan->arena, owner));
        }
    }
}

/* Only those that were named; each has to be one of those that were found. */
static int choose_internal_topics(reset_plan *plan, const text_list *named)
{
    for (size_t i = 0; i < named->count; i++) {
        if (!has_text(&plan->topics, named->items[i]) &&
            !has_text(&plan->spared, named->items[i])) {
            return usage("--internal-topics: %s is no internal topic of the application; "
                         "--dry-run without this option lists them",
                         named->items[i]);
        }
    }
    text_list chosen = {0};
    for (size_t i = 0; i < named->count; i++) {
        text_list_add(&chosen, named->items[i]);
    }
    text_list_free(&plan->topics);
    text_list_free(&plan->spared);
    text_list_free(&plan->spared_for);
    plan->topics = chosen;
    return 0;
}

/* ---- offsets --------------------------------------------------------------------------------- */

static void add_offset(reset_plan *plan, const planned_offset *offset)
{
    plan->offsets = ksi_grow(plan->offsets, &plan->offset_capacity, plan->offset_count + 1,
                             sizeof *plan->offsets);
    plan->offsets[plan->offset_count++] = *offset;
}

/* By the options, or to an offset that a file has. */
static int plan_partition(reset_plan *plan, ks_log *log, const where_options *where,
                          planned_offset offset)
{
    ks_error error = {0};
    ks_topic_partition of = {offset.topic, offset.partition};

    if (where_find(log, where, of, offset.committed, &offset.offset, &error) != KS_OK) {
        return failed(&error);
    }
    if (offset.offset < 0) {
        fprintf(stderr,
                "ks: nothing is committed for %s, partition %" PRId32
                ": there is nothing to shift, and it stays so\n",
                offset.topic, offset.partition);
        return 0;
    }
    add_offset(plan, &offset);
    return 0;
}

static int plan_topics(reset_plan *plan, ks_log *log, const survey *seen, const text_list *inputs,
                       const where_options *where)
{
    int exit_status = 0;

    for (size_t i = 0; i < inputs->count && exit_status == 0; i++) {
        const known_topic *topic = find_topic(seen, inputs->items[i]);
        for (int32_t p = 0; p < topic->partitions && exit_status == 0; p++) {
            const planned_offset offset = {.topic = topic->name,
                                           .partition = p,
                                           .committed = committed_of(seen, topic->name, p)};
            exit_status = plan_partition(plan, log, where, offset);
        }
    }
    return exit_status;
}

/* "orders,0,17": takes it apart in place. */
static bool parse_line(char *line, const char **topic, int64_t *partition, int64_t *offset)
{
    char *state = NULL;
    const char *name = strtok_r(line, ",", &state);
    const char *number = strtok_r(NULL, ",", &state);
    const char *target = strtok_r(NULL, ",", &state);
    bool is_whole = target != NULL && strtok_r(NULL, ",", &state) == NULL;

    *topic = name;
    return is_whole && parse_number(number, partition) && parse_number(target, offset) &&
           *partition >= 0 && *partition <= INT32_MAX && *offset >= 0;
}

/* What a file says about offsets. */
typedef struct offset_file {
    const char *path;
    FILE *file;
    const text_list *inputs;
} offset_file;

static int plan_line(reset_plan *plan, ks_log *log, const survey *seen, const offset_file *from,
                     char *line, int number)
{
    const char *name = NULL;
    int64_t partition = 0;
    where_options where = WHERE_NOT_GIVEN;

    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0') {
        return 0;
    }
    if (!parse_line(line, &name, &partition, &where.to_offset)) {
        return usage("%s:%d: a line is TOPIC,PARTITION,OFFSET", from->path, number);
    }
    const known_topic *topic = has_text(from->inputs, name) ? find_topic(seen, name) : NULL;
    if (topic == NULL) {
        return usage("%s:%d: %s is none of --input-topics", from->path, number, name);
    }
    if (partition >= topic->partitions) {
        return usage("%s:%d: there is no partition %" PRId64 ": %s has %" PRId32, from->path,
                     number, partition, name, topic->partitions);
    }
    for (size_t i = 0; i < plan->offset_count; i++) {
        const planned_offset *at = &plan->offsets[i];
        if (at->partition == partition && strcmp(at->topic, name) == 0) {
            return usage("%s:%d: %s, partition %" PRId64 " stands there twice", from->path, number,
                         name, partition);
        }
    }
    const planned_offset offset = {.topic = topic->name,
                                   .partition = (int32_t)partition,
                                   .committed =
                                       committed_of(seen, topic->name, (int32_t)partition)};
    return plan_partition(plan, log, &where, offset);
}

static int plan_file(reset_plan *plan, ks_log *log, const survey *seen, const text_list *inputs,
                     const char *path)
{
    offset_file from = {.path = path, .file = fopen(path, "r"), .inputs = inputs};
    char *line = NULL;
    size_t capacity = 0;
    int exit_status = 0;

    if (from.file == NULL) {
        fprintf(stderr, "ks: %s cannot be read: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    for (int number = 1; exit_status == 0 && getline(&line, &capacity, from.file) >= 0; number++) {
        exit_status = plan_line(plan, log, seen, &from, line, number);
    }
    if (exit_status == 0 && ferror(from.file)) {
        fprintf(stderr, "ks: %s cannot be read: %s\n", path, strerror(errno));
        exit_status = EXIT_FAILURE;
    } else if (exit_status == 0 && plan->offset_count == 0) {
        exit_status = usage("%s has no offset: a line is TOPIC,PARTITION,OFFSET", path);
    }
    free(line);
    (void)fclose(from.file);
    return exit_status;
}

/* ---- members and local state ----------------------------------------------------------------- */

static void see_member(const ks_group_member *member, void *user)
{
    reset_plan *plan = user;

    text_list_add(&plan->members, ksi_arena_strdup(plan->arena, member->member));
}

static int plan_members(reset_plan *plan, ks_log *log, const reset_options *options)
{
    ks_error error = {0};

    if (ks_log_each_group_member(log, options->application_id, see_member, plan, &error) != KS_OK) {
        return failed(&error);
    }
    if (plan->members.count > 0 && !options->force) {
        fprintf(stderr,
                "ks: %s has %zu member%s, such as %s: stop every instance first; nothing was "
                "changed (members that are dead and not missed yet can be removed by --force)\n",
                options->application_id, plan->members.count, plan->members.count == 1 ? "" : "s",
                plan->members.items[0]);
        return EXIT_FAILURE;
    }
    return 0;
}

static void plan_state(reset_plan *plan, const reset_options *options)
{
    struct stat there;

    if (options->state_dir != NULL) {
        const char *path =
            ksi_arena_format(plan->arena, "%s/%s", options->state_dir, options->application_id);
        plan->state = stat(path, &there) == 0 ? path : NULL;
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int plan_log(reset_plan *plan, ks_log *log, const survey *seen, const reset_options *options)
{
    text_list inputs = {0};
    text_list internal = {0};
    int exit_status = 0;

    split_names(&options->input_topics, plan->arena, &inputs);
    split_names(&options->internal_topics, plan->arena, &internal);
    for (size_t i = 0; i < inputs.count && exit_status == 0; i++) {
        if (find_topic(seen, inputs.items[i]) == NULL) {
            fprintf(stderr, "ks: there is no topic %s; nothing was changed\n", inputs.items[i]);
            exit_status = EXIT_FAILURE;
        }
    }
    find_internal_topics(plan, seen, &inputs);
    if (exit_status == 0 && internal.count > 0) {
        exit_status = choose_internal_topics(plan, &internal);
    }
    if (exit_status == 0) {
        exit_status = options->from_file != NULL
                          ? plan_file(plan, log, seen, &inputs, options->from_file)
                          : plan_topics(plan, log, seen, &inputs, &options->where);
    }
    text_list_free(&inputs);
    text_list_free(&internal);
    return exit_status;
}

int reset_plan_make(reset_plan *plan, ks_log *log, const reset_options *options)
{
    ks_error error = {0};

    *plan = (reset_plan){.arena = ks_arena_new()};
    int exit_status = plan_members(plan, log, options);
    if (exit_status != 0) {
        return exit_status;
    }
    survey seen = {.arena = plan->arena, .application_id = options->application_id};
    exit_status = survey_log(&seen, log, &error) == KS_OK ? plan_log(plan, log, &seen, options)
                                                          : failed(&error);
    if (exit_status == 0) {
        plan_state(plan, options);
    }
    survey_free(&seen);
    return exit_status;
}

void reset_plan_free(reset_plan *plan)
{
    text_list_free(&plan->members);
    text_list_free(&plan->topics);
    text_list_free(&plan->spared);
    text_list_free(&plan->spared_for);
    ksi_free(plan->offsets);
    ks_arena_free(plan->arena);
}
