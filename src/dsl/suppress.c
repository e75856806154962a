/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suppress.c - suppress of a table. @java KTableImpl#suppress, SuppressedInternal,
 * GraphGraceSearchUtil
 *
 * Final results need to know when a window has closed, and the grace period of windows stands where
 * they were aggregated: at some plan node above. So it is searched upwards along all parents (a
 * cogroup and a join have several), and the longest counts. A way up that ends at a source has
 * none: then the table is no table of windows.
 *
 * The table above has to send old values: who reads this table while an update waits is given what
 * was there before. This also means that this table can always send them.
 */
#include "dsl/builder.h"

static const char *const prefix = "KTABLE-SUPPRESS-";

/* ---- how long a window stays open ------------------------------------------------------------ */

/* -1: some way up has no windows. Plans are as deep as programs are long. */
static int64_t find_grace(const ksi_plan_node *node)
{
    int64_t longest = node->window_grace_ms;
    if (longest >= 0) {
        return longest;
    }
    for (size_t i = 0; i < node->parents.count; i++) {
        int64_t grace = find_grace(node->parents.items[i]);
        if (grace < 0) {
            return grace;
        }
        longest = grace > longest ? grace : longest;
    }
    return longest;
}

/* ---- what may be asked for ------------------------------------------------------------------- */

/* What does not go together; NULL: nothing. */
static const char *contradiction(const ks_suppressed *options)
{
    bool is_bounded = options->max_records != 0 || options->max_bytes != 0;
    if (options->until != KS_UNTIL_WINDOW_CLOSES && options->until != KS_UNTIL_TIME_LIMIT) {
        return "until is neither KS_UNTIL_WINDOW_CLOSES nor KS_UNTIL_TIME_LIMIT";
    }
    if (options->max_records < 0 || options->max_bytes < 0) {
        return "max_records or max_bytes is negative; 0 is no bound";
    }
    if (options->until == KS_UNTIL_WINDOW_CLOSES && options->time_limit_ms != 0) {
        return "time_limit_ms is for KS_UNTIL_TIME_LIMIT only";
    }
    if (options->until == KS_UNTIL_WINDOW_CLOSES && is_bounded &&
        options->when_full == KS_BUFFER_EMITS_EARLY) {
        return "what is emitted early is no final result; leave the bound out, or say when_full = "
               "KS_BUFFER_SHUTS_DOWN";
    }
    if (options->logging_disabled && options->changelog_config != NULL) {
        return "changelog_config is for a buffer with a changelog; take it out, or "
               "logging_disabled";
    }
    return NULL;
}

/* False: the builder failed. */
static bool begin(ks_table *table, const ks_suppressed *options)
{
    ks_builder *builder = table->builder;
    const ks_options_head *head = KSI_HEAD_OF(options);
    if (!ksi_builder_ready(builder, head, "ks_table_suppress", options != NULL)) {
        return false;
    }
    const char *wrong = contradiction(options);
    const char *where = options->name != NULL ? options->name : "ks_table_suppress";
    if (wrong != NULL) {
        ksi_builder_fail(builder, head, KS_E_ARGUMENT, where, "%s", wrong);
        return false;
    }
    if (table->is_versioned) {
        ksi_builder_fail(builder, head, KS_E_TOPOLOGY, where,
                         "a versioned table cannot be suppressed: it has no one update of a key "
                         "that is the last; give the table above a store that is not versioned");
        return false;
    }
    return true;
}

/* ---- the node -------------------------------------------------------------------------------- */

/* False: the builder failed. */
static bool set_wait(const ks_table *table, const ks_suppressed *options, ksi_suppress *config)
{
    ks_builder *builder = table->builder;
    config->until_window_closes = options->until == KS_UNTIL_WINDOW_CLOSES;
    config->wait_ms =
        config->until_window_closes ? find_grace(table->node) : options->time_limit_ms;
    if (config->until_window_closes && config->wait_ms < 0) {
        ksi_builder_fail(builder, &options->head, KS_E_TOPOLOGY, table->name,
                         "only windows close, and this table has none above it; suppress the "
                         "result of an aggregation in windows, or use KS_UNTIL_TIME_LIMIT");
        return false;
    }
    return true;
}

static const char *name_buffer(ks_builder *builder, const ks_suppressed *options)
{
    if (options->name != NULL) {
        return ksi_arena_format(&builder->arena, "%s-store", options->name);
    }
    const char *store = ksi_new_store_name(builder, prefix);
    if (!options->logging_disabled) {
        ksi_note_unnamed_changelog(builder, store);
    }
    return store;
}

static ksi_suppress *configure(ks_table *table, const ks_suppressed *options)
{
    ks_builder *builder = table->builder;
    ksi_suppress *config = ksi_arena_zalloc(&builder->topology->arena, sizeof *config);
    if (!set_wait(table, options, config)) {
        return NULL;
    }
    config->buffer = ksi_arena_strdup(&builder->topology->arena, name_buffer(builder, options));
    config->table.send_old_values = true;
    config->max_records = options->max_records > 0 ? options->max_records : INT64_MAX;
    config->max_bytes = options->max_bytes > 0 ? options->max_bytes : INT64_MAX;
    config->emits_early = options->when_full == KS_BUFFER_EMITS_EARLY;
    return config;
}

ks_table *ks_table_suppress(ks_table *table, const ks_suppressed *options)
{
    ks_builder *builder = table->builder;
    if (!begin(table, options)) {
        return &builder->inert_table;
    }
    const char *name = ksi_free_name_or_new(builder, &options->head, options->name, prefix);
    ksi_suppress *config = name != NULL ? configure(table, options) : NULL;
    if (config == NULL) {
        return &builder->inert_table;
    }
    (void)ksi_table_send_old_values(table, true);
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_suppress(config);
    ksi_plan_add_store(node, &builder->arena,
                       &(ksi_store_spec){.name = config->buffer,
                                         .kind = KSI_STORE_SUPPRESS,
                                         .type = KS_STORE_IN_MEMORY,
                                         .logging = !options->logging_disabled,
                                         .changelog_config = ksi_topic_configs_copy(
                                             &builder->arena, options->changelog_config),
                                         .key = table->key,
                                         .value = table->value});
    ksi_attach(builder, table->node, node);
    return ksi_table_new(builder, &(ks_table){.name = name,
                                              .key = table->key,
                                              .value = table->value,
                                              .table = &config->table,
                                              .parent = table,
                                              .buffer = config->buffer,
                                              .node = node});
}
