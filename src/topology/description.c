/* SPDX-License-Identifier: Apache-2.0 */
/*
 * description.c - the text of a topology, byte for byte Java's TopologyDescription#toString.
 *
 *     Topologies:
 *        Sub-topology: 0
 *         Source: NAME (topics: [a, b])
 *           --> CHILD
 *         Processor: NAME (stores: [s])
 *           --> none
 *           <-- PARENT
 *         Sink: NAME (topic: t)
 *           <-- PARENT
 *
 *       Sub-topology: 1 for global store (will not generate tasks)
 *         Source: ...
 *
 * The order of nodes is by the size of the tree below them, but the lists behind the arrows are
 * sorted sets that are filled while those sizes are still being counted, in the order of a hash map
 * of names (tree_set.h, base/java_hash.h). Nothing about that order means anything; it is
 * reproduced so that the texts of both libraries can be compared as they are.
 */
#include "base/buffer.h"
#include "base/java_hash.h"
#include "topology/topology.h"
#include "topology/tree_set.h"

#include <string.h>

/* ---- lists in the order of Java's hash tables ------------------------------------------------ */

/* The capacity that `new HashSet<>(collection)` asks for. */
static size_t copied_set_capacity(size_t count)
{
    size_t capacity = (size_t)((float)count / 0.75f) + 1;
    return capacity > 16 ? capacity : 16;
}

/* `texts` as they come out of a hash set that they were put into in their order. */
static const char **hash_ordered(const char *const *texts, size_t count, size_t capacity,
                                 ks_arena *arena)
{
    size_t *order = ksi_arena_alloc(arena, count * sizeof *order);
    const char **ordered = ksi_arena_alloc(arena, count * sizeof *ordered);
    ksi_java_hash_order(texts, count, capacity, order);
    for (size_t i = 0; i < count; i++) {
        ordered[i] = texts[order[i]];
    }
    return ordered;
}

static void append_list(ksi_buffer *text, const char *const *items, size_t count)
{
    ksi_buffer_append_text(text, "[");
    for (size_t i = 0; i < count; i++) {
        ksi_buffer_appendf(text, "%s%s", i > 0 ? ", " : "", items[i]);
    }
    ksi_buffer_append_text(text, "]");
}

/* ---- one sub-topology ------------------------------------------------------------------------ */

typedef struct described_nodes {
    const ks_topology *topology;
    ks_arena *arena;
    ksi_described *nodes; /* in the order in which Java's map gives them */
    size_t count;
    ksi_described **by_index;
    uint32_t *growth; /* by index, of the nodes that are about to grow: see grow_sizes() */
    bool *grows;
} described_nodes;

typedef struct pass_on {
    described_nodes *all;
    uint32_t by;
    size_t open;
} pass_on;

static void grow_parent(ksi_described *parent, void *user)
{
    pass_on *self = user;
    self->open += self->all->grows[parent->index] ? 0 : 1;
    self->all->grows[parent->index] = true;
    self->all->growth[parent->index] += self->by;
}

/*
 * `by` more for `node` and for all above it, once for every path that leads there. Java walks each
 * path, and there are 2^n of them through n pairs of branches that meet again; here a node passes
 * on the sum of what all its paths bring. A parent is always older than its child, so going down
 * the indexes meets a node behind all of its children. Sums wrap around as Java's int does.
 */
static void grow_sizes(described_nodes *all, const ksi_described *node, uint32_t by)
{
    size_t open = 1; /* nodes at or below `at` that have something to pass on */
    all->growth[node->index] = by;
    all->grows[node->index] = true;
    for (size_t at = node->index; open > 0; at--) {
        if (!all->grows[at]) {
            continue;
        }
        ksi_described *grown = all->by_index[at];
        grown->size = (int)((uint32_t)grown->size + all->growth[at]);
        pass_on passing = {.all = all, .by = all->growth[at], .open = open - 1};
        ksi_tree_set_each(&grown->parents, grow_parent, &passing);
        open = passing.open;
        all->growth[at] = 0;
        all->grows[at] = false;
    }
}

/* The nodes of a sub-topology, in the order of a hash map filled from a hash set. */
static void collect(described_nodes *all, int subtopology)
{
    const ks_topology *topology = all->topology;
    const char **names = ksi_arena_alloc(all->arena, topology->node_count * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        if (topology->nodes[i]->subtopology == subtopology) {
            names[count++] = topology->nodes[i]->name;
        }
    }
    const char **from_set = hash_ordered(names, count, 0, all->arena);
    const char **from_map = hash_ordered(from_set, count, 0, all->arena);
    all->nodes = ksi_arena_zalloc(all->arena, count * sizeof *all->nodes);
    all->count = count;
    all->by_index = ksi_arena_zalloc(all->arena, topology->node_count * sizeof(ksi_described *));
    all->growth = ksi_arena_zalloc(all->arena, topology->node_count * sizeof *all->growth);
    all->grows = ksi_arena_zalloc(all->arena, topology->node_count * sizeof *all->grows);
    for (size_t i = 0; i < count; i++) {
        size_t index = ksi_topology_node(topology, from_map[i])->index;
        all->nodes[i] = (ksi_described){.name = from_map[i], .index = index, .size = 1};
        all->by_index[index] = &all->nodes[i];
    }
}

