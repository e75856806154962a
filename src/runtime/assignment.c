/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assignment.c - partition counts, tasks and internal topics; assignment.h has the rules. @java
 * RepartitionTopics, ChangelogTopics, DefaultPartitionGrouper
 *
 * Repartition counts are found in passes. A pass gives a count to each repartition topic all of
 * whose upstream topics have one; when a pass finds none, there is a loop (a sub-topology that
 * reads what it writes), and one topic takes the largest of the counts that are known. Java takes
 * the largest of what happens to be known when it comes by, in the order of its hash map, so that a
 * chain of repartitions may get fewer partitions than its widest input; here the order of the
 * topology's nodes does not matter.
 *
 * A pattern never matches the internal topics of its own application: they do not exist at the
 * first start, and an application that read its own changelogs from the second start on would be
 * another one.
 */
#include "runtime/assignment.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "runtime/copartition.h"

#include <string.h>

typedef struct maker {
    ksi_assignment *assignment;
    const ksi_assignment_options *options;
    ks_error *error;
    ks_status status;    /* of what cannot return one */
    const char *missing; /* the first input topic that is not there; NULL: all are */
    const ksi_node *reader;
    ksi_buffer also_missing;
} maker;

/* ---- inputs ---------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether `topic` is "<application.id>-" and the name of a repartition or changelog topic. */
static bool is_own_internal_topic(const ksi_assignment_options *options, const char *topic)
{
    size_t length = strlen(options->application_id);
    if (!starts_with(topic, options->application_id) || topic[length] != '-') {
        return false;
    }
    const char *rest = topic + length + 1;
    if (ksi_topology_internal_topic(options->topology, rest) != NULL) {
        return true;
    }
    for (size_t i = 0; i < options->topology->store_count; i++) {
        const char *store = options->topology->stores[i].spec.name;
        if (starts_with(rest, store) && strcmp(rest + strlen(store), "-changelog") == 0) {
            return true;
        }
    }
    return false;
}

static void add_input(ksi_assignment *assignment, const ksi_assigned_input *input)
{
    assignment->inputs = ksi_grow(assignment->inputs, &assignment->input_capacity,
                                  assignment->input_count + 1, sizeof *assignment->inputs);
    assignment->inputs[assignment->input_count++] = *input;
}

/* The visitor of the log's topics: is this one for a pattern? */
static void match_topic(void *user, const char *topic)
{
    maker *self = user;
    const ks_topology *topology = self->options->topology;
    ksi_assignment *assignment = self->assignment;
    if (self->status != KS_OK || is_own_internal_topic(self->options, topic)) {
        return;
    }
    const ksi_node *first = NULL;
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        bool matches = false;
        if (node->kind != KSI_NODE_SOURCE || node->source.pattern == NULL) {
            continue;
        }
        self->status = ksi_pattern_match(node->source.pattern, topic, &matches, self->error);
        if (self->status != KS_OK) {
            return;
        }
        if (!matches) {
            continue;
        }
        if (first != NULL) {
            self->status = ksi_error_set(
                self->error, KS_E_TOPOLOGY, node->name,
                "topic '%s' matches its pattern '%s' and the pattern '%s' of source %s; "
                "make the patterns exclude each other",
                topic, ksi_pattern_text(node->source.pattern),
                ksi_pattern_text(first->source.pattern), first->name);
            return;
        }
        first = node;
    }
    if (first != NULL) {
        assignment->matched_topics =
            ksi_grow(assignment->matched_topics, &assignment->matched_topic_capacity,
                     assignment->matched_topic_count + 1, sizeof(const char *));
        assignment->matched_topics[assignment->matched_topic_count++] =
            ksi_arena_strdup(&assignment->arena, topic);
    }
}

/* The first one by name and reader, the others by name. */
static void note_missing(maker *self, const ksi_node *node, const char *topic)
{
    if (self->missing == NULL) {
        self->missing = topic;
        self->reader = node;
        return;
    }
    ksi_buffer_appendf(&self->also_missing, "%s%s", self->also_missing.size > 0 ? ", " : "", topic);
}

