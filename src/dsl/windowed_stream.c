/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed_stream.c - a grouped stream in windows, and what is aggregated over them. @java
 * TimeWindowedKStreamImpl, SlidingWindowedKStreamImpl, SessionWindowedKStreamImpl
 *
 * All kinds of windows go one way: the store is decided on (options.c), the node is named, and the
 * aggregation hangs on the grouping as one without windows does; only the operation differs. The
 * keys of the table are windowed, and its serde is made here around the serde of the grouping.
 *
 * Bounds that make no sense are refused where the windows are taken, so that whatever follows has
 * no need to look at them.
 */
#include "dsl/builder.h"
#include "serde/windowed.h"

#include <inttypes.h>

#define AGGREGATE "KSTREAM-AGGREGATE-"
#define REDUCE "KSTREAM-REDUCE-"

/* ---- windows --------------------------------------------------------------------------------- */

static bool refuse(ks_builder *builder, const char *call, const char *what, int64_t given)
{
    ksi_builder_fail(builder, NULL, KS_E_ARGUMENT, call, "%s, and %" PRId64 " was given", what,
                     given);
    return false;
}

static bool check_size(ks_builder *builder, const ks_windows *windows, const char *call)
{
    switch (windows->kind) {
    case KS_WINDOWS_TIME:
        if (windows->size_ms < 1) {
            return refuse(builder, call, "the size of time windows is at least 1 ms",
                          windows->size_ms);
        }
        if (windows->advance_ms < 1 || windows->advance_ms > windows->size_ms) {
            return refuse(builder, call,
                          "the advance of time windows is at least 1 ms and at most their size",
                          windows->advance_ms);
        }
        return true;
    case KS_WINDOWS_SLIDING:
        return windows->size_ms >= 0 ||
               refuse(builder, call, "the difference of sliding windows is not negative",
                      windows->size_ms);
    case KS_WINDOWS_SESSION:
        return windows->size_ms >= 0 ||
               refuse(builder, call, "the gap of session windows is not negative",
                      windows->size_ms);
    case KS_WINDOWS_UNLIMITED:
        return windows->start_ms >= 0 ||
               refuse(builder, call, "the start of unlimited windows is not negative",
                      windows->start_ms);
    }
    return refuse(builder, call, "windows are made by a function such as ks_tumbling_windows()",
                  windows->kind);
}

bool ksi_check_windows(ks_builder *builder, const ks_windows *windows, const char *call)
{
    return check_size(builder, windows, call) &&
           (windows->grace_ms >= 0 ||
            refuse(builder, call, "the grace period is not negative", windows->grace_ms));
}

bool ksi_check_merger(ks_builder *builder, const ks_options_head *head, const ks_windows *windows,
                      ks_merger_fn *merge, const char *call)
{
    const bool in_sessions = windows->kind == KS_WINDOWS_SESSION;
    if ((merge != NULL) != in_sessions) {
        ksi_builder_fail(builder, head, KS_E_ARGUMENT, call,
                         in_sessions ? "sessions need a merger, for two that become one"
                                     : "a merger is for sessions; give NULL");
    }
    return (merge != NULL) == in_sessions;
}

int64_t ksi_windows_grace(const ks_windows *windows)
{
    return windows->kind == KS_WINDOWS_SESSION ? ksi_window_end(windows->grace_ms, windows->size_ms)
                                               : windows->grace_ms;
}

const ks_serde *ksi_windowed_key(ks_builder *builder, const ks_windows *windows,
                                 const ks_serde *key)
{
    ks_arena *arena = &builder->topology->arena;
    return windows->kind == KS_WINDOWS_SESSION
               ? ksi_session_windowed_serde(arena, key)
               : ksi_time_windowed_serde(arena, key, windows->size_ms);
}

ks_windowed_stream *ks_grouped_stream_windowed_by(ks_grouped_stream *grouped, ks_windows windows)
{
    static const char call[] = "ks_grouped_stream_windowed_by";
    ks_builder *builder = grouped->builder;
    if (!ksi_builder_ready(builder, NULL, call, true) ||
        !ksi_check_windows(builder, &windows, call)) {
        return &builder->inert_windowed;
    }
    ks_windowed_stream *windowed = ksi_arena_alloc(&builder->arena, sizeof *windowed);
    *windowed = (ks_windowed_stream){.builder = builder, .grouped = grouped, .windows = windows};
    return windowed;
}

ks_windowed_stream *ks_windowed_stream_emit_strategy(ks_windowed_stream *windowed,
                                                     ks_emit_strategy strategy)
{
    static const char call[] = "ks_windowed_stream_emit_strategy";
    ks_builder *builder = windowed->builder;
    if (!ksi_builder_ready(builder, NULL, call, true)) {
        return &builder->inert_windowed;
    }
    if (strategy != KS_EMIT_ON_WINDOW_UPDATE && strategy != KS_EMIT_ON_WINDOW_CLOSE) {
        (void)refuse(builder, call, "a strategy is KS_EMIT_ON_WINDOW_UPDATE or _CLOSE", strategy);
        return &builder->inert_windowed;
    }
    if (strategy == KS_EMIT_ON_WINDOW_CLOSE && windowed->windows.kind == KS_WINDOWS_UNLIMITED) {
        ksi_builder_fail(builder, NULL, KS_E_ARGUMENT, call,
                         "unlimited windows never close; emit them on each update");
        return &builder->inert_windowed;
    }
    windowed->emit = strategy;
    return windowed;
}

