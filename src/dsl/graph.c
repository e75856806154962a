/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.c - linking, merging and writing plan nodes. @java
 * InternalStreamsBuilder#buildAndOptimizeTopology
 *
 * Writing goes by a queue ordered by build priority. A node that comes up before one of its parents
 * is passed over; the parent, when it comes up, puts it into the queue again. Java queues a node
 * once for each parent; queueing it at most once at a time gives the same order, because its copies
 * would come out one after the other.
 */
#include "dsl/graph.h"

#include "base/error.h"
#include "base/heap.h"
#include "base/memory.h"
#include "ops/ops.h"
#include "topology/change_serde.h"

#include <string.h>

/* ---- links ----------------------------------------------------------------------------------- */

ksi_plan_node *ksi_plan_node_new(ks_arena *arena, const char *name, ksi_plan_write_fn *write)
{
    ksi_plan_node *node = ksi_arena_zalloc(arena, sizeof *node);
    node->name = name;
    node->write = write;
    node->window_grace_ms = -1;
    return node;
}

void ksi_plan_node_destroy(ksi_plan_node *node)
{
    ksi_free(node->stores.items);
    ksi_free(node->parents.items);
    ksi_free(node->children.items);
    node->stores = (ksi_plan_stores){0};
    node->parents = (ksi_plan_nodes){0};
    node->children = (ksi_plan_nodes){0};
}

static size_t position(const ksi_plan_nodes *nodes, const ksi_plan_node *node)
{
    size_t at = 0;
    while (at < nodes->count && nodes->items[at] != node) {
        at++;
    }
    return at;
}

void ksi_plan_nodes_add(ksi_plan_nodes *nodes, ksi_plan_node *node)
{
    if (position(nodes, node) == nodes->count) {
        nodes->items =
            ksi_grow(nodes->items, &nodes->capacity, nodes->count + 1, sizeof(ksi_plan_node *));
        nodes->items[nodes->count++] = node;
    }
}

static void take_out(ksi_plan_nodes *nodes, const ksi_plan_node *node)
{
    size_t at = position(nodes, node);
    if (at < nodes->count) {
        memmove(&nodes->items[at], &nodes->items[at + 1],
                (nodes->count - at - 1) * sizeof(ksi_plan_node *));
        nodes->count--;
    }
}

void ksi_plan_connect(ksi_plan_node *parent, ksi_plan_node *child)
{
    ksi_plan_nodes_add(&parent->children, child);
    ksi_plan_nodes_add(&child->parents, parent);
}

void ksi_plan_disconnect(ksi_plan_node *parent, ksi_plan_node *child)
{
    take_out(&parent->children, child);
    take_out(&child->parents, parent);
}

/* ---- stores ---------------------------------------------------------------------------------- */

static void add_store(ksi_plan_stores *stores, ksi_plan_store store)
{
    stores->items =
        ksi_grow(stores->items, &stores->capacity, stores->count + 1, sizeof *stores->items);
    stores->items[stores->count++] = store;
}

void ksi_plan_add_store(ksi_plan_node *node, ks_arena *arena, const ksi_store_spec *spec)
{
    ksi_store_spec *copy = ksi_arena_alloc(arena, sizeof *copy);
    *copy = *spec;
    copy->name = ksi_arena_strdup(arena, spec->name);
    add_store(&node->stores, (ksi_plan_store){.name = copy->name, .spec = copy});
}

void ksi_plan_connect_store(ksi_plan_node *node, ks_arena *arena, const char *name)
{
    add_store(&node->stores, (ksi_plan_store){.name = ksi_arena_strdup(arena, name)});
}

