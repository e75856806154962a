/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builder.c - the builder's life, names, and the sources. See builder.h.
 */
#include "dsl/builder.h"

#include "base/memory.h"
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- life ------------------------------------------------------------------------------------ */

ks_store_type ksi_default_store_type(const ks_config *config)
{
    if (config == NULL) {
        return KS_STORE_ROCKSDB;
    }
    const char *suppliers = ksi_config_choice(config, "dsl.store.suppliers.class");
    return strcmp(suppliers, "in_memory") == 0 ? KS_STORE_IN_MEMORY : KS_STORE_ROCKSDB;
}

static ks_status write_nothing(const ksi_plan_node *node, ks_topology *topology, ks_error *error)
{
    (void)node;
    (void)topology;
    (void)error;
    return KS_OK;
}

ks_builder *ks_builder_new(const ks_config *config)
{
    ks_builder *builder = ksi_calloc(1, sizeof *builder);
    ksi_arena_init(&builder->arena, 0);
    builder->topology = ksi_topology_new();
    builder->root = ksi_add_plan_node(builder, "root", write_nothing);
    if (config != NULL) {
        builder->optimisations = ksi_optimisations_of(config);
        builder->process_changes_key =
            ksi_config_bool(config, "__enable.process.processValue.fix__");
    }
    builder->store_type = ksi_default_store_type(config);
    builder->topology->store_type = builder->store_type;
    builder->wants_names =
        config != NULL && ksi_config_bool(config, "ensure.explicit.internal.resource.naming");
    builder->inert_stream = (ks_stream){.builder = builder, .name = "", .node = builder->root};
    builder->inert_table = (ks_table){.builder = builder, .name = "", .node = builder->root};
    builder->inert_global_table = (ks_global_table){.builder = builder};
    builder->inert_grouped =
        (ks_grouped_stream){.builder = builder, .name = "", .node = builder->root};
    builder->inert_cogrouped = (ks_cogrouped_stream){.builder = builder};
    builder->inert_windowed_cogrouped =
        (ks_windowed_cogrouped_stream){.builder = builder, .cogrouped = &builder->inert_cogrouped};
    builder->inert_windowed =
        (ks_windowed_stream){.builder = builder, .grouped = &builder->inert_grouped};
    builder->inert_grouped_table = (ks_grouped_table){.builder = builder, .node = builder->root};
    builder->inert_split = (ks_split){
        .builder = builder, .name = "", .stream = &builder->inert_stream, .node = builder->root};
    return builder;
}

void ks_builder_free(ks_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (size_t i = 0; i < builder->node_count; i++) {
        ksi_plan_node_destroy(builder->nodes[i]);
    }
    ksi_free(builder->nodes);
    ksi_free(builder->copartitions.items);
    ks_topology_free(builder->topology);
    ksi_unnamed_destroy(&builder->unnamed);
    ksi_arena_destroy(&builder->arena);
    ksi_free(builder);
}

/* Behind the optimiser, which puts repartition points. @java rewriteRepartitionNodes */
static void keep_null_keys(const ks_builder *builder)
{
    for (size_t i = 0; i < builder->node_count; i++) {
        if (builder->nodes[i]->joins_null_keys) {
            ksi_plan_keep_null_keys(builder->nodes[i]);
        }
    }
}

