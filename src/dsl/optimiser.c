/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optimiser.c - rewrites the plan before it becomes a topology: fewer repartition topics, fewer
 * changelogs (topology.optimization). @java InternalStreamsBuilder#optimizeTopology
 *
 * reuse.ktable.source.topics is a flag on the sources of tables; what it means is said where they
 * are written.
 *
 * single.store.self.join makes joins of a stream with itself do with one store (graph.c).
 *
 * merge.repartition.topics. Operations that need equal keys together each put a repartition point
 * before themselves. Where several of them follow one node that changes the key, one point right
 * behind that node serves them all:
 *
 *      map --+--> repartition --> count           map --> repartition --+--> count
 *            |                                                          |
 *            +--> filter --> repartition --> sum                        +--> filter --> sum
 *
 * The one takes its topic's name from the first of those it replaces, and its serdes from the first
 * of them that has any. It burns three numbers, as every point does. A node that changes the value
 * ends the search upwards, since the bytes of the topic would be others; ks_stream_repartition() is
 * a wish and stays. Where streams whose keys were changed are merged and all points are below the
 * merge, the merge takes the place of the node that changes the key.
 *
 * Names, numbers and order are Java's, because topics and state of a running application hang on
 * them. One thing is not: a point is only taken out when every way to it leads past the one that
 * replaces it. Java looks at one way, so that behind a merge records of the other may reach an
 * aggregation on the wrong partition, and it throws when merges are nested. There we leave the
 * point where it is.
 *
 * Thread rule: the builder's thread.
 */
#include "dsl/builder.h"

#include "base/memory.h"
#include "config/config.h"
#include "config/value.h"

/* ---- what is asked for ----------------------------------------------------------------------- */

ksi_optimisations ksi_optimisations_of(const ks_config *config)
{
    ksi_optimisations wanted = {0};
    ks_slice rest = ksi_value_items(ksi_config_text(config, "topology.optimization"));
    ks_slice item;
    while (ksi_value_next_item(&rest, &item)) {
        bool all = ks_slice_equal(item, ks_slice_cstr("all"));
        wanted.reuse_source_topics |=
            all || ks_slice_equal(item, ks_slice_cstr("reuse.ktable.source.topics"));
        wanted.merge_repartitions |=
            all || ks_slice_equal(item, ks_slice_cstr("merge.repartition.topics"));
        wanted.make_self_joins |=
            all || ks_slice_equal(item, ks_slice_cstr("single.store.self.join"));
    }
    return wanted;
}

/* ---- looking upwards ------------------------------------------------------------------------- */

typedef bool test_fn(const ksi_plan_node *node, const ksi_plan_node *other);

/* A search visits every node once, in Java's order: a node, then what is above each parent. */
typedef struct search {
    ksi_plan_nodes waiting; /* a stack */
    int visit;              /* the number of the search under way */
} search;

static void push(search *s, ksi_plan_node *node)
{
    if (node->visit != s->visit) {
        s->waiting.items = ksi_grow(s->waiting.items, &s->waiting.capacity, s->waiting.count + 1,
                                    sizeof(ksi_plan_node *));
        s->waiting.items[s->waiting.count++] = node;
    }
}

/*
 * The first node from `start` upwards that passes the test; nothing is searched above `barrier`.
 * NULL: none.
 */
static ksi_plan_node *find_above(search *s, ksi_plan_node *start, test_fn *test,
                                 const ksi_plan_node *other, const ksi_plan_node *barrier)
{
    s->visit++;
    s->waiting.count = 0;
    push(s, start);
    while (s->waiting.count > 0) {
        ksi_plan_node *node = s->waiting.items[--s->waiting.count];
        if (node->visit == s->visit || node == barrier) {
            continue;
        }
        node->visit = s->visit;
        if (test(node, other)) {
            return node;
        }
        for (size_t i = node->parents.count; i > 0; i--) {
            push(s, node->parents.items[i - 1]);
        }
    }
    return NULL;
}