/* ---- aggregating ----------------------------------------------------------------------------- */

ksi_processor ksi_windowed_operation(const ksi_windowed_aggregate *config)
{
    switch (config->windows.kind) {
    case KS_WINDOWS_SLIDING:
        return ksi_op_sliding_aggregate(config);
    case KS_WINDOWS_SESSION:
        return ksi_op_session_aggregate(config);
    default:
        return ksi_op_window_aggregate(config);
    }
}

static ks_table *add(ks_windowed_stream *windowed, const char *name, const ksi_materialized *store,
                     const ksi_windowed_aggregate *how)
{
    ks_builder *builder = windowed->builder;
    ks_arena *arena = &builder->topology->arena;
    ksi_windowed_aggregate *config = ksi_arena_alloc(arena, sizeof *config);
    *config = *how;
    config->windows = windowed->windows;
    config->how.table.store = ksi_arena_strdup(arena, store->spec.name);
    config->how.table.emits_on_close = windowed->emit == KS_EMIT_ON_WINDOW_CLOSE;
    ks_table *table = ksi_add_aggregation(
        windowed->grouped, store, ksi_windowed_operation(config),
        &(ks_table){.name = name,
                    .key = ksi_windowed_key(builder, &windowed->windows, store->spec.key),
                    .table = &config->how.table});
    table->node->window_grace_ms = ksi_windows_grace(&windowed->windows);
    return table;
}

/* The steps of each aggregation in Java's order: the store takes its number first. */
static ks_table *aggregate(ks_windowed_stream *windowed, const ks_materialized *options,
                           const char *prefix, const ks_serde *default_value,
                           const ksi_windowed_aggregate *how)
{
    ks_builder *builder = windowed->builder;
    ksi_materialized store;
    if (!ksi_materialize_windows(builder, &windowed->windows, windowed->emit, options, prefix,
                                 &store)) {
        return &builder->inert_table;
    }
    store.spec.key = store.spec.key != NULL ? store.spec.key : windowed->grouped->key;
    store.spec.value = store.spec.value != NULL ? store.spec.value : default_value;
    const char *name = ksi_name_or_new(builder, KSI_HEAD_OF(options),
                                       options != NULL ? options->named : NULL, prefix);
    return name != NULL ? add(windowed, name, &store, how) : &builder->inert_table;
}

/* Checks the call; false: the builder failed. */
static bool begin(ks_windowed_stream *windowed, const char *call, bool has_functions, void *user,
                  const ks_materialized *options)
{
    ksi_builder_own(windowed->builder, user, options != NULL ? options->user_free : NULL);
    return ksi_builder_ready(windowed->builder, KSI_HEAD_OF(options), call, has_functions);
}

ks_table *ks_windowed_stream_count(ks_windowed_stream *windowed, const ks_materialized *options)
{
    ks_builder *builder = windowed->builder;
    if (!ksi_builder_ready(builder, KSI_HEAD_OF(options), "ks_windowed_stream_count", true)) {
        return &builder->inert_table;
    }
    if (ksi_is_materialized(options) && options->name == NULL &&
        windowed->windows.kind != KS_WINDOWS_SLIDING) {
        builder->next_number++; /* Java once generated a name here and keeps doing so */
    }
    return aggregate(windowed, options, AGGREGATE, &ks_serde_i64, &(ksi_windowed_aggregate){0});
}

ks_table *ks_windowed_stream_reduce(ks_windowed_stream *windowed, ks_reducer_fn *reduce, void *user,
                                    const ks_materialized *options)
{
    if (!begin(windowed, "ks_windowed_stream_reduce", reduce != NULL, user, options)) {
        return &windowed->builder->inert_table;
    }
    return aggregate(windowed, options, REDUCE, windowed->grouped->value,
                     &(ksi_windowed_aggregate){.how = {.reduce = reduce, .user = user}});
}

ks_table *ks_windowed_stream_aggregate(ks_windowed_stream *windowed, ks_initializer_fn *initialize,
                                       ks_aggregator_fn *aggregator, ks_merger_fn *merge,
                                       void *user, const ks_materialized *options)
{
    static const char call[] = "ks_windowed_stream_aggregate";
    ks_builder *builder = windowed->builder;
    if (!begin(windowed, call, initialize != NULL && aggregator != NULL, user, options) ||
        !ksi_check_merger(builder, KSI_HEAD_OF(options), &windowed->windows, merge, call)) {
        return &builder->inert_table;
    }
    return aggregate(windowed, options, AGGREGATE, NULL,
                     &(ksi_windowed_aggregate){
                         .how = {.initialize = initialize, .aggregate = aggregator, .user = user},
                         .merge = merge});
}
