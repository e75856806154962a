/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repartition.c - repartition points: a filter that drops null keys, a sink, a topic of our own, a
 * source.
 *
 * A point uses up three numbers whether or not its nodes take the generated names. They do when the
 * base of the topic's name was generated itself ("KSTREAM-...-0000000007"); otherwise they are
 * named after the topic, so that naming a grouping fixes everything about its topic. @java
 * KStreamImpl#createRepartitionedSource, OptimizableRepartitionNode, UnoptimizableRepartitionNode
 */
#include "dsl/builder.h"

#include <string.h>

#define SUFFIX "-repartition"
#define GENERATED_PREFIX "KSTREAM"
#define GENERATED_DIGITS 10

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

/* "KSTREAM", anything, a dash and ten digits. */
static bool was_generated(const char *name)
{
    size_t length = strlen(name);
    if (strncmp(name, GENERATED_PREFIX, strlen(GENERATED_PREFIX)) != 0 ||
        length < strlen(GENERATED_PREFIX) + 1 + GENERATED_DIGITS ||
        name[length - GENERATED_DIGITS - 1] != '-') {
        return false;
    }
    return strspn(name + length - GENERATED_DIGITS, "0123456789") == GENERATED_DIGITS;
}

ksi_plan_node *ksi_new_repartition(ks_builder *builder, const char *base, bool is_user_named,
                                   const ks_serde *key, const ks_serde *value)
{
    ks_arena *arena = &builder->arena;
    const char *topic = ends_with(base, SUFFIX) ? ksi_arena_strdup(arena, base)
                                                : ksi_arena_format(arena, "%s" SUFFIX, base);
    if (!is_user_named) {
        ksi_note_unnamed_repartition(builder, topic);
    }
    ksi_repartition repartition = {.topic = topic, .key = key, .value = value};
    repartition.sink_name = ksi_new_processor_name(builder, "KSTREAM-SINK-");
    repartition.filter_name = ksi_new_processor_name(builder, "KSTREAM-FILTER-");
    repartition.source_name = ksi_new_processor_name(builder, "KSTREAM-SOURCE-");
    if (!was_generated(base)) {
        repartition.sink_name = ksi_arena_format(arena, "%s-sink", topic);
        repartition.filter_name = ksi_arena_format(arena, "%s-filter", topic);
        repartition.source_name = ksi_arena_format(arena, "%s-source", topic);
    }
    ksi_plan_node *node =
        ksi_add_plan_node(builder, repartition.source_name, ksi_plan_write_repartition);
    node->repartition = repartition;
    node->may_be_merged = true;
    return node;
}

ks_stream *ksi_stream_for_join(ks_stream *stream, const char *name, const ks_serde *key,
                               const ks_serde *value)
{
    ks_builder *builder = stream->builder;
    if (!stream->repartition_required) {
        return stream;
    }
    const ks_stream side = {.key = key != NULL ? key : stream->key,
                            .value = value != NULL ? value : stream->value};
    const char *base = name != NULL ? name : stream->name;
    ksi_plan_node *fresh = ksi_new_repartition(builder, base, name != NULL, side.key, side.value);
    if (stream->repartition == NULL || strcmp(base, stream->name) != 0) {
        stream->repartition = fresh;
        ksi_attach(builder, stream->node, fresh);
    }
    ks_stream *joined = ksi_stream_new(builder, &side);
    joined->name = fresh->name;
    joined->node = stream->repartition;
    return joined;
}

/* As many as a topic of the embedded log has at most; each becomes a task. */
enum { MOST_PARTITIONS = 100000 };

ks_stream *ks_stream_repartition(ks_stream *stream, const ks_repartitioned *options)
{
    ks_builder *builder = stream->builder;
    const ks_repartitioned none = {0};
    const ks_repartitioned *how = options != NULL ? options : &none;
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(options), "ks_stream_repartition", true)) {
        return &builder->inert_stream;
    }
    if (how->partitions < 0 || how->partitions > MOST_PARTITIONS) {
        ksi_builder_fail(builder, &how->head, KS_E_ARGUMENT, "ks_stream_repartition",
                         "%d partitions; give 1 to %d, or 0 for as many as the topics above have",
                         (int)how->partitions, MOST_PARTITIONS);
        return &builder->inert_stream;
    }
    const char *base =
        how->name != NULL ? how->name : ksi_new_processor_name(builder, "KSTREAM-REPARTITION-");
    const ks_serde *key = how->key != NULL ? how->key : stream->key;
    const ks_serde *value = how->value != NULL ? how->value : stream->value;
    /* As Java: the topic's key serde is the one given here and never the stream's. */
    ksi_plan_node *node = ksi_new_repartition(builder, base, how->name != NULL, how->key, value);
    node->may_be_merged = false;
    node->repartition.partitioner = how->partitioner;
    node->repartition.partitions = how->partitions;
    ksi_attach(builder, stream->node, node);
    return ksi_stream_new(
        builder, &(ks_stream){.name = node->name, .key = key, .value = value, .node = node});
}
