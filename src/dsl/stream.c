/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - the stateless operations of a stream, merging, and sinks. @java KStreamImpl
 *
 * What a new stream knows of its serdes: operations that leave a side alone keep its serde,
 * operations that make new keys or values know nothing of theirs. Changing the key asks for a
 * repartition before the next operation that needs equal keys together.
 */
#include "dsl/builder.h"
#include "serde/windowed.h"

/* ---- one processor node behind a stream ------------------------------------------------------ */

typedef struct operation {
    const char *call;
    const char *prefix;
    ks_stream *stream;
    bool has_function;
    void *user;
    const ks_named *named;
} operation;

/* Takes the user pointer over and checks the call; false: the builder failed. */
static bool may_begin(const operation *op)
{
    ks_builder *builder = op->stream->builder;
    ksi_builder_own(builder, op->user, op->named != NULL ? op->named->user_free : NULL);
    return ksi_builder_ready(builder, KSI_HEAD_OF(op->named), op->call, op->has_function);
}

/* The same, and decides on the node's name; NULL: the builder failed. */
static const char *begin(const operation *op)
{
    ks_builder *builder = op->stream->builder;
    if (!may_begin(op)) {
        return NULL;
    }
    return ksi_name_or_new(builder, KSI_HEAD_OF(op->named),
                           op->named != NULL ? op->named->name : NULL, op->prefix);
}

static ksi_plan_node *add_processor(ks_stream *parent, const char *name, ksi_processor processor)
{
    ksi_plan_node *node = ksi_add_plan_node(parent->builder, name, ksi_plan_write_processor);
    node->processor = processor;
    ksi_attach(parent->builder, parent->node, node);
    return node;
}

/* The stream behind a new node that keeps everything the parent's stream has. */
static ks_stream *kept(const ks_stream *parent, const char *name, ksi_plan_node *node)
{
    ks_stream stream = *parent;
    stream.name = name;
    stream.node = node;
    return ksi_stream_new(parent->builder, &stream);
}

static ks_stream *rekeyed(const ks_stream *parent, const ks_serde *value, const char *name,
                          ksi_plan_node *node)
{
    node->changes_key = true;
    return ksi_stream_new(
        parent->builder,
        &(ks_stream){.name = name, .value = value, .repartition_required = true, .node = node});
}

static ks_stream *revalued(const ks_stream *parent, const char *name, ksi_plan_node *node)
{
    ks_stream *stream = kept(parent, name, node);
    node->changes_value = true;
    stream->value = NULL;
    return stream;
}

/* The topology's arena; a builder that has built gave it away, but then begin() has refused. */
static ks_arena *configs(const ks_stream *stream)
{
    return &stream->builder->topology->arena;
}

/* ---- filter, map, flat map ------------------------------------------------------------------- */

static ks_stream *filter(ks_stream *stream, ks_predicate_fn *predicate, bool negated,
                         const operation *op)
{
    const char *name = begin(op);
    if (name == NULL) {
        return &stream->builder->inert_stream;
    }
    return kept(
        stream, name,
        add_processor(stream, name, ksi_op_filter(configs(stream), predicate, op->user, negated)));
}

ks_stream *ks_stream_filter(ks_stream *stream, ks_predicate_fn *keep, void *user,
                            const ks_named *named)
{
    return filter(
        stream, keep, false,
        &(operation){"ks_stream_filter", "KSTREAM-FILTER-", stream, keep != NULL, user, named});
}

ks_stream *ks_stream_filter_not(ks_stream *stream, ks_predicate_fn *drop, void *user,
                                const ks_named *named)
{
    return filter(
        stream, drop, true,
        &(operation){"ks_stream_filter_not", "KSTREAM-FILTER-", stream, drop != NULL, user, named});
}

ks_stream *ks_stream_select_key(ks_stream *stream, ks_mapper_fn *key, void *user,
                                const ks_named *named)
{
    const char *name = begin(&(operation){"ks_stream_select_key", "KSTREAM-KEY-SELECT-", stream,
                                          key != NULL, user, named});
    if (name == NULL) {
        return &stream->builder->inert_stream;
    }
    ksi_plan_node *node =
        add_processor(stream, name, ksi_op_select_key(configs(stream), key, user));
    return rekeyed(stream, stream->value, name, node);
}

ks_stream *ks_stream_map(ks_stream *stream, ks_pair_mapper_fn *map, void *user,
                         const ks_named *named)
{
    const char *name =
        begin(&(operation){"ks_stream_map", "KSTREAM-MAP-", stream, map != NULL, user, named});
    if (name == NULL) {
        return &stream->builder->inert_stream;
    }
    return rekeyed(stream, NULL, name,
                   add_processor(stream, name, ksi_op_map(configs(stream), map, user)));
}

ks_stream *ks_stream_map_values(ks_stream *stream, ks_mapper_fn *map, void *user,
                                const ks_named *named)
{
    const char *name = begin(&(operation){"ks_stream_map_values", "KSTREAM-MAPVALUES-", stream,
                                          map != NULL, user, named});
    if (name == NULL) {
        return &stream->builder->inert_stream;
    }
    return revalued(stream, name,
                    add_processor(stream, name, ksi_op_map_values(configs(stream), map, user)));
}

