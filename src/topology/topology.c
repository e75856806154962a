/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.c - filling and freezing the graph of nodes. @java InternalTopologyBuilder
 *
 * The checks stand where Java has them, in Java's order, because a program that breaks two rules
 * should hear of the same one in both languages. A topology that refused something is left as it
 * was before the call.
 *
 * Sub-topologies are found by union-find while nodes are added: a node is united with its parents,
 * and a processor with the first user of each store it is connected to. Freezing numbers the groups
 * by the first node of each, in the order of adding.
 */
#include "topology/topology.h"

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"

#include <string.h>

#define MAX_NAME_LENGTH 249

enum { DEEPEST = 10000 };

/* ---- life ------------------------------------------------------------------------------------ */

ks_topology *ksi_topology_new(void)
{
    ks_topology *topology = ksi_calloc(1, sizeof *topology);
    ksi_arena_init(&topology->arena, 0);
    topology->use = ksi_topology_use_new();
    topology->store_type = KS_STORE_ROCKSDB;
    topology->nodes_by_name = ksi_map_new();
    topology->sources_by_topic = ksi_map_new();
    return topology;
}

void ks_topology_free(ks_topology *topology)
{
    if (topology == NULL) {
        return;
    }
    for (size_t i = 0; i < topology->node_count; i++) {
        ksi_free(topology->nodes[i]->children);
        ksi_free(topology->nodes[i]->stores);
    }
    ksi_free(topology->nodes);
    ksi_free(topology->stores);
    ksi_free(topology->internal_topics);
    ksi_free(topology->groups);
    ksi_topology_use_free(topology->use);
    ksi_map_free(topology->nodes_by_name, NULL);
    ksi_map_free(topology->sources_by_topic, NULL);
    ksi_arena_destroy(&topology->arena);
    ksi_free(topology);
}

