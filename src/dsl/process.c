/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - processors of the program's own, and their stores. @java KStreamImpl#process,
 * processValues, StreamsBuilder#addStateStore
 *
 * A node's stores are those that its processor brings along, then those that are named; the order
 * is that in which a task opens and flushes them. As in Java a name of the user's uses up no number
 * here.
 */
#include "dsl/builder.h"

#include <kstreams/topology.h>

/* ---- stores ---------------------------------------------------------------------------------- */

bool ksi_read_store(ks_builder *builder, const ks_options_head *head, const ks_store_builder *store,
                    ksi_store_spec *spec)
{
    ks_error error = {0};
    if (ksi_store_spec_of(store, builder->store_type, spec, &error) != KS_OK) {
        ksi_builder_fail_error(builder, head, &error);
        return false;
    }
    return true;
}

void ks_builder_add_store(ks_builder *builder, const ks_store_builder *store)
{
    ksi_store_spec spec;
    const ks_options_head *head = KSI_HEAD_OF(store);
    if (!ksi_builder_ready(builder, head, "ks_builder_add_store", store != NULL) ||
        !ksi_read_store(builder, head, store, &spec)) {
        return;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, ksi_arena_strdup(&builder->arena, spec.name),
                                            ksi_plan_write_stores);
    ksi_plan_add_store(node, &builder->arena, &spec);
    ksi_attach(builder, builder->root, node);
}

/* ---- around every processor ------------------------------------------------------------------ */

void ks_builder_wrap_processors(ks_builder *builder, const ks_processor_wrapper *wrapper,
                                void *user, const ks_named *named)
{
    const ks_options_head *head = KSI_HEAD_OF(named);
    bool is_complete = wrapper != NULL && wrapper->process != NULL;
    ksi_builder_own(builder, user, named != NULL ? named->user_free : NULL);
    if (!ksi_builder_ready(builder, head, "ks_builder_wrap_processors", is_complete)) {
        return;
    }
    ks_error error = {0};
    if (ks_topology_wrap_processors(builder->topology, wrapper, user, NULL, &error) != KS_OK) {
        ksi_builder_fail_error(builder, head, &error);
    }
}

/* ---- processors ------------------------------------------------------------------------------ */

typedef struct process_call {
    const char *name;
    const char *prefix;
    ksi_processor (*operation)(ks_arena *arena, const ks_processor *processor, void *user);
    const ks_processor *processor;
    void *user;
    const ks_connected *connected;
} process_call;

static bool add_stores(ks_builder *builder, ksi_plan_node *node, const process_call *call)
{
    const ks_store_builder *const *own = call->processor->stores;
    const char *const *named = call->connected != NULL ? call->connected->stores : NULL;
    ksi_store_spec spec;
    for (size_t i = 0; own != NULL && own[i] != NULL; i++) {
        if (!ksi_read_store(builder, KSI_HEAD_OF(call->connected), own[i], &spec)) {
            return false;
        }
        ksi_plan_add_store(node, &builder->arena, &spec);
    }
    for (size_t i = 0; named != NULL && named[i] != NULL; i++) {
        ksi_plan_connect_store(node, &builder->arena, named[i]);
    }
    return true;
}

/* NULL: the builder failed. */
static ksi_plan_node *add_node(ks_stream *stream, const process_call *call)
{
    ks_builder *builder = stream->builder;
    const ks_connected *connected = call->connected;
    const ks_options_head *head = KSI_HEAD_OF(connected);
    bool is_complete = call->processor != NULL && call->processor->process != NULL;
    ksi_builder_own(builder, call->user, connected != NULL ? connected->user_free : NULL);
    if (!ksi_builder_ready(builder, head, call->name, is_complete)) {
        return NULL;
    }
    const char *name = ksi_free_name_or_new(
        builder, head, connected != NULL ? connected->name : NULL, call->prefix);
    if (name == NULL) {
        return NULL;
    }
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    if (!add_stores(builder, node, call)) {
        return NULL;
    }
    node->processor = call->operation(&builder->topology->arena, call->processor, call->user);
    node->changes_value = builder->process_changes_key;
    ksi_attach(builder, stream->node, node);
    return node;
}

ks_stream *ks_stream_process(ks_stream *stream, const ks_processor *processor, void *user,
                             const ks_connected *connected)
{
    ks_builder *builder = stream->builder;
    const process_call call = {.name = "ks_stream_process",
                               .prefix = "KSTREAM-PROCESSOR-",
                               .operation = ksi_op_process,
                               .processor = processor,
                               .user = user,
                               .connected = connected};
    ksi_plan_node *node = add_node(stream, &call);
    if (node == NULL) {
        return &builder->inert_stream;
    }
    node->changes_key = builder->process_changes_key;
    return ksi_stream_new(
        builder, &(ks_stream){.name = node->name, .repartition_required = true, .node = node});
}

ks_stream *ks_stream_process_values(ks_stream *stream, const ks_processor *processor, void *user,
                                    const ks_connected *connected)
{
    ks_builder *builder = stream->builder;
    const process_call call = {.name = "ks_stream_process_values",
                               .prefix = "KSTREAM-PROCESSVALUES-",
                               .operation = ksi_op_process_values,
                               .processor = processor,
                               .user = user,
                               .connected = connected};
    ksi_plan_node *node = add_node(stream, &call);
    if (node == NULL) {
        return &builder->inert_stream;
    }
    return ksi_stream_new(builder,
                          &(ks_stream){.name = node->name,
                                       .key = stream->key,
                                       .repartition_required = stream->repartition_required,
                                       .node = node});
}
