/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator_time.c - see operator_time.h.
 */
#include "ops/operator_time.h"

#include "base/arena.h"
#include "state/session_store.h"
#include "state/window_store.h"

/* For how long from its start a window may be open, at most; -1: for ever. */
static int64_t open_for(const ks_windows *windows)
{
    int64_t size = windows->size_ms;
    if (windows->kind == KS_WINDOWS_UNLIMITED || size > (INT64_MAX - windows->grace_ms) / 2) {
        return -1;
    }
    return (windows->kind == KS_WINDOWS_SLIDING ? 2 * size : size) + windows->grace_ms;
}

/* The time at which all windows have closed that the store hides; -1: it hides none. */
static int64_t time_of_store(ksi_store *store, const ks_windows *windows)
{
    const ksi_window_store *in_windows = ksi_window_store_of(store);
    const ksi_session_store *in_sessions = ksi_session_store_of(store);
    const int64_t needed = open_for(windows);
    if (needed < 0 || (in_windows == NULL && in_sessions == NULL)) {
        return -1;
    }
    const ksi_store_spec *spec = in_windows != NULL ? ksi_window_store_spec(in_windows)
                                                    : ksi_session_store_spec(in_sessions);
    const int64_t observed = in_windows != NULL ? ksi_window_store_observed(in_windows)
                                                : ksi_session_store_observed(in_sessions);
    const int64_t longer = spec->retention_ms > needed ? spec->retention_ms - needed : 0;
    return observed > longer ? observed - longer : -1;
}

static int64_t *note_of(ks_ctx *ctx, const char *name)
{
    return ctx->services->note(ctx, ksi_arena_format(ctx->task_arena, KSI_OWN_NOTE "%s", name));
}

ksi_operator_time ksi_operator_time_of(ks_ctx *ctx, const char *name)
{
    return (ksi_operator_time){.highest = note_of(ctx, name), .at_least = -1};
}

ksi_operator_time ksi_operator_time_of_windows(ks_ctx *ctx, const char *store,
                                               const ks_windows *windows)
{
    return (ksi_operator_time){.highest = note_of(ctx, ctx->node->node->name),
                               .at_least =
                                   time_of_store(ctx->services->store(ctx, store), windows)};
}