ks_topology *ks_builder_build(ks_builder *builder, ks_error *error)
{
    if (builder->built) {
        ksi_error_set(error, KS_E_STATE, "builder",
                      "it has built its topology already; make a new builder for another");
        return NULL;
    }
    builder->built = true;
    if (!builder->failed) {
        ks_error refused = {0};
        ks_status status = ksi_plan_merge_sources(builder->root, &refused);
        if (status == KS_OK) {
            ksi_optimise(builder);
            keep_null_keys(builder);
            status = ksi_plan_write(builder->root, builder->topology, &refused);
        }
        if (status == KS_OK) {
            status = ksi_write_copartitions(builder, &refused);
        }
        if (status == KS_OK) {
            status = ksi_check_unnamed(builder, &refused);
        }
        if (status == KS_OK) {
            status = ksi_topology_check_depth(builder->topology, &refused);
        }
        builder->failed = status != KS_OK;
        builder->error = refused;
    }
    if (builder->failed) {
        if (error != NULL) {
            *error = builder->error;
        }
        return NULL;
    }
    ks_topology *topology = builder->topology;
    builder->topology = NULL;
    ksi_topology_freeze(topology);
    return topology;
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void prefix_with_line(ks_error *error, const ks_options_head *head)
{
    if (head != NULL && head->file != NULL) {
        ksi_error_prefix(error, "%s:%d: ", head->file, head->line);
    }
}

void ksi_builder_fail(ks_builder *builder, const ks_options_head *head, ks_status code,
                      const char *where, const char *format, ...)
{
    if (builder->failed) {
        return;
    }
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    builder->failed = true;
    ksi_error_set(&builder->error, code, where, "%s", message);
    prefix_with_line(&builder->error, head);
}

void ksi_builder_fail_error(ks_builder *builder, const ks_options_head *head, const ks_error *error)
{
    if (!builder->failed) {
        builder->failed = true;
        builder->error = *error;
        prefix_with_line(&builder->error, head);
    }
}

void ksi_builder_own(ks_builder *builder, void *user, ks_free_fn *user_free)
{
    if (user_free == NULL) {
        return;
    }
    if (builder->topology != NULL) {
        ksi_topology_on_free(builder->topology, user_free, user);
    } else {
        ks_arena_on_reset(&builder->arena, user_free, user);
    }
}

bool ksi_builder_begin(ks_builder *builder, const ks_options_head *head, const char *call,
                       bool is_complete)
{
    builder->call_file = head != NULL ? head->file : NULL;
    builder->call_line = head != NULL ? head->line : 0;
    if (!builder->failed && builder->built) {
        ksi_builder_fail(builder, head, KS_E_STATE, call,
                         "the topology was built already; add operations before building");
    }
    if (!is_complete) {
        ksi_builder_fail(builder, head, KS_E_ARGUMENT, call,
                         "NULL was given for a function, topic or stream that it needs");
    }
    return !builder->failed && !builder->built;
}

bool ksi_is_of_builder(ks_builder *builder, const ks_options_head *head, const ks_builder *other,
                       const char *call)
{
    if (other != builder) {
        ksi_builder_fail(builder, head, KS_E_ARGUMENT, call,
                         "the two sides belong to different builders; use one for both");
    }
    return other == builder;
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *ksi_new_processor_name(ks_builder *builder, const char *prefix)
{
    return ksi_arena_format(&builder->arena, "%s%010d", prefix, builder->next_number++);
}

const char *ksi_new_store_name(ks_builder *builder, const char *prefix)
{
    return ksi_arena_format(&builder->arena, "%sSTATE-STORE-%010d", prefix, builder->next_number++);
}

const char *ksi_suffixed_or_new(ks_builder *builder, const ks_options_head *head, const char *name,
                                const char *suffix, const char *prefix)
{
    const char *generated = ksi_new_processor_name(builder, prefix);
    if (name == NULL) {
        return generated;
    }
    ks_error error = {0};
    const char *suffixed = ksi_arena_format(&builder->arena, "%s%s", name, suffix);
    if (ksi_name_check(name, &error) != KS_OK || ksi_name_check(suffixed, &error) != KS_OK) {
        ksi_builder_fail_error(builder, head, &error);
        return NULL;
    }
    return suffixed;
}

const char *ksi_name_or_new(ks_builder *builder, const ks_options_head *head, const char *name,
                            const char *prefix)
{
    return ksi_suffixed_or_new(builder, head, name, "", prefix);
}

const char *ksi_free_name_or_new(ks_builder *builder, const ks_options_head *head, const char *name,
                                 const char *prefix)
{
    ks_error error = {0};
    if (name == NULL) {
        return ksi_new_processor_name(builder, prefix);
    }
    if (ksi_name_check(name, &error) != KS_OK) {
        ksi_builder_fail_error(builder, head, &error);
        return NULL;
    }
    return ksi_arena_strdup(&builder->arena, name);
}

/* ---- the plan -------------------------------------------------------------------------------- */

ksi_plan_node *ksi_add_plan_node(ks_builder *builder, const char *name, ksi_plan_write_fn *write)
{
    ksi_plan_node *node = ksi_plan_node_new(&builder->arena, name, write);
    node->file = builder->call_file;
    node->line = builder->call_line;
    builder->nodes = ksi_grow(builder->nodes, &builder->node_capacity, builder->node_count + 1,
                              sizeof(ksi_plan_node *));
    builder->nodes[builder->node_count++] = node;
    return node;
}

void ksi_attach(ks_builder *builder, ksi_plan_node *parent, ksi_plan_node *node)
{
    ksi_plan_connect(parent, node);
    node->build_priority = builder->next_priority++;
}

ks_stream *ksi_stream_new(ks_builder *builder, const ks_stream *values)
{
    ks_stream *stream = ksi_arena_alloc(&builder->arena, sizeof *stream);
    *stream = *values;
    stream->builder = builder;
    stream->repartition = NULL; /* of this one */
    return stream;
}

ks_table *ksi_table_new(ks_builder *builder, const ks_table *values)
{
    ks_table *table = ksi_arena_alloc(&builder->arena, sizeof *table);
    *table = *values;
    table->builder = builder;
    return table;
}

/* ---- sources --------------------------------------------------------------------------------- */

ksi_source ksi_source_of(const ks_consumed *consumed)
{
    ksi_source source = {0};
    if (consumed != NULL) {
        source = (ksi_source){.key = consumed->key,
                              .value = consumed->value,
                              .timestamp_extractor = consumed->timestamp_extractor,
                              .offset_reset = consumed->offset_reset,
                              .offset_reset_duration_ms = consumed->offset_reset_duration_ms};
    }
    return source;
}

/* @java Topology#addReadOnlyStateStore */
ksi_source ksi_source_of_store(const ks_store_source *source)
{
    return (ksi_source){.topics = &source->topic,
                        .topic_count = 1,
                        .key = source->key,
                        .value = source->value,
                        .timestamp_extractor = source->timestamp_extractor,
                        .offset_reset = KS_OFFSET_RESET_EARLIEST};
}

ks_status ksi_check_reset(const ks_consumed *consumed, ks_error *error)
{
    if (consumed != NULL && consumed->offset_reset == KS_OFFSET_RESET_BY_DURATION &&
        consumed->offset_reset_duration_ms < 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, "offset_reset_duration_ms",
                             "it must be 0 or more milliseconds; it is %lld",
                             (long long)consumed->offset_reset_duration_ms);
    }
    return KS_OK;
}

static bool has_valid_reset(ks_builder *builder, const ks_consumed *consumed)
{
    ks_error error = {0};
    if (ksi_check_reset(consumed, &error) != KS_OK) {
        ksi_builder_fail_error(builder, KSI_HEAD_OF(consumed), &error);
        return false;
    }
    return true;
}

static ks_stream *add_stream_source(ks_builder *builder, const ks_consumed *consumed,
                                    const ksi_source *source)
{
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(consumed),
                                       consumed != NULL ? consumed->name : NULL, KSI_STREAM_SOURCE);
    if (name == NULL || !has_valid_reset(builder, consumed)) {
        return &builder->inert_stream;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_source);
    node->is_stream_source = true;
    node->source = *source;
    ksi_attach(builder, builder->root, node);
    return ksi_stream_new(
        builder,
        &(ks_stream){.name = name, .key = source->key, .value = source->value, .node = node});
}

