/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copartition.c - which topics must have equally many partitions, because their records meet by
 * key. @java AbstractStream#ensureCopartitionWith, InternalTopologyBuilder#copartitionSources
 *
 * An operation with two sides finds the partner of a record in its own task only when a key has
 * the same partition number everywhere. So all topics that reach one side, up to the next topic
 * above (a source, a table's source, a repartition point), go together with all that reach the
 * other. Groups that share a topic become one, so a side that was joined before brings its partners
 * along without being followed through the join.
 *
 * The tempting wrong way is to note the sources in each handle: they are replaced by others when
 * sources of the same topics become one and when the optimiser merges repartition points. So only
 * the two nodes are noted, and the plan is looked at when it is written.
 *
 * Thread rule: the builder's thread.
 */
#include "dsl/builder.h"

#include "base/memory.h"

void ksi_copartition_with(ks_builder *builder, ksi_plan_node *node, ksi_plan_node *other)
{
    ksi_copartitions *all = &builder->copartitions;
    all->items = ksi_grow(all->items, &all->capacity, all->count + 1, sizeof *all->items);
    all->items[all->count++] = (ksi_copartition){
        .node = node, .other = other, .file = builder->call_file, .line = builder->call_line};
}

/* The node that stands for another that is not in the plan any more. */
static ksi_plan_node *present(ksi_plan_node *node)
{
    while (node->became != NULL) {
        node = node->became;
    }
    return node;
}

/* Adds the sources whose records reach a node without passing another topic. */
static void find_sources(ksi_plan_node *from, ksi_plan_nodes *sources)
{
    ksi_plan_nodes seen = {0};
    ksi_plan_nodes_add(&seen, present(from));
    for (size_t i = 0; i < seen.count; i++) {
        ksi_plan_node *node = seen.items[i];
        if (ksi_plan_source_name(node) != NULL) {
            ksi_plan_nodes_add(sources, node);
            continue;
        }
        for (size_t p = 0; p < node->parents.count; p++) {
            ksi_plan_nodes_add(&seen, node->parents.items[p]);
        }
    }
    ksi_free(seen.items);
}

/*
 * Topics that are all our own, each with a number of its own, leave nothing to go by; where others
 * are among them it shows when the application starts. @java validateCopartition
 */
static ks_status check_numbers(const ksi_plan_nodes *sources, ks_error *error)
{
    const ksi_plan_node *differs = NULL;
    for (size_t i = 0; i < sources->count; i++) {
        if (sources->items[i]->repartition.partitions == 0) {
            return KS_OK;
        }
        if (sources->items[i]->repartition.partitions !=
            sources->items[0]->repartition.partitions) {
            differs = sources->items[i];
        }
    }
    if (differs == NULL) {
        return KS_OK;
    }
    const ksi_repartition *a = &sources->items[0]->repartition;
    const ksi_repartition *b = &differs->repartition;
    return ksi_error_set(error, KS_E_TOPOLOGY, b->topic,
                         "it has %d partitions and '%s', which it is joined with, %d; give both "
                         "the same number",
                         (int)b->partitions, a->topic, (int)a->partitions);
}

static ks_status write_one(const ksi_copartition *pair, ks_topology *topology, ks_error *error)
{
    ksi_plan_nodes sources = {0};
    find_sources(pair->node, &sources);
    find_sources(pair->other, &sources);
    ks_status status = check_numbers(&sources, error);
    if (status == KS_OK) {
        const char **names = ksi_arena_alloc(&topology->arena, (sources.count + 1) * sizeof *names);
        for (size_t i = 0; i < sources.count; i++) {
            names[i] = ksi_plan_source_name(sources.items[i]);
        }
        status = ksi_topology_copartition(topology, names, sources.count, error);
    }
    if (status != KS_OK && pair->file != NULL) {
        ksi_error_prefix(error, "%s:%d: ", pair->file, pair->line);
    }
    ksi_free(sources.items);
    return status;
}

ks_status ksi_write_copartitions(const ks_builder *builder, ks_error *error)
{
    for (size_t i = 0; i < builder->copartitions.count; i++) {
        KS_TRY(write_one(&builder->copartitions.items[i], builder->topology, error));
    }
    return KS_OK;
}