static bool is_node(const ksi_plan_node *node, const ksi_plan_node *other)
{
    return node == other;
}

static bool changes_key(const ksi_plan_node *node, const ksi_plan_node *other)
{
    (void)other;
    return node->changes_key;
}

static bool changes_key_or_value(const ksi_plan_node *node, const ksi_plan_node *other)
{
    (void)other;
    return node->changes_key || node->changes_value;
}

static bool is_root_or_changes_key(const ksi_plan_node *node, const ksi_plan_node *root)
{
    return node == root || node->changes_key;
}

static bool is_below(search *s, ksi_plan_node *node, const ksi_plan_node *other)
{
    return node != other && find_above(s, node, is_node, other, NULL) != NULL;
}

/* Whether records reach `node` only through `above`, and with the keys that they have there. */
static bool is_only_below(search *s, ksi_plan_node *node, const ksi_plan_node *above,
                          const ksi_plan_node *root)
{
    return is_below(s, node, above) &&
           find_above(s, node, is_root_or_changes_key, root, above) == NULL;
}

/* ---- which points can become one ------------------------------------------------------------- */

/* A node that changes the key, or a merge that stands for several, and the points below it. */
typedef struct origin {
    ksi_plan_node *node;
    ksi_plan_nodes points;
    bool stands_aside; /* a merge takes its points */
} origin;

typedef struct origins {
    origin *items;
    size_t count;
    size_t capacity;
} origins;

static void add_origin(origins *all, ksi_plan_node *node)
{
    all->items = ksi_grow(all->items, &all->capacity, all->count + 1, sizeof *all->items);
    all->items[all->count++] = (origin){.node = node};
}

static bool is_attached(const ksi_plan_node *node)
{
    return node->parents.count > 0;
}

static void add_point(search *s, origins *all, ksi_plan_node *point)
{
    ksi_plan_node *above = find_above(s, point, changes_key, NULL, NULL);
    if (above == NULL || find_above(s, point, changes_key_or_value, NULL, NULL) != above) {
        return;
    }
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].node == above) {
            ksi_plan_nodes_add(&all->items[i].points, point);
        }
    }
}

static bool are_all_below(search *s, const ksi_plan_nodes *points, const ksi_plan_node *merge)
{
    for (size_t i = 0; i < points->count; i++) {
        if (!is_below(s, points->items[i], merge)) {
            return false;
        }
    }
    return true;
}

/* The first `changing` of the origins are the nodes that change a key. */
static void gather_at_merge(search *s, origins *all, size_t changing, ksi_plan_node *merge)
{
    add_origin(all, merge);
    origin *gathered = &all->items[all->count - 1];
    for (size_t i = 0; i < changing; i++) {
        origin *from = &all->items[i];
        if (!are_all_below(s, &from->points, merge) || !is_below(s, merge, from->node)) {
            continue;
        }
        from->stands_aside = true;
        for (size_t p = 0; p < from->points.count; p++) {
            ksi_plan_nodes_add(&gathered->points, from->points.items[p]);
        }
    }
}

static void find_origins(search *s, const ks_builder *builder, origins *all)
{
    for (size_t i = 0; i < builder->node_count; i++) {
        if (builder->nodes[i]->changes_key) {
            add_origin(all, builder->nodes[i]);
        }
    }
    for (size_t i = 0; i < builder->node_count; i++) {
        ksi_plan_node *node = builder->nodes[i];
        if (node->may_be_merged && is_attached(node)) {
            add_point(s, all, node);
        }
    }
    size_t changing = all->count;
    for (size_t i = 0; i < builder->node_count; i++) {
        if (builder->nodes[i]->is_merge) {
            gather_at_merge(s, all, changing, builder->nodes[i]);
        }
    }
}

/* ---- making them one ------------------------------------------------------------------------- */