ks_stream *ks_builder_stream_of(ks_builder *builder, const char *const *topics, size_t count,
                                const ks_consumed *consumed)
{
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(consumed), "ks_builder_stream", topics != NULL)) {
        return &builder->inert_stream;
    }
    if (count == 0) {
        ksi_builder_fail(builder, KSI_HEAD_OF(consumed), KS_E_TOPOLOGY, "ks_builder_stream",
                         "it reads no topic; name at least one");
        return &builder->inert_stream;
    }
    ksi_source source = ksi_source_of(consumed);
    const char **distinct = ksi_arena_alloc(&builder->arena, (count + 1) * sizeof *distinct);
    for (size_t i = 0; i < count; i++) {
        bool seen = topics[i] == NULL;
        if (topics[i] == NULL) {
            ksi_builder_fail(builder, KSI_HEAD_OF(consumed), KS_E_ARGUMENT, "ks_builder_stream",
                             "topic %zu is NULL; give a name", i);
        }
        for (size_t j = 0; !seen && j < source.topic_count; j++) {
            seen = strcmp(distinct[j], topics[i]) == 0;
        }
        if (!seen) {
            distinct[source.topic_count++] = ksi_arena_strdup(&builder->arena, topics[i]);
        }
    }
    source.topics = distinct;
    return builder->failed ? &builder->inert_stream : add_stream_source(builder, consumed, &source);
}