ks_stream *ks_stream_flat_map(ks_stream *stream, ks_action_fn *emit, void *user,
                              const ks_named *named)
{
    const char *name = begin(
        &(operation){"ks_stream_flat_map", "KSTREAM-FLATMAP-", stream, emit != NULL, user, named});
    if (name == NULL) {
        return &stream->builder->inert_stream;
    }
    return rekeyed(stream, NULL, name,
                   add_processor(stream, name, ksi_op_flat_map(configs(stream), emit, user, true)));
}

ks_stream *ks_stream_flat_map_values(ks_stream *stream, ks_action_fn *emit, void *user,
                                     const ks_named *named)
{
    const char *name = begin(&(operation){"ks_stream_flat_map_values", "KSTREAM-FLATMAPVALUES-",
                                          stream, emit != NULL, user, named});
    if (name == NULL) {
        return &stream->builder->inert_stream;
    }
    return revalued(
        stream, name,
        add_processor(stream, name, ksi_op_flat_map(configs(stream), emit, user, false)));
}

/* ---- actions --------------------------------------------------------------------------------- */

ks_stream *ks_stream_peek(ks_stream *stream, ks_action_fn *look, void *user, const ks_named *named)
{
    const char *name =
        begin(&(operation){"ks_stream_peek", "KSTREAM-PEEK-", stream, look != NULL, user, named});
    if (name == NULL) {
        return &stream->builder->inert_stream;
    }
    return kept(stream, name,
                add_processor(stream, name, ksi_op_peek(configs(stream), look, user)));
}

void ks_stream_foreach(ks_stream *stream, ks_action_fn *action, void *user, const ks_named *named)
{
    const char *name = begin(
        &(operation){"ks_stream_foreach", "KSTREAM-FOREACH-", stream, action != NULL, user, named});
    if (name != NULL) {
        add_processor(stream, name, ksi_op_foreach(configs(stream), action, user));
    }
}

void ks_stream_print(ks_stream *stream, const ks_printed *printed)
{
    const ks_printed none = {0};
    const ks_printed *how = printed != NULL ? printed : &none;
    const ks_options_head *head = KSI_HEAD_OF(printed);
    ks_builder *builder = stream->builder;
    ksi_builder_own(builder, how->user, how->user_free);
    if (!ksi_builder_ready(builder, head, "ks_stream_print", true)) {
        return;
    }
    const char *name = ksi_name_or_new(builder, head, how->name, "KSTREAM-PRINTER-");
    if (name != NULL) {
        const ksi_print print = {.path = how->path,
                                 .label = how->label != NULL ? how->label : stream->name,
                                 .mapper = how->mapper,
                                 .user = how->user};
        add_processor(stream, name, ksi_op_print(configs(stream), &print));
    }
}

/* ---- merge ----------------------------------------------------------------------------------- */

ks_stream *ks_stream_merge(ks_stream *stream, ks_stream *other, const ks_named *named)
{
    ks_builder *builder = stream->builder;
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(named), "ks_stream_merge", other != NULL) ||
        other == NULL) {
        return &builder->inert_stream;
    }
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(named),
                                       named != NULL ? named->name : NULL, "KSTREAM-MERGE-");
    if (name == NULL) {
        return &builder->inert_stream;
    }
    if (!ksi_is_of_builder(builder, KSI_HEAD_OF(named), other->builder, name)) {
        return &builder->inert_stream;
    }
    ksi_plan_node *node = add_processor(stream, name, ksi_op_pass_through());
    node->is_merge = true;
    ksi_attach(builder, other->node, node);
    return ksi_stream_new(builder,
                          &(ks_stream){.name = name,
                                       .repartition_required = stream->repartition_required ||
                                                               other->repartition_required,
                                       .node = node});
}

/* ---- sinks ----------------------------------------------------------------------------------- */

static void add_sink(ks_stream *stream, const char *call, ksi_sink sink, bool has_target,
                     const ks_produced *produced)
{
    const ks_produced none = {0};
    const ks_produced *how = produced != NULL ? produced : &none;
    const ks_options_head *head = KSI_HEAD_OF(produced);
    ks_builder *builder = stream->builder;
    if (!ksi_builder_ready(builder, head, call, has_target)) {
        return;
    }
    const char *name = ksi_name_or_new(builder, head, how->name, "KSTREAM-SINK-");
    if (name != NULL) {
        ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_sink);
        node->sink = sink;
        node->sink.topic = ksi_arena_strdup(&builder->arena, sink.topic);
        node->sink.key = how->key != NULL ? how->key : stream->key;
        node->sink.value = how->value != NULL ? how->value : stream->value;
        node->sink.partitioner = how->partitioner;
        node->sink.by_inner_key = how->partitioner == NULL && node->sink.key != NULL &&
                                  ksi_windowed_inner(node->sink.key) != NULL;
        ksi_attach(builder, stream->node, node);
    }
}

void ks_stream_to(ks_stream *stream, const char *topic, const ks_produced *produced)
{
    add_sink(stream, "ks_stream_to", (ksi_sink){.topic = topic}, topic != NULL, produced);
}

void ks_stream_to_dynamic(ks_stream *stream, ks_topic_name_fn *topic, void *user,
                          const ks_produced *produced)
{
    ksi_builder_own(stream->builder, user, produced != NULL ? produced->user_free : NULL);
    add_sink(stream, "ks_stream_to_dynamic", (ksi_sink){.topic_name = topic, .user = user},
             topic != NULL, produced);
}
