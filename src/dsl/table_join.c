/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_join.c - joins of two tables by their keys. @java KTableImpl#doJoin
 *
 * One plan node becomes three in the topology: a side behind each table, which reads the other, and
 * a merge behind both, which is the joined table. It has a store only if a Materialized was given;
 * without one it is read through both tables (ops/table_view.h). Both tables are materialized, or
 * read through what they are derived from.
 *
 * A side whose rows are in the result without a partner needs old values, and whoever asks the
 * joined table for old values asks both tables.
 *
 * Thread rule: the builder's thread.
 */
#include "dsl/builder.h"

/* What a join is made of until its nodes are made. */
typedef struct table_join {
    const char *call;
    ks_table *left;
    ks_table *right;
    ks_joiner_fn *join;
    void *user;
    const ks_materialized *options;
    bool keeps_left;
    bool keeps_right;
} table_join;

typedef struct names {
    const char *merge;
    const char *left;
    const char *right;
} names;

/* Checks the call; false: the builder failed. */
static bool begin(const table_join *what)
{
    ks_builder *builder = what->left->builder;
    const ks_options_head *head = KSI_HEAD_OF(what->options);
    ksi_builder_own(builder, what->user, what->options != NULL ? what->options->user_free : NULL);
    if (!ksi_builder_ready(builder, head, what->call, what->right != NULL && what->join != NULL)) {
        return false;
    }
    return ksi_is_of_builder(builder, head, what->right->builder, what->call);
}

static bool name_nodes(const table_join *what, names *named)
{
    ks_builder *builder = what->left->builder;
    const ks_options_head *head = KSI_HEAD_OF(what->options);
    const char *own = what->options != NULL ? what->options->named : NULL;
    named->merge = ksi_name_or_new(builder, head, own, "KTABLE-MERGE-");
    named->left = ksi_suffixed_or_new(builder, head, own, "-join-this", "KTABLE-JOINTHIS-");
    named->right = ksi_suffixed_or_new(builder, head, own, "-join-other", "KTABLE-JOINOTHER-");
    return named->merge != NULL && named->left != NULL && named->right != NULL;
}

/* The processor behind one of the tables, connected to the stores of the other. */
static ksi_plan_node *new_side(ks_builder *builder, const char *name, const ksi_table_join *join,
                               bool is_right)
{
    ksi_plan_node *node = ksi_add_plan_node(builder, name, NULL);
    ksi_table_join_node *config = ksi_arena_alloc(&builder->topology->arena, sizeof *config);
    *config = (ksi_table_join_node){.join = join, .is_right = is_right};
    node->processor = ksi_op_table_join_side(config);
    ksi_connect_view(node, &builder->arena, is_right ? join->left.view : join->right.view);
    return node;
}

static ksi_table_join *new_config(const table_join *what, const ksi_materialized *store)
{
    ks_arena *arena = &what->left->builder->topology->arena;
    ksi_table_join *config = ksi_arena_zalloc(arena, sizeof *config);
    config->table.store = ksi_arena_strdup(arena, store->spec.name);
    config->join = what->join;
    config->user = what->user;
    config->left = (ksi_table_join_side){.view = ksi_table_read(what->left),
                                         .keeps = what->keeps_left,
                                         .is_versioned = what->left->is_versioned};
    config->right = (ksi_table_join_side){.view = ksi_table_read(what->right),
                                          .keeps = what->keeps_right,
                                          .is_versioned = what->right->is_versioned};
    return config;
}

static ksi_plan_node *add_nodes(const table_join *what, const names *named,
                                const ksi_table_join *config, const ksi_materialized *store)
{
    ks_builder *builder = what->left->builder;
    ksi_plan_node *node = ksi_add_plan_node(builder, named->merge, ksi_plan_write_join);
    node->processor = ksi_op_table_join_merge(config);
    node->sides[0] = new_side(builder, named->left, config, false);
    node->sides[1] = new_side(builder, named->right, config, true);
    if (store->spec.name != NULL) {
        ksi_plan_add_store(node, &builder->arena, &store->spec);
    }
    ksi_attach(builder, what->left->node, node);
    ksi_attach(builder, what->right->node, node);
    ksi_copartition_with(builder, what->left->node, what->right->node);
    return node;
}

static ks_table *join(const table_join *what)
{
    ks_builder *builder = what->left->builder;
    ksi_materialized store = {0};
    names named;
    if (!begin(what) ||
        (ksi_is_materialized(what->options) &&
         !ksi_materialize(builder, what->options, "KTABLE-MERGE-", &store)) ||
        !name_nodes(what, &named)) {
        return &builder->inert_table;
    }
    store.spec.key = store.spec.key != NULL ? store.spec.key : what->left->key;
    if (what->keeps_left) {
        (void)ksi_table_send_old_values(what->left, true);
    }
    if (what->keeps_right) {
        (void)ksi_table_send_old_values(what->right, true);
    }
    ksi_table_join *config = new_config(what, &store);
    return ksi_table_new(builder,
                         &(ks_table){.name = named.merge,
                                     .key = store.spec.key,
                                     .value = store.spec.value,
                                     .queryable_name = store.spec.name,
                                     .table = &config->table,
                                     .parent = what->left,
                                     .other = what->right,
                                     .join = config,
                                     .is_versioned = store.spec.kind == KSI_STORE_VERSIONED,
                                     .node = add_nodes(what, &named, config, &store)});
}

ks_table *ks_table_join(ks_table *table, ks_table *other, ks_joiner_fn *joiner, void *user,
                        const ks_materialized *materialized)
{
    return join(&(table_join){.call = "ks_table_join",
                              .left = table,
                              .right = other,
                              .join = joiner,
                              .user = user,
                              .options = materialized});
}

ks_table *ks_table_left_join(ks_table *table, ks_table *other, ks_joiner_fn *joiner, void *user,
                             const ks_materialized *materialized)
{
    return join(&(table_join){.call = "ks_table_left_join",
                              .left = table,
                              .right = other,
                              .join = joiner,
                              .user = user,
                              .options = materialized,
                              .keeps_left = true});
}

ks_table *ks_table_outer_join(ks_table *table, ks_table *other, ks_joiner_fn *joiner, void *user,
                              const ks_materialized *materialized)
{
    return join(&(table_join){.call = "ks_table_outer_join",
                              .left = table,
                              .right = other,
                              .join = joiner,
                              .user = user,
                              .options = materialized,
                              .keeps_left = true,
                              .keeps_right = true});
}