ks_stream *ks_builder_stream(ks_builder *builder, const char *topic, const ks_consumed *consumed)
{
    return ks_builder_stream_of(builder, &topic, 1, consumed);
}

static void free_pattern(void *pattern)
{
    ksi_pattern_free(pattern);
}

ks_stream *ks_builder_stream_matching(ks_builder *builder, const char *pattern,
                                      const ks_consumed *consumed)
{
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(consumed), "ks_builder_stream_matching",
                           pattern != NULL)) {
        return &builder->inert_stream;
    }
    ks_error error = {0};
    ksi_source source = ksi_source_of(consumed);
    ksi_pattern *compiled = ksi_pattern_compile(pattern, &error);
    if (compiled == NULL) {
        ksi_builder_fail_error(builder, KSI_HEAD_OF(consumed), &error);
        return &builder->inert_stream;
    }
    ksi_topology_on_free(builder->topology, free_pattern, compiled);
    source.pattern = compiled;
    return add_stream_source(builder, consumed, &source);
}

/* A source node and the node that makes its records the updates of a table, in one plan node. */
static ks_table *add_table_source(ks_builder *builder, const ksi_source *source,
                                  const ks_consumed *consumed, const ksi_materialized *materialized)
{
    const char *user_name = consumed != NULL ? consumed->name : NULL;
    const char *source_name = ksi_suffixed_or_new(builder, KSI_HEAD_OF(consumed), user_name,
                                                  "-source", KSI_STREAM_SOURCE);
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(consumed), user_name, KSI_TABLE_SOURCE);
    if (source_name == NULL || name == NULL || !has_valid_reset(builder, consumed)) {
        return &builder->inert_table;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_table_source);
    node->source = *source;
    node->source_name = source_name;
    node->is_table_source = true;
    ksi_attach(builder, builder->root, node);
    return ksi_new_source_table(builder, node, materialized,
                                &(ks_table){.key = source->key, .value = source->value});
}

ks_table *ks_builder_table(ks_builder *builder, const char *topic, const ks_consumed *consumed,
                           const ks_materialized *materialized)
{
    ksi_materialized store;
    const ks_options_head *head = consumed != NULL ? &consumed->head : KSI_HEAD_OF(materialized);
    if (!ksi_builder_ready(builder, head, "ks_builder_table", topic != NULL)) {
        return &builder->inert_table;
    }
    const char *prefix = ksi_arena_format(&builder->arena, "%s-", topic);
    if (!ksi_materialize(builder, materialized, prefix, &store)) {
        return &builder->inert_table;
    }
    ksi_source source = ksi_source_of(consumed);
    if (consumed == NULL) {
        source.key = store.spec.key;
        source.value = store.spec.value;
    }
    store.spec.key = source.key;
    store.spec.value = source.value;
    const char **topics = ksi_arena_alloc(&builder->arena, sizeof *topics);
    topics[0] = ksi_arena_strdup(&builder->arena, topic);
    source.topics = topics;
    source.topic_count = 1;
    return add_table_source(builder, &source, consumed, &store);
}