/* Those points that nothing reaches around the origin, and that are still in the plan. */
static void keep_safe_points(search *s, const origin *from, const ksi_plan_node *root,
                             ksi_plan_nodes *safe)
{
    for (size_t i = 0; i < from->points.count; i++) {
        ksi_plan_node *point = from->points.items[i];
        if (is_attached(point) && is_only_below(s, point, from->node, root)) {
            ksi_plan_nodes_add(safe, point);
        }
    }
}

static ksi_plan_node *new_common_point(ks_builder *builder, const ksi_plan_nodes *points,
                                       const ksi_plan_node *origin_node)
{
    const ks_serde *key = NULL;
    const ks_serde *value = NULL;
    for (size_t i = 0; i < points->count; i++) {
        const ksi_repartition *replaced = &points->items[i]->repartition;
        key = key != NULL ? key : replaced->key;
        value = value != NULL ? value : replaced->value;
    }
    ksi_plan_node *common =
        ksi_new_repartition(builder, points->items[0]->repartition.topic, true, key, value);
    common->file = points->items[0]->file;
    common->line = points->items[0]->line;
    common->build_priority = origin_node->build_priority; /* before all that will be below it */
    return common;
}

/* What leads from the origin to the point hangs on the common point from now on. */
static void move_ways(search *s, ksi_plan_node *from, ksi_plan_node *common, ksi_plan_node *point)
{
    size_t i = 0;
    while (i < from->children.count) {
        ksi_plan_node *child = from->children.items[i];
        if (find_above(s, point, is_node, child, NULL) == NULL) {
            i++;
            continue;
        }
        ksi_plan_connect(common, child);
        ksi_plan_disconnect(from, child);
    }
}

/* Its children hang on its parents. */
static void take_out(ksi_plan_node *point)
{
    for (size_t c = 0; c < point->children.count; c++) {
        for (size_t p = 0; p < point->parents.count; p++) {
            ksi_plan_connect(point->parents.items[p], point->children.items[c]);
        }
    }
    while (point->parents.count > 0) {
        ksi_plan_disconnect(point->parents.items[0], point);
    }
    while (point->children.count > 0) {
        ksi_plan_disconnect(point, point->children.items[0]);
    }
}

static void merge_points(search *s, ks_builder *builder, const origin *from)
{
    ksi_plan_nodes points = {0};
    keep_safe_points(s, from, builder->root, &points);
    if (points.count > 0) {
        ksi_plan_node *common = new_common_point(builder, &points, from->node);
        for (size_t i = 0; i < points.count; i++) {
            move_ways(s, from->node, common, points.items[i]);
            take_out(points.items[i]);
            points.items[i]->became = common;
        }
        ksi_plan_connect(from->node, common);
    }
    ksi_free(points.items);
}

static void merge_repartitions(ks_builder *builder)
{
    search s = {0};
    origins all = {0};
    find_origins(&s, builder, &all);
    for (size_t i = 0; i < all.count; i++) {
        if (!all.items[i].stands_aside) {
            merge_points(&s, builder, &all.items[i]);
        }
        ksi_free(all.items[i].points.items);
    }
    ksi_free(all.items);
    ksi_free(s.waiting.items);
}

/* ---- the source topic as changelog ----------------------------------------------------------- */

static void reuse_source_topics(ks_builder *builder)
{
    for (size_t i = 0; i < builder->node_count; i++) {
        builder->nodes[i]->reuses_source_topic = builder->nodes[i]->is_table_source;
    }
}

/* ---- one store for both sides ---------------------------------------------------------------- */

static void make_self_joins(ks_builder *builder)
{
    for (size_t i = 0; i < builder->node_count; i++) {
        if (builder->nodes[i]->stream_join != NULL) {
            ksi_plan_make_self_join(builder->nodes[i]);
        }
    }
}

void ksi_optimise(ks_builder *builder)
{
    if (builder->optimisations.reuse_source_topics) {
        reuse_source_topics(builder);
    }
    if (builder->optimisations.merge_repartitions) {
        merge_repartitions(builder);
    }
    if (builder->optimisations.make_self_joins) { /* sides may just have become one */
        make_self_joins(builder);
    }
}