void ksi_topology_on_free(ks_topology *topology, ks_free_fn *release, void *pointer)
{
    if (release != NULL) {
        ks_arena_on_reset(&topology->arena, release, pointer);
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

static ks_status refuse_byte(const char *name, size_t at, ks_error *error)
{
    static const char rule[] = "a name consists of ASCII letters, digits, '.', '_' and '-'";
    unsigned char byte = (unsigned char)name[at];
    if (byte >= 0x20 && byte < 0x7f) {
        return ksi_error_set(error, KS_E_TOPOLOGY, name, "%s; change '%c'", rule, byte);
    }
    return ksi_error_set(error, KS_E_TOPOLOGY, name, "%s; change byte 0x%02x at position %zu", rule,
                         byte, at + 1);
}

ks_status ksi_name_check(const char *name, ks_error *error)
{
    size_t length = strlen(name);
    if (length == 0) {
        return ksi_error_set(error, KS_E_TOPOLOGY, "name", "a name must not be empty");
    }
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return ksi_error_set(error, KS_E_TOPOLOGY, name, "a name must not be \".\" or \"..\"");
    }
    if (length > MAX_NAME_LENGTH) {
        return ksi_error_set(error, KS_E_TOPOLOGY, name,
                             "a name has at most %d characters; this one has %zu", MAX_NAME_LENGTH,
                             length);
    }
    for (const char *c = name; *c != '\0'; c++) {
        bool allowed = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                       (*c >= '0' && *c <= '9') || *c == '.' || *c == '_' || *c == '-';
        if (!allowed) {
            return refuse_byte(name, (size_t)(c - name), error);
        }
    }
    return KS_OK;
}

/* ---- union-find ------------------------------------------------------------------------------ */

static size_t group_of(const ks_topology *topology, size_t node)
{
    while (topology->groups[node] != node) {
        topology->groups[node] = topology->groups[topology->groups[node]];
        node = topology->groups[node];
    }
    return node;
}

static void unite(ks_topology *topology, size_t a, size_t b)
{
    topology->groups[group_of(topology, a)] = group_of(topology, b);
}

/* ---- adding nodes ---------------------------------------------------------------------------- */

const ksi_node *ksi_topology_node(const ks_topology *topology, const char *name)
{
    return ksi_map_get_cstr(topology->nodes_by_name, name);
}

static ks_status check_new_name(const ks_topology *topology, const char *name, ks_error *error)
{
    if (ksi_topology_node(topology, name) != NULL) {
        return ksi_error_set(error, KS_E_TOPOLOGY, name,
                             "a node of this name was added before; names are unique");
    }
    return KS_OK;
}

static ks_status check_parents(const ks_topology *topology, const char *name,
                               const char *const *parents, size_t count, ks_error *error)
{
    if (count == 0) {
        return ksi_error_set(error, KS_E_TOPOLOGY, name,
                             "the node has no parent; name at least one");
    }
    for (size_t i = 0; i < count; i++) {
        const ksi_node *parent = ksi_topology_node(topology, parents[i]);
        if (parent == NULL && strcmp(parents[i], name) == 0) {
            return ksi_error_set(error, KS_E_TOPOLOGY, name, "it cannot be its own parent");
        }
        if (parent == NULL) {
            return ksi_error_set(error, KS_E_TOPOLOGY, name,
                                 "its parent '%s' is unknown; add parents first", parents[i]);
        }
        if (parent->kind == KSI_NODE_SINK) {
            return ksi_error_set(error, KS_E_TOPOLOGY, name,
                                 "its parent '%s' is a sink; nothing comes after a sink",
                                 parents[i]);
        }
        if (parent->is_global) {
            return ksi_error_set(error, KS_E_TOPOLOGY, name,
                                 "its parent '%s' keeps a global store, and nothing comes after "
                                 "that; read the store by its name instead",
                                 parents[i]);
        }
    }
    return KS_OK;
}

static ksi_node *add_node(ks_topology *topology, const char *name, ksi_node_kind kind)
{
    ksi_node *node = ksi_arena_zalloc(&topology->arena, sizeof *node);
    node->name = ksi_arena_strdup(&topology->arena, name);
    node->kind = kind;
    node->index = topology->node_count;
    topology->nodes = ksi_grow(topology->nodes, &topology->node_capacity, topology->node_count + 1,
                               sizeof(ksi_node *));
    topology->groups = ksi_grow(topology->groups, &topology->group_capacity,
                                topology->node_count + 1, sizeof *topology->groups);
    topology->nodes[topology->node_count] = node;
    topology->groups[topology->node_count] = topology->node_count;
    topology->node_count++;
    ksi_map_put_cstr(topology->nodes_by_name, name, node);
    return node;
}

static void connect_parents(ks_topology *topology, ksi_node *node, const char *const *parents,
                            size_t count)
{
    node->parents = ksi_arena_alloc(&topology->arena, count * sizeof(ksi_node *));
    node->parent_count = count;
    for (size_t i = 0; i < count; i++) {
        ksi_node *parent = ksi_map_get_cstr(topology->nodes_by_name, parents[i]);
        node->parents[i] = parent;
        parent->children = ksi_grow(parent->children, &parent->child_capacity,
                                    parent->child_count + 1, sizeof(ksi_node *));
        parent->children[parent->child_count++] = node;
        unite(topology, node->index, parent->index);
    }
}

/* ---- sources --------------------------------------------------------------------------------- */

/* Topics of global stores are apart: a pattern that comes later may match them, as in Java. */
static bool is_topic_of_global_store(const ks_topology *topology, const char *topic)
{
    for (size_t i = 0; i < topology->store_count; i++) {
        const ksi_topology_store *store = &topology->stores[i];
        if (store->is_global && strcmp(store->source_topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

static ks_status check_new_topic(const ks_topology *topology, const char *node, const char *topic,
                                 ks_error *error)
{
    if (ksi_map_get_cstr(topology->sources_by_topic, topic) != NULL ||
        is_topic_of_global_store(topology, topic)) {
        return ksi_error_set(
            error, KS_E_TOPOLOGY, node,
            "topic '%s' is read by another source already; use that stream twice instead", topic);
    }
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *other = topology->nodes[i];
        if (other->kind == KSI_NODE_SOURCE && other->source.pattern != NULL &&
            ksi_pattern_matches(other->source.pattern, topic)) {
            return ksi_error_set(error, KS_E_TOPOLOGY, node,
                                 "topic '%s' matches the pattern '%s' of source %s; make the "
                                 "pattern exclude it, or read it there only",
                                 topic, ksi_pattern_text(other->source.pattern), other->name);
        }
    }
    return KS_OK;
}

static ks_status check_pattern(const ks_topology *topology, const char *node,
                               const ksi_pattern *pattern, ks_error *error)
{
    void *source = NULL;
    ks_slice topic;
    for (size_t i = 0; ksi_map_at(topology->sources_by_topic, &i, &topic, &source); i++) {
        char text[MAX_NAME_LENGTH + 1];
        size_t length = topic.size < MAX_NAME_LENGTH ? topic.size : MAX_NAME_LENGTH;
        memcpy(text, topic.data, length);
        text[length] = '\0';
        if (ksi_pattern_matches(pattern, text)) {
            return ksi_error_set(
                error, KS_E_TOPOLOGY, node,
                "pattern '%s' matches topic '%s', which another source reads; make the "
                "pattern exclude it",
                ksi_pattern_text(pattern), text);
        }
    }
    return KS_OK;
}

static ksi_node *add_source_node(ks_topology *topology, const char *name, const ksi_source *source)
{
    ksi_node *node = add_node(topology, name, KSI_NODE_SOURCE);
    node->source = *source;
    const char **topics =
        ksi_arena_alloc(&topology->arena, (source->topic_count + 1) * sizeof *topics);
    for (size_t i = 0; i < source->topic_count; i++) {
        topics[i] = ksi_arena_strdup(&topology->arena, source->topics[i]);
    }
    node->source.topics = topics;
    return node;
}

ks_status ksi_topology_add_source(ks_topology *topology, const char *name, const ksi_source *source,
                                  ks_error *error)
{
    KS_TRY(check_new_name(topology, name, error));
    if (source->pattern != NULL) {
        KS_TRY(check_pattern(topology, name, source->pattern, error));
    } else if (source->topic_count == 0) {
        return ksi_error_set(error, KS_E_TOPOLOGY, name,
                             "the source reads no topic; name at least one");
    }
    for (size_t i = 0; i < source->topic_count; i++) {
        KS_TRY(check_new_topic(topology, name, source->topics[i], error));
    }

    ksi_node *node = add_source_node(topology, name, source);
    for (size_t i = 0; i < node->source.topic_count; i++) {
        ksi_map_put_cstr(topology->sources_by_topic, node->source.topics[i], node);
    }
    return KS_OK;
}

/* ---- processors and sinks -------------------------------------------------------------------- */

/* The wrapper and its stores. */
static ks_status wrap_node(ks_topology *topology, ksi_node *node, ks_error *error)
{
    const ks_store_builder *const *stores = topology->wrapper->stores;
    node->processor = ksi_topology_wrapped(topology, &node->processor);
    for (size_t i = 0; stores != NULL && stores[i] != NULL; i++) {
        ksi_store_spec spec;
        KS_TRY(ksi_store_spec_of(stores[i], topology->store_type, &spec, error));
        KS_TRY(ksi_topology_add_store(topology, &spec, error));
        KS_TRY(ksi_topology_connect_store(topology, node->name, spec.name, error));
    }
    return KS_OK;
}

ks_status ksi_topology_add_processor(ks_topology *topology, const char *name,
                                     const ksi_processor *processor, const char *const *parents,
                                     size_t parent_count, ks_error *error)
{
    KS_TRY(check_new_name(topology, name, error));
    KS_TRY(check_parents(topology, name, parents, parent_count, error));
    ksi_node *node = add_node(topology, name, KSI_NODE_PROCESSOR);
    node->processor = *processor;
    connect_parents(topology, node, parents, parent_count);
    return ksi_topology_wraps(topology, name) ? wrap_node(topology, node, error) : KS_OK;
}

ks_status ksi_topology_add_sink(ks_topology *topology, const char *name, const ksi_sink *sink,
                                const char *const *parents, size_t parent_count, ks_error *error)
{
    KS_TRY(check_new_name(topology, name, error));
    KS_TRY(check_parents(topology, name, parents, parent_count, error));
    ksi_node *node = add_node(topology, name, KSI_NODE_SINK);
    node->sink = *sink;
    node->sink.topic = ksi_arena_strdup(&topology->arena, sink->topic);
    connect_parents(topology, node, parents, parent_count);
    return KS_OK;
}

/* ---- stores ---------------------------------------------------------------------------------- */

static ksi_topology_store *find_store(const ks_topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->store_count; i++) {
        if (strcmp(topology->stores[i].spec.name, name) == 0) {
            return &topology->stores[i];
        }
    }
    return NULL;
}

const ksi_topology_store *ksi_topology_store_named(const ks_topology *topology, const char *name)
{
    return find_store(topology, name);
}

static ksi_topology_store *append_store(ks_topology *topology, const ksi_store_spec *spec)
{
    topology->stores = ksi_grow(topology->stores, &topology->store_capacity,
                                topology->store_count + 1, sizeof *topology->stores);
    ksi_topology_store *store = &topology->stores[topology->store_count++];
    *store = (ksi_topology_store){.spec = *spec, .subtopology = -1};
    store->spec.name = ksi_arena_strdup(&topology->arena, spec->name);
    store->spec.changelog_config = ksi_topic_configs_copy(&topology->arena, spec->changelog_config);
    return store;
}

static ks_status refuse_store_name(const char *name, ks_error *error)
{
    return ksi_error_set(error, KS_E_TOPOLOGY, name,
                         "another store of this name was added before; store names are unique");
}

ks_status ksi_topology_add_store(ks_topology *topology, const ksi_store_spec *spec, ks_error *error)
{
    const ksi_topology_store *other = find_store(topology, spec->name);
    if (other != NULL) {
        return !other->is_global && ksi_store_spec_is_same(&other->spec, spec)
                   ? KS_OK
                   : refuse_store_name(spec->name, error);
    }
    (void)append_store(topology, spec);
    return KS_OK;
}

static bool is_connected(const ksi_node *node, size_t store)
{
    for (size_t i = 0; i < node->store_count; i++) {
        if (node->stores[i] == store) {
            return true;
        }
    }
    return false;
}

static ks_status check_connection(const ks_topology *topology, const char *processor,
                                  const char *store, ks_error *error)
{
    const ksi_topology_store *wanted = find_store(topology, store);
    const ksi_node *node = ksi_topology_node(topology, processor);
    if (wanted == NULL) {
        return ksi_error_set(error, KS_E_TOPOLOGY, processor,
                             "store '%s' is unknown; add stores before they are connected", store);
    }
    if (wanted->is_global) {
        return ksi_error_set(error, KS_E_TOPOLOGY, processor,
                             "store '%s' is a global one, which every processor may read; do not "
                             "connect it",
                             store);
    }
    if (node == NULL) {
        return ksi_error_set(error, KS_E_TOPOLOGY, processor,
                             "there is no processor of this name to connect store '%s' to; add "
                             "processors before they are connected",
                             store);
    }
    if (node->kind != KSI_NODE_PROCESSOR) {
        return ksi_error_set(error, KS_E_TOPOLOGY, processor,
                             "it is a %s, which has no stores; connect store '%s' to a processor",
                             node->kind == KSI_NODE_SOURCE ? "source" : "sink", store);
    }
    if (node->is_global) {
        return ksi_error_set(error, KS_E_TOPOLOGY, processor,
                             "it keeps a global store, and has that one only; connect store '%s' "
                             "to another processor",
                             store);
    }
    return KS_OK;
}

static void connect_store(ks_topology *topology, ksi_node *node, ksi_topology_store *store)
{
    size_t index = (size_t)(store - topology->stores);
    if (is_connected(node, index)) {
        return;
    }
    node->stores =
        ksi_grow(node->stores, &node->store_capacity, node->store_count + 1, sizeof *node->stores);
    node->stores[node->store_count++] = index;
    if (store->first_user == NULL) {
        store->first_user = node;
    } else {
        unite(topology, node->index, store->first_user->index);
    }
}

ks_status ksi_topology_connect_store(ks_topology *topology, const char *processor,
                                     const char *store, ks_error *error)
{
    KS_TRY(check_connection(topology, processor, store, error));
    connect_store(topology, ksi_map_get_cstr(topology->nodes_by_name, processor),
                  find_store(topology, store));
    return KS_OK;
}

ks_status ksi_topology_set_source_topic(ks_topology *topology, const char *store, const char *topic,
                                        ks_error *error)
{
    ksi_topology_store *of = find_store(topology, store);
    KSI_CHECK(of != NULL);
    if (of->source_topic != NULL) {
        return ksi_error_set(error, KS_E_TOPOLOGY, store,
                             "topic '%s' is the changelog of this store already; a store has one",
                             of->source_topic);
    }
    of->source_topic = ksi_arena_strdup(&topology->arena, topic);
    of->spec.logging = false;
    return KS_OK;
}

/* ---- global stores --------------------------------------------------------------------------- */

static ks_status check_global_store(const ks_topology *topology, const ksi_global_store *store,
                                    ks_error *error)
{
    KSI_CHECK(store->source.topic_count == 1);
    if (store->spec.kind != KSI_STORE_KEY_VALUE) {
        return ksi_error_set(error, KS_E_TOPOLOGY, store->spec.name,
                             "a global store is a key-value store, and this one is %s; choose that "
                             "kind, or use a store of the tasks",
                             ksi_store_kind_name(store->spec.kind));
    }
    KS_TRY(check_new_name(topology, store->source_name, error));
    KS_TRY(check_new_topic(topology, store->source_name, store->source.topics[0], error));
    KS_TRY(check_new_name(topology, store->processor_name, error));
    if (strcmp(store->source_name, store->processor_name) == 0) {
        return ksi_error_set(error, KS_E_TOPOLOGY, store->source_name,
                             "source and processor of a global store need two names");
    }
    return find_store(topology, store->spec.name) == NULL
               ? KS_OK
               : refuse_store_name(store->spec.name, error);
}

ks_status ksi_topology_add_global_store(ks_topology *topology, const ksi_global_store *store,
                                        ks_error *error)
{
    KS_TRY(check_global_store(topology, store, error));
    ksi_node *source = add_source_node(topology, store->source_name, &store->source);
    ksi_node *processor = add_node(topology, store->processor_name, KSI_NODE_PROCESSOR);
    source->is_global = true;
    processor->is_global = true;
    processor->processor = store->processor;
    connect_parents(topology, processor, &store->source_name, 1);
    ksi_topology_store *added = append_store(topology, &store->spec);
    connect_store(topology, processor, added);
    added->is_global = true;
    added->reprocesses = store->reprocesses;
    added->source_topic = source->source.topics[0];
    added->spec.logging = false; /* the topic is all that a changelog could be */
    return KS_OK;
}

bool ksi_topology_is_global(const ks_topology *topology, int subtopology)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        if (topology->nodes[i]->subtopology == subtopology) {
            return topology->nodes[i]->is_global;
        }
    }
    return false;
}

bool ksi_topology_has_global_stores(const ks_topology *topology)
{
    for (size_t i = 0; i < topology->store_count; i++) {
        if (topology->stores[i].is_global) {
            return true;
        }
    }
    return false;
}

/* ---- internal topics ------------------------------------------------------------------------- */

const ksi_internal_topic *ksi_topology_internal_topic(const ks_topology *topology,
                                                      const char *topic)
{
    for (size_t i = 0; i < topology->internal_topic_count; i++) {
        if (strcmp(topology->internal_topics[i].name, topic) == 0) {
            return &topology->internal_topics[i];
        }
    }
    return NULL;
}

/* ---- co-partitioning ------------------------------------------------------------------------- */

static ks_status check_partitioned_source(const ks_topology *topology, const char *name,
                                          ks_error *error)
{
    const ksi_node *source = ksi_map_get_cstr(topology->nodes_by_name, name);
    if (source == NULL || source->kind != KSI_NODE_SOURCE || source->is_global) {
        return ksi_error_set(error, KS_E_TOPOLOGY, name,
                             "co-partitioning: %s; name sources that were added before",
                             source == NULL      ? "there is no node of this name"
                             : source->is_global ? "every instance reads all partitions of a "
                                                   "global store's source"
                                                 : "this node is no source");
    }
    return KS_OK;
}

ks_status ksi_topology_copartition(ks_topology *topology, const char *const *sources, size_t count,
                                   ks_error *error)
{
    for (size_t i = 0; i < count; i++) {
        KS_TRY(check_partitioned_source(topology, sources[i], error));
    }
    size_t group = ++topology->copartition_count;
    for (size_t i = 0; i < count; i++) {
        ksi_node *source = ksi_map_get_cstr(topology->nodes_by_name, sources[i]);
        size_t before = source->copartition;
        source->copartition = group;
        for (size_t n = 0; before != 0 && n < topology->node_count; n++) {
            if (topology->nodes[n]->copartition == before) {
                topology->nodes[n]->copartition = group;
            }
        }
    }
    return KS_OK;
}

/* ---- internal topics ------------------------------------------------------------------------- */

void ksi_topology_add_internal_topic(ks_topology *topology, const char *name, int32_t partitions)
{
    for (size_t i = 0; i < topology->internal_topic_count; i++) {
        if (strcmp(topology->internal_topics[i].name, name) == 0) {
            topology->internal_topics[i].partitions = partitions;
            return;
        }
    }
    topology->internal_topics =
        ksi_grow(topology->internal_topics, &topology->internal_topic_capacity,
                 topology->internal_topic_count + 1, sizeof *topology->internal_topics);
    topology->internal_topics[topology->internal_topic_count++] = (ksi_internal_topic){
        .name = ksi_arena_strdup(&topology->arena, name), .partitions = partitions};
}

const char *ksi_topology_topic_name(const ks_topology *topology, const char *application_id,
                                    const char *topic, ks_arena *arena)
{
    if (ksi_topology_internal_topic(topology, topic) == NULL) {
        return ksi_arena_strdup(arena, topic);
    }
    return ksi_arena_format(arena, "%s-%s", application_id, topic);
}

const char *ksi_changelog_topic_name(const char *application_id, const char *store, ks_arena *arena)
{
    return ksi_arena_format(arena, "%s-%s-changelog", application_id, store);
}

/* ---- freezing -------------------------------------------------------------------------------- */

ks_status ksi_topology_check_depth(const ks_topology *topology, ks_error *error)
{
    size_t *depths = ksi_calloc(topology->node_count + 1, sizeof *depths);
    ks_status status = KS_OK;
    for (size_t i = 0; status == KS_OK && i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        depths[i]++; /* parents stand before their children */
        if (depths[i] > DEEPEST) {
            status = ksi_error_set(error, KS_E_LIMIT, node->name,
                                   "more than %d nodes lead to this one in a row; put a "
                                   "repartition topic between, or do more in one callback",
                                   DEEPEST);
        }
        for (size_t c = 0; c < node->child_count; c++) {
            size_t child = node->children[c]->index;
            depths[child] = depths[child] > depths[i] ? depths[child] : depths[i];
        }
    }
    ksi_free(depths);
    return status;
}

void ksi_topology_freeze(ks_topology *topology)
{
    int *numbers = ksi_alloc((topology->node_count + 1) * sizeof *numbers);
    for (size_t i = 0; i < topology->node_count; i++) {
        numbers[i] = -1;
    }
    topology->subtopology_count = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        size_t group = group_of(topology, i);
        if (numbers[group] < 0) {
            numbers[group] = topology->subtopology_count++;
        }
        topology->nodes[i]->subtopology = numbers[group];
    }
    ksi_free(numbers);
    for (size_t i = 0; i < topology->store_count; i++) {
        ksi_topology_store *store = &topology->stores[i];
        store->subtopology = store->first_user != NULL ? store->first_user->subtopology : -1;
    }
    ksi_topology_use_forget(topology->use);
}