static void connect(described_nodes *all)
{
    for (size_t i = 0; i < all->count; i++) {
        ksi_described *node = &all->nodes[i];
        const ksi_node *origin = all->topology->nodes[node->index];
        for (size_t p = 0; p < origin->parent_count; p++) {
            ksi_described *parent = all->by_index[origin->parents[p]->index];
            ksi_tree_set_add(&node->parents, parent, all->arena);
            ksi_tree_set_add(&parent->children, node, all->arena);
            grow_sizes(all, parent, (uint32_t)node->size);
        }
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

typedef struct name_list {
    ksi_buffer *text;
    bool any;
} name_list;

static void append_name(ksi_described *node, void *user)
{
    name_list *list = user;
    ksi_buffer_appendf(list->text, "%s%s", list->any ? ", " : "", node->name);
    list->any = true;
}

static void append_names(ksi_buffer *text, const char *arrow, const ksi_tree_set *set)
{
    name_list list = {.text = text};
    ksi_buffer_appendf(text, "\n      %s ", arrow);
    ksi_tree_set_each(set, append_name, &list);
    if (!list.any) {
        ksi_buffer_append_text(text, "none");
    }
}

static void append_source(ksi_buffer *text, const ksi_node *node, ks_arena *arena)
{
    const ksi_source *source = &node->source;
    ksi_buffer_appendf(text, "Source: %s (topics: ", node->name);
    if (source->pattern != NULL) {
        ksi_buffer_append_text(text, ksi_pattern_text(source->pattern));
    } else {
        const char **topics = hash_ordered(source->topics, source->topic_count,
                                           copied_set_capacity(source->topic_count), arena);
        append_list(text, topics, source->topic_count);
    }
    ksi_buffer_append_text(text, ")");
}

static void append_processor(ksi_buffer *text, const ks_topology *topology, const ksi_node *node,
                             ks_arena *arena)
{
    const char **names = ksi_arena_alloc(arena, (node->store_count + 1) * sizeof *names);
    for (size_t i = 0; i < node->store_count; i++) {
        names[i] = topology->stores[node->stores[i]].spec.name;
    }
    const char **from_set = hash_ordered(names, node->store_count, 0, arena);
    const char **copied =
        hash_ordered(from_set, node->store_count, copied_set_capacity(node->store_count), arena);
    ksi_buffer_appendf(text, "Processor: %s (stores: ", node->name);
    append_list(text, copied, node->store_count);
    ksi_buffer_append_text(text, ")");
}

static void append_sink(ksi_buffer *text, const ksi_node *node)
{
    if (node->sink.topic != NULL) {
        ksi_buffer_appendf(text, "Sink: %s (topic: %s)", node->name, node->sink.topic);
    } else {
        ksi_buffer_appendf(text, "Sink: %s (extractor class: ks_topic_name_fn)", node->name);
    }
}

typedef struct writer {
    described_nodes *all;
    ksi_buffer *text;
} writer;

static void append_node(ksi_described *described, void *user)
{
    writer *to = user;
    const ks_topology *topology = to->all->topology;
    const ksi_node *node = topology->nodes[described->index];
    ksi_buffer_append_text(to->text, "    ");
    switch (node->kind) {
    case KSI_NODE_SOURCE:
        append_source(to->text, node, to->all->arena);
        append_names(to->text, "-->", &described->children);
        break;
    case KSI_NODE_PROCESSOR:
        append_processor(to->text, topology, node, to->all->arena);
        append_names(to->text, "-->", &described->children);
        append_names(to->text, "<--", &described->parents);
        break;
    case KSI_NODE_SINK:
        append_sink(to->text, node);
        append_names(to->text, "<--", &described->parents);
        break;
    }
    ksi_buffer_append_text(to->text, "\n");
}

static void append_subtopology(ksi_buffer *text, const ks_topology *topology, int number,
                               ks_arena *arena)
{
    described_nodes all = {.topology = topology, .arena = arena};
    collect(&all, number);
    connect(&all);
    ksi_tree_set ordered = {0};
    for (size_t i = 0; i < all.count; i++) {
        ksi_tree_set_add(&ordered, &all.nodes[i], arena);
    }
    writer to = {.all = &all, .text = text};
    bool is_global = ksi_topology_is_global(topology, number);
    ksi_buffer_appendf(text, "  Sub-topology: %d%s\n", number,
                       is_global ? " for global store (will not generate tasks)" : "");
    ksi_tree_set_each(&ordered, append_node, &to);
    ksi_buffer_append_text(text, is_global ? "" : "\n");
}

char *ksi_topology_description(const ks_topology *topology)
{
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ksi_buffer text = {0};
    ksi_buffer_append_text(&text, "Topologies:\n ");
    for (int number = 0; number < topology->subtopology_count; number++) {
        append_subtopology(&text, topology, number, &arena);
    }
    ksi_arena_destroy(&arena);
    ksi_buffer_append(&text, "", 1);
    return text.data;
}