bool ksi_plan_has_store(const ksi_plan_node *node, const char *name)
{
    for (size_t i = 0; i < node->stores.count; i++) {
        if (strcmp(node->stores.items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Puts the line that asked for the node before the message of its failure. */
static ks_status add_call_site(ks_status status, const ksi_plan_node *node, ks_error *error)
{
    if (status != KS_OK && node->file != NULL) {
        ksi_error_prefix(error, "%s:%d: ", node->file, node->line);
    }
    return status;
}

/* ---- merging sources ------------------------------------------------------------------------- */

static bool has_topic(const ksi_source *source, const char *topic)
{
    for (size_t i = 0; i < source->topic_count; i++) {
        if (strcmp(source->topics[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

static bool overlaps(const ksi_source *a, const ksi_source *b)
{
    if (a->pattern != NULL || b->pattern != NULL) {
        return a->pattern != NULL && b->pattern != NULL &&
               strcmp(ksi_pattern_text(a->pattern), ksi_pattern_text(b->pattern)) == 0;
    }
    for (size_t i = 0; i < b->topic_count; i++) {
        if (has_topic(a, b->topics[i])) {
            return true;
        }
    }
    return false;
}

static bool same_topics(const ksi_source *a, const ksi_source *b)
{
    for (size_t i = 0; i < b->topic_count; i++) {
        if (!has_topic(a, b->topics[i])) {
            return false;
        }
    }
    return a->topic_count == b->topic_count;
}

static ks_status merge_source(ksi_plan_node *main, ksi_plan_node *other, ks_error *error)
{
    if (!same_topics(&main->source, &other->source)) {
        return ksi_error_set(error, KS_E_TOPOLOGY, other->name,
                             "its topics overlap those of source %s without being the same; read "
                             "each topic once, or the same set of topics everywhere",
                             main->name);
    }
    if (main->source.offset_reset != other->source.offset_reset ||
        main->source.offset_reset_duration_ms != other->source.offset_reset_duration_ms) {
        return ksi_error_set(
            error, KS_E_TOPOLOGY, other->name,
            "it reads the topics of source %s with another offset reset policy; give both the same",
            main->name);
    }
    while (other->children.count > 0) {
        ksi_plan_node *child = other->children.items[0];
        ksi_plan_disconnect(other, child);
        ksi_plan_connect(main, child);
    }
    return KS_OK;
}

ks_status ksi_plan_merge_sources(ksi_plan_node *root, ks_error *error)
{
    size_t i = 0;
    while (i < root->children.count) {
        ksi_plan_node *node = root->children.items[i];
        ksi_plan_node *main = NULL;
        for (size_t j = 0; node->is_stream_source && j < i && main == NULL; j++) {
            ksi_plan_node *earlier = root->children.items[j];
            if (earlier->is_stream_source && overlaps(&earlier->source, &node->source)) {
                main = earlier;
            }
        }
        if (main == NULL) {
            i++;
            continue;
        }
        KS_TRY(add_call_site(merge_source(main, node, error), node, error));
        node->became = main;
        ksi_plan_disconnect(root, node);
        ksi_plan_node_destroy(node);
    }
    return KS_OK;
}

const char *ksi_plan_source_name(const ksi_plan_node *node)
{
    if (node->repartition.topic != NULL) {
        return node->repartition.source_name;
    }
    if (node->source.topic_count == 0 && node->source.pattern == NULL) {
        return NULL;
    }
    return node->source_name != NULL ? node->source_name : node->name;
}

/* ---- joins of a stream with itself ----------------------------------------------------------- */

void ksi_plan_make_self_join(ksi_plan_node *node)
{
    ksi_plan_stream_join *join = node->stream_join;
    ksi_plan_node *right = join->windows[1];
    if (node->parents.count == 1) {
        ksi_plan_disconnect(node->parents.items[0], right);
        join->is_self_join = true;
    }
}

/* ---- records without key --------------------------------------------------------------------- */

static void add_parents(ksi_plan_nodes *nodes, const ksi_plan_node *node)
{
    for (size_t i = 0; i < node->parents.count; i++) {
        ksi_plan_node *parent = node->parents.items[i];
        if (!parent->keeps_null_keys) {
            parent->keeps_null_keys = true;
            ksi_plan_nodes_add(nodes, parent);
        }
    }
}

void ksi_plan_keep_null_keys(ksi_plan_node *join)
{
    ksi_plan_nodes above = {0};
    add_parents(&above, join);
    for (size_t i = 0; i < above.count; i++) {
        add_parents(&above, above.items[i]);
    }
    ksi_free(above.items);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int by_priority(const void *a, const void *b)
{
    const ksi_plan_node *x = a;
    const ksi_plan_node *y = b;
    return x->build_priority - y->build_priority;
}

static void queue_children(ksi_heap *queue, const ksi_plan_node *node)
{
    for (size_t i = 0; i < node->children.count; i++) {
        ksi_plan_node *child = node->children.items[i];
        if (!child->queued && !child->written) {
            child->queued = true;
            ksi_heap_push(queue, child);
        }
    }
}

static bool ready(const ksi_plan_node *node)
{
    for (size_t i = 0; i < node->parents.count; i++) {
        if (!node->parents.items[i]->written) {
            return false;
        }
    }
    return true;
}

ks_status ksi_plan_write(ksi_plan_node *root, ks_topology *topology, ks_error *error)
{
    ks_status status = KS_OK;
    ksi_heap queue;
    ksi_heap_init(&queue, by_priority);
    root->written = true;
    queue_children(&queue, root);
    ksi_plan_node *node = NULL;
    while (status == KS_OK && (node = ksi_heap_pop(&queue)) != NULL) {
        node->queued = false;
        if (ready(node)) {
            status = add_call_site(node->write(node, topology, error), node, error);
            node->written = true;
            queue_children(&queue, node);
        }
    }
    ksi_heap_destroy(&queue);
    return status;
}

/* ---- the kinds ------------------------------------------------------------------------------- */

/* The names of the parents, in the topology. A repartition's children hang on its source. */
static const char **parent_names(const ksi_plan_node *node, ks_topology *topology)
{
    const char **names =
        ksi_arena_alloc(&topology->arena, (node->parents.count + 1) * sizeof *names);
    for (size_t i = 0; i < node->parents.count; i++) {
        names[i] = node->parents.items[i]->name;
    }
    return names;
}

ks_status ksi_plan_write_source(const ksi_plan_node *node, ks_topology *topology, ks_error *error)
{
    return ksi_topology_add_source(topology, node->name, &node->source, error);
}

ks_status ksi_plan_write_stores(const ksi_plan_node *node, ks_topology *topology, ks_error *error)
{
    for (size_t i = 0; i < node->stores.count; i++) {
        const ksi_plan_store *store = &node->stores.items[i];
        if (store->spec != NULL) {
            KS_TRY(ksi_topology_add_store(topology, store->spec, error));
        }
    }
    return KS_OK;
}

/* Behind the processor: adds its stores, then connects all that it uses. */
static ks_status write_stores_of(const ksi_plan_node *node, ks_topology *topology, ks_error *error)
{
    KS_TRY(ksi_plan_write_stores(node, topology, error));
    for (size_t i = 0; i < node->stores.count; i++) {
        KS_TRY(ksi_topology_connect_store(topology, node->name, node->stores.items[i].name, error));
    }
    return KS_OK;
}

/* The source topic of a table as the changelog of the stores behind it. */
static ks_status reuse_source_topic(const ksi_plan_node *node, ks_topology *topology,
                                    ks_error *error)
{
    for (size_t i = 0; i < node->stores.count; i++) {
        KS_TRY(ksi_topology_set_source_topic(topology, node->stores.items[i].name,
                                             node->source.topics[0], error));
    }
    return KS_OK;
}

ks_status ksi_plan_write_table_source(const ksi_plan_node *node, ks_topology *topology,
                                      ks_error *error)
{
    KS_TRY(ksi_topology_add_source(topology, node->source_name, &node->source, error));
    KS_TRY(ksi_topology_add_processor(topology, node->name, &node->processor, &node->source_name, 1,
                                      error));
    KS_TRY(write_stores_of(node, topology, error));
    return node->reuses_source_topic ? reuse_source_topic(node, topology, error) : KS_OK;
}

ks_status ksi_plan_write_processor(const ksi_plan_node *node, ks_topology *topology,
                                   ks_error *error)
{
    KS_TRY(ksi_topology_add_processor(topology, node->name, &node->processor,
                                      parent_names(node, topology), node->parents.count, error));
    return write_stores_of(node, topology, error);
}

ks_status ksi_plan_write_join(const ksi_plan_node *node, ks_topology *topology, ks_error *error)
{
    const char *const parents[2] = {node->parents.items[0]->name,
                                    node->parents.items[node->parents.count - 1]->name};
    const char *const sides[2] = {node->sides[0]->name, node->sides[1]->name};
    for (size_t i = 0; i < 2; i++) {
        KS_TRY(ksi_topology_add_processor(topology, sides[i], &node->sides[i]->processor,
                                          &parents[i], 1, error));
    }
    KS_TRY(ksi_topology_add_processor(topology, node->name, &node->processor, sides, 2, error));
    KS_TRY(write_stores_of(node, topology, error));
    KS_TRY(write_stores_of(node->sides[0], topology, error));
    return write_stores_of(node->sides[1], topology, error);
}

static ks_status write_self_join(const ksi_plan_node *node, ks_topology *topology, ks_error *error)
{
    const ksi_plan_stream_join *join = node->stream_join;
    KS_TRY(ksi_topology_add_processor(topology, node->name, &join->self_join,
                                      &join->windows[0]->name, 1, error));
    return ksi_topology_connect_store(topology, node->name, join->store, error);
}

ks_status ksi_plan_write_stream_join(const ksi_plan_node *node, ks_topology *topology,
                                     ks_error *error)
{
    const ksi_plan_stream_join *join = node->stream_join;
    if (join->is_self_join) {
        return write_self_join(node, topology, error);
    }
    for (size_t i = 0; i < 2; i++) {
        const ksi_plan_node *side = join->joins[i];
        KS_TRY(ksi_topology_add_processor(topology, side->name, &side->processor,
                                          &join->windows[i]->name, 1, error));
        KS_TRY(write_stores_of(side, topology, error));
    }
    const char *const sides[] = {join->joins[0]->name, join->joins[1]->name};
    return ksi_topology_add_processor(topology, node->name, &node->processor, sides, 2, error);
}

ks_status ksi_plan_write_sink(const ksi_plan_node *node, ks_topology *topology, ks_error *error)
{
    return ksi_topology_add_sink(topology, node->name, &node->sink, parent_names(node, topology),
                                 node->parents.count, error);
}

ks_status ksi_plan_write_repartition(const ksi_plan_node *node, ks_topology *topology,
                                     ks_error *error)
{
    const ksi_repartition *r = &node->repartition;
    const ksi_processor filter = node->keeps_null_keys ? ksi_op_any_key() : ksi_op_has_key();
    const ksi_sink sink = {
        .topic = r->topic, .key = r->key, .value = r->value, .partitioner = r->partitioner};
    const ksi_source source = {.topics = &r->topic,
                               .topic_count = 1,
                               .key = r->key,
                               .value = r->value,
                               .timestamp_extractor = &ks_timestamp_fail_on_invalid};
    ksi_topology_add_internal_topic(topology, r->topic, r->partitions);
    KS_TRY(ksi_topology_add_processor(topology, r->filter_name, &filter,
                                      parent_names(node, topology), node->parents.count, error));
    KS_TRY(ksi_topology_add_sink(topology, r->sink_name, &sink, &r->filter_name, 1, error));
    return ksi_topology_add_source(topology, r->source_name, &source, error);
}

ks_status ksi_plan_write_global_store(const ksi_plan_node *node, ks_topology *topology,
                                      ks_error *error)
{
    return ksi_topology_add_global_store(topology, &node->global, error);
}

ks_status ksi_plan_write_change_repartition(const ksi_plan_node *node, ks_topology *topology,
                                            ks_error *error)
{
    const ksi_repartition *r = &node->repartition;
    const ksi_sink sink = {
        .topic = r->topic, .key = r->key, .value = r->value, .envelope = &ksi_change_envelope};
    const ksi_source source = {.topics = &r->topic,
                               .topic_count = 1,
                               .key = r->key,
                               .value = r->value,
                               .envelope = &ksi_change_envelope,
                               .timestamp_extractor = &ks_timestamp_fail_on_invalid};
    ksi_topology_add_internal_topic(topology, r->topic, r->partitions);
    KS_TRY(ksi_topology_add_sink(topology, r->sink_name, &sink, parent_names(node, topology),
                                 node->parents.count, error));
    return ksi_topology_add_source(topology, r->source_name, &source, error);
}
