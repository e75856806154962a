/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - options for languages without compound literals, and what a Materialized literal
 * means.
 */
#include "dsl/builder.h"

#include <inttypes.h>
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
                          options->history_retention_ms != 0 || options->retention_ms != 0 ||
                          options->caching_disabled || options->logging_disabled ||
                          options->changelog_config != NULL || options->unnamed_store;
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

/* The same of the store of a windowed table. */
static const char *windowed_contradiction(const ks_materialized *options)
{
    if (options->type == KS_STORE_LRU || options->type == KS_STORE_VERSIONED) {
        return "the store of a windowed table is of type KS_STORE_ROCKSDB or KS_STORE_IN_MEMORY";
    }
    if (options->retention_ms < 0) {
        return "retention_ms is negative; give at least what the windows need, or 0 for just that";
    }
    return contradiction(options);
}

static bool check_type(ks_builder *builder, const ks_materialized *options, const char *wrong)
{
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
    const char *wrong = options->retention_ms != 0
                            ? "retention_ms is for windowed tables; take it out"
                            : contradiction(options);
    return check_type(builder, options, wrong) && check_changelog(builder, options);
}

/* The user's name, or a new one, for the store. False: the builder failed. */
static bool name_store(ks_builder *builder, const ks_materialized *from, const char *prefix,
                       ksi_materialized *result)
{
    ks_error error = {0};
    result->queryable = from->name != NULL;
    if (from->name == NULL) {
        result->spec.name = ksi_new_store_name(builder, prefix);
        ksi_note_unnamed_store(builder, result->spec.name, result->spec.logging);
        return true;
    }
    if (ksi_name_check(from->name, &error) != KS_OK) {
        ksi_builder_fail_error(builder, &from->head, &error);
        return false;
    }
    result->spec.name = ksi_arena_strdup(&builder->arena, from->name);
    return true;
}

/* What every kind of store has. */
static ksi_store_spec common_spec(ks_builder *builder, const ks_materialized *from)
{
    return (ksi_store_spec){
        .type = from->type != KS_STORE_DEFAULT ? from->type : builder->store_type,
        .caching = !from->caching_disabled,
        .logging = !from->logging_disabled,
        .changelog_config = ksi_topic_configs_copy(&builder->arena, from->changelog_config),
        .key = from->key,
        .value = from->value};
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
    result->spec = common_spec(builder, from);
    result->spec.kind = is_versioned ? KSI_STORE_VERSIONED : KSI_STORE_KEY_VALUE;
    result->spec.max_rows = (size_t)from->lru_entries;
    result->spec.retention_ms = from->history_retention_ms;
    result->spec.timestamped = true;
    result->spec.caching = result->spec.caching && !is_versioned;
    return name_store(builder, from, prefix, result);
}

/* ---- Materialized of windows ----------------------------------------------------------------- */

static int64_t sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* For how long a row may still be needed after its start or, of a session, its end. */
static int64_t needed_retention(const ks_windows *windows)
{
    /* a sliding window that is new begins behind a record of the one before */
    int64_t reach = windows->kind == KS_WINDOWS_SLIDING ? sum(windows->size_ms, windows->size_ms)
                                                        : windows->size_ms;
    return sum(reach, windows->grace_ms);
}

static bool check_retention(ks_builder *builder, const ks_windows *windows,
                            const ks_materialized *options, const ksi_store_spec *spec)
{
    const int64_t needed = needed_retention(windows);
    if (spec->retention_ms < needed) {
        ksi_builder_fail(builder, &options->head, KS_E_ARGUMENT, spec->name,
                         "retention_ms is %" PRId64 ", and the windows with their grace need "
                         "%" PRId64 "; give at least that, or 0 for just that",
                         spec->retention_ms, needed);
        return false;
    }
    return true;
}

bool ksi_materialize_windows(ks_builder *builder, const ks_windows *windows, ks_emit_strategy emit,
                             const ks_materialized *options, const char *prefix,
                             ksi_materialized *result)
{
    const ks_materialized none = {0};
    const ks_materialized *from = options != NULL ? options : &none;
    const bool on_close = emit == KS_EMIT_ON_WINDOW_CLOSE;
    const bool in_sessions = windows->kind == KS_WINDOWS_SESSION;
    const bool of_fixed_starts = !in_sessions && windows->kind != KS_WINDOWS_SLIDING;
    if (!check_type(builder, from, windowed_contradiction(from)) ||
        !check_changelog(builder, from)) {
        return false;
    }
    ksi_store_spec *spec = &result->spec;
    *spec = common_spec(builder, from);
    spec->kind = in_sessions ? KSI_STORE_SESSION : KSI_STORE_WINDOW;
    spec->retention_ms = from->retention_ms != 0 ? from->retention_ms : needed_retention(windows);
    spec->window_size_ms = in_sessions ? 0 : windows->size_ms;
    spec->timestamped = !in_sessions;
    spec->by_time = on_close;
    spec->caching = spec->caching && (!on_close || of_fixed_starts);
    return name_store(builder, from, prefix, result) &&
           check_retention(builder, windows, from, spec);
}