/* `what` became of them, and what to do. */
static ks_status say_missing(maker *self, const char *what, const char *advice)
{
    if (self->missing == NULL) {
        return KS_OK;
    }
    bool is_only_one = self->also_missing.size == 0;
    return ksi_error_set(self->error, KS_E_UNKNOWN_TOPIC, self->missing,
                         "source %s of sub-topology %d reads this topic and it %s%s%s; %s",
                         self->reader->name, self->reader->subtopology, what,
                         is_only_one ? "" : ", and likewise ",
                         is_only_one ? "" : ksi_buffer_cstr(&self->also_missing), advice);
}

/* 0: it is not there, or self->status is an error. */
static int32_t count_partitions(maker *self, const char *topic)
{
    ksi_transport *transport = self->options->transport;
    int32_t count = 0;
    if (self->status == KS_OK) {
        self->status = transport->class->partition_count(transport, topic, &count, self->error);
    }
    return self->status == KS_OK ? count : 0;
}

static void add_named_topic(maker *self, const ksi_node *node, const char *topic)
{
    const ksi_assignment_options *options = self->options;
    ksi_assigned_input input = {.topic = ksi_topology_topic_name(options->topology,
                                                                 options->application_id, topic,
                                                                 &self->assignment->arena),
                                .source = node,
                                .internal = ksi_topology_internal_topic(options->topology, topic)};
    if (input.internal != NULL) {
        input.partitions = input.internal->partitions;
    } else {
        input.partitions = count_partitions(self, input.topic);
        if (input.partitions == 0) {
            note_missing(self, node, input.topic);
        }
    }
    add_input(self->assignment, &input);
}

static void add_matched_topics(maker *self, const ksi_node *node)
{
    ksi_assignment *assignment = self->assignment;
    size_t before = assignment->input_count;
    for (size_t i = 0; i < assignment->matched_topic_count; i++) {
        const char *topic = assignment->matched_topics[i];
        if (ksi_pattern_matches(node->source.pattern, topic)) {
            add_input(assignment,
                      &(ksi_assigned_input){.topic = topic,
                                            .source = node,
                                            .partitions = count_partitions(self, topic)});
        }
    }
    if (assignment->input_count == before) {
        ksi_log(self->options->logger, KS_LOG_LEVEL_WARN, node->name,
                "no topic matches the pattern '%s': the source reads nothing until there is one",
                ksi_pattern_text(node->source.pattern));
    }
}

static ks_status find_inputs(maker *self)
{
    const ks_topology *topology = self->options->topology;
    ksi_transport *transport = self->options->transport;
    ksi_assignment *assignment = self->assignment;
    /* Never NULL, which would tell a task that its patterns have inputs of their own. */
    assignment->matched_topics =
        ksi_grow(NULL, &assignment->matched_topic_capacity, 1, sizeof(const char *));
    KS_TRY(transport->class->each_topic(transport, match_topic, self, self->error));
    KS_TRY(self->status);
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        if (node->kind != KSI_NODE_SOURCE) {
            continue;
        }
        for (size_t t = 0; t < node->source.topic_count; t++) {
            add_named_topic(self, node, node->source.topics[t]);
        }
        if (node->source.pattern != NULL) {
            add_matched_topics(self, node);
        }
    }
    KS_TRY(self->status);
    return say_missing(self, "does not exist", "create input topics before the application starts");
}

/* ---- repartition topics ---------------------------------------------------------------------- */

