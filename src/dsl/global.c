/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global.c - global tables and global stores. @java InternalStreamsBuilder#globalTable,
 * GlobalKTableImpl
 *
 * Both become the same in the topology: a source, a processor that keeps a store, nothing behind
 * them. The processor of a table is the one that every table of a topic has, and what it writes is
 * what stands in the topic; so its store is restored row by row. A program's own may write what it
 * likes, so restoring runs the topic through it.
 *
 * Whether a store is cached is the program's choice, as of any; the thread that keeps global stores
 * has no record cache to offer, the test driver has.
 *
 * Java refuses a Materialized without a store name, because its table would not be queryable and
 * would then have no store. Here it only gets a generated name, as without a Materialized.
 *
 * Thread rule: the builder's thread.
 */
#include "dsl/builder.h"

/* The processor's name names both nodes, before anything else is looked at, as Java. */
static bool name_nodes(ks_builder *builder, const ks_options_head *head, const char *name,
                       ksi_global_store *global)
{
    global->source_name = ksi_suffixed_or_new(builder, head, name, "-source", KSI_STREAM_SOURCE);
    global->processor_name = ksi_name_or_new(builder, head, name, KSI_TABLE_SOURCE);
    return global->source_name != NULL && global->processor_name != NULL;
}

static void set_topic(ks_builder *builder, const char *topic, ksi_global_store *global)
{
    const char **topics = ksi_arena_alloc(&builder->arena, sizeof *topics);
    topics[0] = ksi_arena_strdup(&builder->arena, topic);
    global->source.topics = topics;
    global->source.topic_count = 1;
}

static void attach(ks_builder *builder, const ksi_global_store *global)
{
    ksi_plan_node *node =
        ksi_add_plan_node(builder, global->processor_name, ksi_plan_write_global_store);
    node->global = *global;
    ksi_attach(builder, builder->root, node);
}

static bool materialize(ks_builder *builder, const char *topic, const ks_materialized *materialized,
                        ksi_materialized *store)
{
    ks_materialized options = {0};
    if (materialized != NULL) {
        options = *materialized;
    }
    options.logging_disabled = true; /* the topic is the changelog */
    const char *prefix = ksi_arena_format(&builder->arena, "%s-", topic);
    return ksi_materialize(builder, &options, prefix, store);
}

static ks_global_table *add_table(ks_builder *builder, ksi_global_store *global)
{
    ks_arena *arena = &builder->topology->arena;
    ksi_table_node *config = ksi_arena_zalloc(arena, sizeof *config);
    config->store = ksi_arena_strdup(arena, global->spec.name);
    global->processor = ksi_op_table_source(config);
    attach(builder, global);
    ks_global_table *table = ksi_arena_alloc(&builder->arena, sizeof *table);
    *table = (ks_global_table){.builder = builder,
                               .key = global->source.key,
                               .value = global->source.value,
                               .store = global->spec.name};
    return table;
}

ks_global_table *ks_builder_global_table(ks_builder *builder, const char *topic,
                                         const ks_consumed *consumed,
                                         const ks_materialized *materialized)
{
    ksi_materialized store;
    ksi_global_store global = {0};
    const ks_options_head *head = consumed != NULL ? &consumed->head : KSI_HEAD_OF(materialized);
    if (!ksi_builder_ready(builder, head, "ks_builder_global_table", topic != NULL) ||
        !materialize(builder, topic, materialized, &store) ||
        !name_nodes(builder, head, consumed != NULL ? consumed->name : NULL, &global)) {
        return &builder->inert_global_table;
    }
    global.source = ksi_source_of(consumed);
    set_topic(builder, topic, &global);
    if (consumed == NULL) {
        global.source.key = store.spec.key;
        global.source.value = store.spec.value;
    }
    global.spec = store.spec;
    global.spec.key = global.source.key; /* as Java: those of Consumed, where there is one */
    global.spec.value = global.source.value;
    return add_table(builder, &global);
}

const char *ks_global_table_queryable_store_name(const ks_global_table *table)
{
    return table->store;
}

/* ---- stores kept by a processor of the program's own ----------------------------------------- */

static bool may_keep(ks_builder *builder, const ks_processor *processor,
                     const ks_store_source *source)
{
    const char *refusal = NULL;
    if (processor->stores != NULL && processor->stores[0] != NULL) {
        refusal = "a processor that keeps a global store has that one only; leave its own stores "
                  "empty";
    } else if (source->source_name != NULL) {
        refusal = "the source of a global store of the DSL is named after its processor; give "
                  "processor_name alone";
    }
    if (refusal != NULL) {
        ksi_builder_fail(builder, &source->head, KS_E_ARGUMENT, source->topic, "%s", refusal);
    }
    return refusal == NULL;
}

void ks_builder_add_global_store(ks_builder *builder, const ks_store_builder *store,
                                 const ks_processor *processor, void *user,
                                 const ks_store_source *source)
{
    ksi_global_store global = {.reprocesses = true};
    const ks_options_head *head = source != NULL ? &source->head : KSI_HEAD_OF(store);
    bool is_complete = store != NULL && source != NULL && source->topic != NULL &&
                       processor != NULL && processor->process != NULL;
    ksi_builder_own(builder, user, source != NULL ? source->user_free : NULL);
    if (!ksi_builder_ready(builder, head, "ks_builder_add_global_store", is_complete) ||
        !may_keep(builder, processor, source) ||
        !ksi_read_store(builder, head, store, &global.spec) ||
        !name_nodes(builder, head, source->processor_name, &global)) {
        return;
    }
    global.source = ksi_source_of_store(source);
    set_topic(builder, source->topic, &global);
    global.processor = ksi_op_process(&builder->topology->arena, processor, user);
    attach(builder, &global);
}
