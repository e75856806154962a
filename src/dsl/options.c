/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - options for languages without compound literals, and what a Materialized literal
 * means.
 */
#include "dsl/builder.h"

#include <string.h>

static void init(void *options, size_t size)
{
    ks_options_head *head = options;
    memset(options, 0, size);
    head->struct_size = size;
}

void ks_named_init(ks_named *options)
{
    init(options, sizeof *options);
}

void ks_consumed_init(ks_consumed *options)
{
    init(options, sizeof *options);
}

void ks_produced_init(ks_produced *options)
{
    init(options, sizeof *options);
}

void ks_grouped_init(ks_grouped *options)
{
    init(options, sizeof *options);
}

void ks_materialized_init(ks_materialized *options)
{
    init(options, sizeof *options);
}

void ks_repartitioned_init(ks_repartitioned *options)
{
    init(options, sizeof *options);
}

void ks_stream_joined_init(ks_stream_joined *options)
{
    init(options, sizeof *options);
}

void ks_joined_init(ks_joined *options)
{
    init(options, sizeof *options);
}

void ks_table_joined_init(ks_table_joined *options)
{
    init(options, sizeof *options);
}

void ks_suppressed_init(ks_suppressed *options)
{
    init(options, sizeof *options);
}

void ks_branched_init(ks_branched *options)
{
    init(options, sizeof *options);
}

void ks_store_builder_init(ks_store_builder *options)
{
    init(options, sizeof *options);
}

void ks_connected_init(ks_connected *options)
{
    init(options, sizeof *options);
}

void ks_store_source_init(ks_store_source *options)
{
    init(options, sizeof *options);
}

void ks_printed_init(ks_printed *options)
{
    init(options, sizeof *options);
}

/* ---- Materialized ---------------------------------------------------------------------------- */

bool ksi_is_materialized(const ks_materialized *options)
{
    if (options == NULL) {
        return false;
    }
    bool says_something = options->name != NULL || options->key != NULL || options->value != NULL ||
                          options->type != KS_STORE_DEFAULT || options->lru_entries != 0 ||
                          options->history_retention_ms != 0 || options->caching_disabled ||
                          options->logging_disabled || options->changelog_config != NULL ||
                          options->unnamed_store;
    return says_something || options->named == NULL;
}

/* What does not go together in a Materialized; NULL: nothing. */
static const char *contradiction(const ks_materialized *options)
{
    if (options->type != KS_STORE_LRU && options->lru_entries != 0) {
        return "lru_entries is for KS_STORE_LRU only";
    }
    if (options->type != KS_STORE_VERSIONED && options->history_retention_ms != 0) {
        return "history_retention_ms is for KS_STORE_VERSIONED only";
    }
    if (options->type == KS_STORE_LRU && options->lru_entries < 1) {
        return "a store of type KS_STORE_LRU needs lru_entries of at least 1";
    }
    if (options->type == KS_STORE_VERSIONED && options->history_retention_ms < 0) {
        return "history_retention_ms is negative; give at least 0";
    }
    if (options->type == KS_STORE_LRU && options->name == NULL) {
        return "a store of type KS_STORE_LRU needs a name";
    }
    if (options->type == KS_STORE_VERSIONED && options->name == NULL) {
        return "a store of type KS_STORE_VERSIONED needs a name";
    }
    return NULL;
}

static bool check_type(ks_builder *builder, const ks_materialized *options)
{
    const char *wrong = contradiction(options);
    if (wrong != NULL) {
        ksi_builder_fail(builder, &options->head, KS_E_ARGUMENT,
                         options->name != NULL ? options->name : "Materialized", "%s", wrong);
    }
    return wrong == NULL;
}

static bool check_changelog(ks_builder *builder, const ks_materialized *options)
{
    const ks_topic_config *config = options->changelog_config;
    const char *where = options->name != NULL ? options->name : "Materialized";
    if (config != NULL && options->logging_disabled) {
        ksi_builder_fail(builder, &options->head, KS_E_ARGUMENT, where,
                         "changelog_config is for a store with a changelog; take it out, or "
                         "logging_disabled");
        return false;
    }
    for (; config != NULL && config->name != NULL; config++) {
        if (config->value == NULL) {
            ksi_builder_fail(builder, &options->head, KS_E_ARGUMENT, where,
                             "changelog_config '%s' has no value; give one, or take it out",
                             config->name);
            return false;
        }
    }
    return true;
}

bool ksi_check_materialized(ks_builder *builder, const ks_materialized *options)
{
    return check_type(builder, options) && check_changelog(builder, options);
}

bool ksi_materialize(ks_builder *builder, const ks_materialized *options, const char *prefix,
                     ksi_materialized *result)
{
    const ks_materialized none = {0};
    const ks_materialized *from = options != NULL ? options : &none;
    if (!ksi_check_materialized(builder, from)) {
        return false;
    }
    const bool is_versioned = from->type == KS_STORE_VERSIONED;
    *result = (ksi_materialized){
        .spec = {.kind = is_versioned ? KSI_STORE_VERSIONED : KSI_STORE_KEY_VALUE,
                 .type = from->type != KS_STORE_DEFAULT ? from->type : builder->store_type,
                 .max_rows = (size_t)from->lru_entries,
                 .retention_ms = from->history_retention_ms,
                 .timestamped = true,
                 .caching = !from->caching_disabled && !is_versioned,
                 .logging = !from->logging_disabled,
                 .changelog_config =
                     ksi_topic_configs_copy(&builder->arena, from->changelog_config),
                 .key = from->key,
                 .value = from->value},
        .queryable = from->name != NULL};
    if (from->name == NULL) {
        result->spec.name = ksi_new_store_name(builder, prefix);
        ksi_note_unnamed_store(builder, result->spec.name, result->spec.logging);
        return true;
    }
    ks_error error = {0};
    if (ksi_name_check(from->name, &error) != KS_OK) {
        ksi_builder_fail_error(builder, &from->head, &error);
        return false;
    }
    result->spec.name = ksi_arena_strdup(&builder->arena, from->name);
    return true;
}