static bool writes(const ks_topology *topology, int subtopology, const char *topic)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        if (node->subtopology == subtopology && node->kind == KSI_NODE_SINK &&
            node->sink.topic != NULL && strcmp(node->sink.topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * The largest count above a repartition topic; `*complete` says whether every one above it is
 * known.
 */
static int32_t count_above(const maker *self, const ksi_internal_topic *topic, bool *complete)
{
    const ksi_assignment *assignment = self->assignment;
    int32_t largest = 0;
    *complete = true;
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (!writes(self->options->topology, input->source->subtopology, topic->name)) {
            continue;
        }
        if (input->partitions == 0) {
            *complete = false;
        } else if (input->partitions > largest) {
            largest = input->partitions;
        }
    }
    return largest;
}

/*
 * Gives counts to what can have one; with `guess` to one topic of a loop. True when there was
 * something.
 */
static bool resolve_counts(maker *self, bool guess)
{
    bool progress = false;
    for (size_t i = 0; i < self->assignment->input_count; i++) {
        ksi_assigned_input *input = &self->assignment->inputs[i];
        if (input->internal == NULL || input->partitions > 0) {
            continue;
        }
        bool complete = false;
        int32_t count = count_above(self, input->internal, &complete);
        if (count > 0 && (complete || guess)) {
            input->partitions = count;
            progress = true;
            if (guess) {
                return true;
            }
        }
    }
    return progress;
}

static ks_status find_repartition_counts(maker *self)
{
    while (resolve_counts(self, false) || resolve_counts(self, true)) {
    }
    for (size_t i = 0; i < self->assignment->input_count; i++) {
        const ksi_assigned_input *input = &self->assignment->inputs[i];
        /*
         * A pattern that matched nothing leaves what is below it without a count and without
         * records.
         */
        if (input->partitions == 0) {
            return ksi_error_set(
                self->error, KS_E_TOPOLOGY, input->topic,
                "the number of partitions of this repartition topic cannot be computed; make sure "
                "that all input topics are created and that every pattern matches at least one "
                "topic");
        }
    }
    return KS_OK;
}

/* ---- tasks and internal topics --------------------------------------------------------------- */

static void add_tasks(maker *self, int subtopology)
{
    ksi_assignment *assignment = self->assignment;
    int32_t count = 0;
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (input->source->subtopology == subtopology && input->partitions > count) {
            count = input->partitions;
        }
    }
    assignment->tasks = ksi_grow(assignment->tasks, &assignment->task_capacity,
                                 assignment->task_count + (size_t)count, sizeof *assignment->tasks);
    for (int32_t i = 0; i < count; i++) {
        assignment->tasks[assignment->task_count++] =
            (ksi_task_id){.subtopology = subtopology, .partition = i};
    }
}

static void need_topic(ksi_assignment *assignment, const ksi_needed_topic *topic)
{
    assignment->needed_topics =
        ksi_grow(assignment->needed_topics, &assignment->needed_topic_capacity,
                 assignment->needed_topic_count + 1, sizeof *assignment->needed_topics);
    assignment->needed_topics[assignment->needed_topic_count++] = *topic;
}

static void find_needed_topics(maker *self)
{
    ksi_assignment *assignment = self->assignment;
    const ks_topology *topology = self->options->topology;
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (input->internal != NULL) {
            need_topic(assignment, &(ksi_needed_topic){.topic = input->topic,
                                                       .kind = "repartition",
                                                       .partitions = input->partitions});
        }
    }
    for (size_t i = 0; i < topology->store_count; i++) {
        const ksi_topology_store *store = &topology->stores[i];
        int32_t tasks = ksi_assignment_task_count(assignment, store->subtopology);
        if (store->spec.logging && tasks > 0) {
            need_topic(assignment, &(ksi_needed_topic){.topic = ksi_changelog_topic_name(
                                                           self->options->application_id,
                                                           store->spec.name, &assignment->arena),
                                                       .kind = "changelog",
                                                       .partitions = tasks,
                                                       .store = &store->spec});
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

ks_status ksi_assignment_make(ksi_assignment *assignment, const ksi_assignment_options *options,
                              ks_error *error)
{
    *assignment = (ksi_assignment){0};
    ksi_arena_init(&assignment->arena, 0);
    maker self = {.assignment = assignment, .options = options, .error = error, .status = KS_OK};
    ks_status status = find_inputs(&self);
    ksi_buffer_destroy(&self.also_missing);
    if (status == KS_OK) {
        status = find_repartition_counts(&self);
    }
    if (status == KS_OK) {
        status = ksi_copartition_enforce(assignment, options->topology, error);
    }
    if (status != KS_OK) {
        ksi_assignment_destroy(assignment);
        return status;
    }
    for (int i = 0; i < options->topology->subtopology_count; i++) {
        if (!ksi_topology_is_global(options->topology, i)) {
            add_tasks(&self, i);
        }
    }
    find_needed_topics(&self);
    return KS_OK;
}

void ksi_assignment_destroy(ksi_assignment *assignment)
{
    ksi_free(assignment->matched_topics);
    ksi_free(assignment->inputs);
    ksi_free(assignment->needed_topics);
    ksi_free(assignment->tasks);
    ksi_arena_destroy(&assignment->arena);
    *assignment = (ksi_assignment){0};
}

/* ---- later ----------------------------------------------------------------------------------- */

static void changed(ksi_topics_change *change, ksi_topics_change to)
{
    *change = to > *change ? to : *change;
}

static bool has_matched(const ksi_assignment *assignment, const char *topic)
{
    for (size_t i = 0; i < assignment->matched_topic_count; i++) {
        if (strcmp(assignment->matched_topics[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

/* What patterns match now, against what they matched. */
static void compare_matched(const maker *now, const ksi_assignment *before,
                            ksi_topics_change *change)
{
    const ksi_assignment *assignment = now->assignment;
    for (size_t i = 0; i < assignment->matched_topic_count; i++) {
        if (!has_matched(before, assignment->matched_topics[i])) {
            changed(change, KSI_TOPICS_OTHERS);
            ksi_log(now->options->logger, KS_LOG_LEVEL_INFO, assignment->matched_topics[i],
                    "the topic is new, and a pattern matches it");
        }
    }
    for (size_t i = 0; i < before->matched_topic_count; i++) {
        if (!has_matched(assignment, before->matched_topics[i])) {
            changed(change, KSI_TOPICS_FEWER);
            ksi_log(now->options->logger, KS_LOG_LEVEL_INFO, before->matched_topics[i],
                    "the topic, which a pattern matched, is no longer there");
        }
    }
}

static void compare_input(maker *now, const ksi_assigned_input *input, ksi_topics_change *change)
{
    int32_t count = count_partitions(now, input->topic);
    if (now->status != KS_OK) {
        return; /* nothing is known of it */
    }
    if (count == 0 && input->internal != NULL) {
        changed(change, KSI_TOPICS_FEWER);
        ksi_log(now->options->logger, KS_LOG_LEVEL_WARN, input->topic,
                "this repartition topic is no longer there; it is made anew, and what was in it is "
                "lost");
    } else if (count == 0) {
        note_missing(now, input->source, input->topic);
    } else if (count != input->partitions) {
        changed(change, KSI_TOPICS_OTHERS);
        ksi_log(now->options->logger, KS_LOG_LEVEL_INFO, input->topic,
                "the topic has %d partitions, and had %d", count, input->partitions);
    }
}

static bool is_matched(const ksi_assignment *assignment, const ksi_assigned_input *input)
{
    return input->source->source.pattern != NULL && has_matched(assignment, input->topic);
}

static ks_status compare(maker *now, const ksi_assignment *before, ksi_topics_change *change)
{
    ksi_transport *transport = now->options->transport;
    KS_TRY(transport->class->each_topic(transport, match_topic, now, now->error));
    KS_TRY(now->status);
    compare_matched(now, before, change);
    for (size_t i = 0; i < before->input_count; i++) {
        const ksi_assigned_input *input = &before->inputs[i];
        if (!is_matched(before, input) || has_matched(now->assignment, input->topic)) {
            compare_input(now, input, change);
        }
    }
    KS_TRY(now->status);
    ks_status status = say_missing(now, "was deleted while the application ran",
                                   "create it again, and start the application anew");
    if (status == KS_E_UNKNOWN_TOPIC) {
        changed(change, KSI_TOPICS_MISSING);
        return KS_OK;
    }
    return status;
}

ks_status ksi_assignment_compare(const ksi_assignment *assignment,
                                 const ksi_assignment_options *options, ksi_topics_change *change,
                                 ks_error *error)
{
    ksi_assignment matched = {0};
    maker now = {.assignment = &matched, .options = options, .error = error, .status = KS_OK};
    *change = KSI_TOPICS_SAME;
    ksi_arena_init(&matched.arena, 0);
    ks_status status = compare(&now, assignment, change);
    ksi_buffer_destroy(&now.also_missing);
    ksi_assignment_destroy(&matched);
    return status;
}

int32_t ksi_assignment_task_count(const ksi_assignment *assignment, int subtopology)
{
    int32_t count = 0;
    for (size_t i = 0; i < assignment->task_count; i++) {
        if (assignment->tasks[i].subtopology == subtopology) {
            count++;
        }
    }
    return count;
}
